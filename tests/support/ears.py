"""What a node hears of others, as a test has it."""

from __future__ import annotations


class Ears:
    """Hears everything, until a test says otherwise."""

    def __init__(self) -> None:
        self.current = True
        self.away = False
