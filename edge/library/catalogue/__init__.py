"""What was uploaded: files, the folders they are in, and what is known of each."""
