"""The folders of an account, made or come about, and what of them is public."""
