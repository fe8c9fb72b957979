"""What can be wrong with the records as a whole."""

from __future__ import annotations

from collections.abc import Sequence

RETRY_AFTER_SECONDS = 5


class RecordsAway(Exception):
    """
    The database cannot be reached now; the same request may work in some seconds.

    Whether a transaction that was just being committed has happened is not known then: whoever
    tries again does what can be done twice.
    """

    def __init__(self) -> None:
        super().__init__("The database cannot be reached now.")


class WrongRevision(Exception):
    """The tables of the database are not those that this version of the code works with."""

    def __init__(self, message: str, *, found: str | None, expected: str) -> None:
        super().__init__(message)
        self.found = found
        self.expected = expected


class ForeignRecords(Exception):
    """The database that is to be copied to holds what is not of the installation here."""


class ForeignSeal(Exception):
    """Secret keys of the database were sealed under another key than this node's."""

    def __init__(self, key_ids: Sequence[str]) -> None:
        super().__init__(
            f"the database has keys that were sealed under another key ({', '.join(key_ids)}):"
            " give this node the EDGE_SEAL_KEY of the others, which is what the file seal.key holds"
            " in the data folder of the first"
        )
        self.key_ids = tuple(key_ids)
