"""Ogg files as they are found: cut out of a broadcast, with pages lost or broken, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from tests.support.ogg import Page, pages

_HOURS_30 = 30 * 3600 * 48_000
_LAST = 4

# What is done to the pages with sound.
Change: TypeAlias = Callable[[Sequence[Page]], Sequence[Page]]


def changed(content: bytes, change: Change, *, headers: int = 2) -> bytes:
    """Change a file's pages behind its headers, with checksums that hold."""
    first, sound = list(pages(content))[:headers], list(pages(content))[headers:]
    return b"".join(page.packed() for page in (*first, *change(sound)))


def later(sound: Sequence[Page], by: int = _HOURS_30) -> Sequence[Page]:
    """Count as somebody does who tuned in after 30 hours."""
    return [replace(page, granule=page.granule + by) for page in sound]


def leaping(sound: Sequence[Page]) -> Sequence[Page]:
    """Leap in the middle, as where a sender had nothing to send for a while; no page is lost."""
    half = len(sound) // 2
    return [*sound[:half], *later(sound[half:], 10 * 48_000)]


def begun_late(sound: Sequence[Page]) -> Sequence[Page]:
    """Lose the first half."""
    return sound[len(sound) // 2 :]


def with_a_loss(sound: Sequence[Page]) -> Sequence[Page]:
    """Lose two pages in the middle."""
    half = len(sound) // 2
    return [*sound[:half], *sound[half + 2 :]]


def without_an_end(sound: Sequence[Page]) -> Sequence[Page]:
    """Lose the last two pages."""
    return sound[:-2]


def ended_early(sound: Sequence[Page], by: int = 12_345) -> Sequence[Page]:
    """Say on the last page that some of its packets are no longer wanted."""
    *others, last = sound[:-2]
    return [*others, replace(last, flags=last.flags | _LAST, granule=last.granule - by)]


def ended_on_the_first_page(sound: Sequence[Page]) -> Sequence[Page]:
    """Have nothing but one page, and not all of that."""
    return [replace(sound[0], flags=_LAST, granule=sound[0].granule - 5_000)]


def broken(content: bytes) -> bytes:
    """Flip a bit of a packet somewhere in the middle."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
