"""What accounts' webhooks are signed with."""
