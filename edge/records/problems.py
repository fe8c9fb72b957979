"""What can be wrong with the records as a whole."""

from __future__ import annotations

RETRY_AFTER_SECONDS = 5


class RecordsAway(Exception):
    """
    The database cannot be reached now; the same request may work in some seconds.

    Whether a transaction that was just being committed has happened is not known then: whoever
    tries again does what can be done twice.
    """

    def __init__(self) -> None:
        super().__init__("The database cannot be reached now.")
