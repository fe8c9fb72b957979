"""Media work in processes that may crash, hang or be taken over without the server noticing more
than a failed call; ``pool.Sandbox`` is its door."""
