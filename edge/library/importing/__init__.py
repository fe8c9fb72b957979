"""Files fetched for somebody who waits, or for somebody who is told when they are there."""
