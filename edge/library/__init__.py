"""The media library: which files an account has, and who may see them."""
