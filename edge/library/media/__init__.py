"""What is known of an uploaded file as a piece of media."""
