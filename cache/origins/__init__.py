"""Where sources live: local folders, HTTP folders, and the mounts that join them into one tree."""
