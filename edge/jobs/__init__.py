"""Jobs: the public handles of work, and the leases by which nodes take turns at it."""
