"""What ``f=meta`` says, beside what MediaInfo says of the same files."""
