"""
Why a request for an artifact is refused before any work.

    FillProblem
    ├── FileNotThere        a file of the URL does not exist, or may not be seen
    ├── OverQuota           the account's processing quota does not cover it
    ├── TooManyTransforms   the account starts new transforms faster than it may
    └── QueueFull           this installation has too much waiting

What goes wrong with the media or the parameters is a ``TransformProblem``.
"""

from __future__ import annotations

from fractions import Fraction


class FillProblem(Exception):
    """A request that starts no work."""


class FileNotThere(FillProblem):
    """*path* names no file of this account that the caller may see."""

    def __init__(self, path: str, *, appended: bool = False) -> None:
        what = f"The appended file {path}" if appended else f"The file {path}"
        super().__init__(f"{what} does not exist.")
        self.path = path
        self.appended = appended


class OverQuota(FillProblem):
    """The work would pass the month's quota; all three are billed seconds."""

    def __init__(self, *, used: Fraction, price: Fraction, quota: int) -> None:
        super().__init__(
            f"This transform costs {float(price):g} s of processing; "
            f"{float(used):g} s of this month's {quota} s are used or promised."
        )
        self.used = used
        self.price = price
        self.quota = quota


class TooManyTransforms(FillProblem):
    """The account has started as many new transforms as a minute allows."""

    def __init__(self, *, a_minute: int, retry_after_seconds: int) -> None:
        super().__init__(f"An account may start {a_minute} new transforms a minute.")
        self.retry_after_seconds = retry_after_seconds


class QueueFull(FillProblem):
    """As many jobs wait as may wait."""

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__("Too many transforms are waiting to be made.")
        self.retry_after_seconds = retry_after_seconds
