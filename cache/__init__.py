"""Where bytes come from and where they are kept; nothing here that an operator may not delete."""
