"""Who may ask for what: accounts, their API keys and their quotas."""
