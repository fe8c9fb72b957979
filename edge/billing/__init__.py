"""What a fill costs, and the ledger that remembers it."""
