"""What must outlive every process: jobs, accounts and the ledger, in SQLite or PostgreSQL."""
