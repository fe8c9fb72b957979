"""Public keys that accounts have registered, for tokens that their own back ends sign."""
