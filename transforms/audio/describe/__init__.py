"""What ``f=meta`` says of a file: names, rates, films and languages, as MediaInfo has them."""
