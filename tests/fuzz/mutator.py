"""
Files made wrong in one to four ways, the same ones for the same seed.

Half of the ways know nothing but bytes, the other half know the parts that the format is made of
(``structures``), lie about them, and make checksums good again (``seals``): that is what gets
past a demuxer's first look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz.seals import seal
from tests.fuzz.structures import Part, Size, parts

MOST_WAYS = 4
# What duplicates may make of a file.
LARGEST_BYTES = 1 << 17
# Where most headers lie.
HEAD_BYTES = 256

BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
_EDGES = (0, 1, 2, 3, 16, 100, 1 << 15, 1 << 16, 1 << 24, 1 << 31, 1 << 32, 1 << 63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A file made wrong, and the names of the ways it was made so."""

    content: bytes
    ways: tuple[str, ...]


def mutate(content: bytes, others: Sequence[bytes], random: Random) -> Mutant:
    """Make *content* wrong, perhaps with pieces of *others*."""
    ways: list[str] = []
    for _ in range(random.randint(1, MOST_WAYS)):
        found = parts(content)
        known = PART_WAYS if found and random.random() < 0.6 else BYTE_WAYS
        name = random.choice(list(known))
        if known is PART_WAYS:
            content = PART_WAYS[name](content, found, random)
        elif name == "splice":
            content = _splice(content, random.choice(others), random)
        else:
            content = BYTE_WAYS[name](content, random)
        content = content[:LARGEST_BYTES]
        ways.append(name)
    if random.random() < 0.9:
        content = seal(content)
    return Mutant(content=content, ways=tuple(ways))


def _place(length: int, random: Random) -> int:
    """Choose a position, as often among the first bytes as among all."""
    reach = min(length, HEAD_BYTES) if random.random() < 0.5 else length
    return random.randrange(max(1, reach))


def _stretch(length: int, random: Random) -> tuple[int, int]:
    """Choose a piece, mostly a short one."""
    start = _place(length, random)
    longest = random.choice((4, 64, 1024, length))
    return start, min(length, start + random.randint(1, max(1, longest)))


def _integer(random: Random, honest: int) -> int:
    """Choose a number that breaks things: an edge, its neighbours, or one close to the truth."""
    match random.randrange(3):
        case 0:
            return max(0, honest + random.choice((-8, -4, -1, 1, 4, 8, honest)))
        case 1:
            return random.getrandbits(random.choice((8, 16, 32, 64)))
        case _:
            return max(0, random.choice(_EDGES) + random.choice((-1, -1, 0, 1)))


def _flip_bits(content: bytes, random: Random) -> bytes:
    made = bytearray(content)
    for _ in range(random.randint(1, 8) if made else 0):
        made[_place(len(made), random)] ^= 1 << random.randrange(8)
    return bytes(made)


def _set_bytes(content: bytes, random: Random) -> bytes:
    made = bytearray(content)
    for _ in range(random.randint(1, 8) if made else 0):
        made[_place(len(made), random)] = random.choice(BYTES)
    return bytes(made)


def _set_integer(content: bytes, random: Random) -> bytes:
    return _with_integer(content, _place(len(content), random), len(content), random)


def _with_integer(content: bytes, at: int, honest: int, random: Random) -> bytes:
    width = random.choice((1, 2, 4, 4, 8))
    value = _integer(random, honest) & (1 << 8 * width) - 1
    raw = value.to_bytes(width, random.choice(("big", "little")))
    return content[:at] + raw + content[at + width :]


def _fill(content: bytes, random: Random) -> bytes:
    start, end = _stretch(len(content), random)
    return content[:start] + _filling(end - start, random) + content[end:]


def _filling(length: int, random: Random) -> bytes:
    if random.random() < 0.5:
        return bytes([random.choice(BYTES)]) * length
    return random.randbytes(length)


def _delete(content: bytes, random: Random) -> bytes:
    start, end = _stretch(len(content), random)
    return content[:start] + content[end:]


def _insert(content: bytes, random: Random) -> bytes:
    at = _place(len(content), random)
    return content[:at] + _filling(random.choice((1, 2, 4, 100)), random) + content[at:]


def _duplicate(content: bytes, random: Random) -> bytes:
    start, end = _stretch(len(content), random)
    times = random.choice((1, 1, 1, 2, 16, 1000))
    room = max(0, LARGEST_BYTES - len(content)) // max(1, end - start)
    return content[:end] + content[start:end] * min(times, room) + content[end:]


def _swap(content: bytes, random: Random) -> bytes:
    one, other = sorted((_stretch(len(content), random), _stretch(len(content), random)))
    if one[1] > other[0]:
        return content
    (a, b), (c, d) = one, other
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def _truncate(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(max(1, len(content)))]


def _splice(content: bytes, other: bytes, random: Random) -> bytes:
    """Go on with another file, so that what its beginning promised does not come."""
    return content[: random.randrange(max(1, len(content)))] + other[_place(len(other), random) :]


def _part_size(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    sized = [part.size for part in found if part.size is not None]
    if not sized:
        return _part_field(content, found, random)
    size = random.choice(sized)
    made = bytearray(content)
    size.write(made, _integer(random, size.read(content)))
    return bytes(made)


def _part_name(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    names = [part.name for part in found if part.name is not None]
    if not names:
        return _part_field(content, found, random)
    (at, width), (of, _) = random.choice(names), random.choice(names)
    name = content[of : of + width] if random.random() < 0.7 else random.randbytes(width)
    return content[:at] + name + content[at + width :]


def _part_field(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    """Change a number near the beginning of a part's content, where its fields are."""
    part = random.choice(found)
    reach = min(part.end - part.body, random.choice((4, 16, 64)))
    return _with_integer(content, part.body + random.randrange(max(1, reach)), len(found), random)


def _part_bits(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    part = random.choice(found)
    made = bytearray(content)
    for _ in range(random.randint(1, 3)):
        at = part.body + random.randrange(max(1, min(part.end - part.body, 32)))
        if at < len(made):
            made[at] ^= 1 << random.randrange(8)
    return bytes(made)


def _part_fill(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    part = random.choice(found)
    length = max(0, part.end - part.body)
    return content[: part.body] + _filling(length, random) + content[part.body + length :]


def _part_drop(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    part = random.choice(found)
    return _replaced(content, part, b"", random)


def _part_cut(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    """Take away the end of a part, and mostly say so."""
    part = random.choice(found)
    kept = part.body + random.randrange(max(1, part.end - part.body))
    sizes = (part.size,) if part.size is not None and random.random() < 0.7 else ()
    return _replaced(content, part, content[part.start : kept], random, sizes)


def _part_double(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    part = random.choice(found)
    piece = content[part.start : part.end]
    times = min(random.choice((2, 2, 3, 200)), 1 + LARGEST_BYTES // max(1, len(piece)))
    return _replaced(content, part, piece * times, random)


def _part_copy(content: bytes, found: Sequence[Part], random: Random) -> bytes:
    """Put a part where another one was."""
    part, other = random.choice(found), random.choice(found)
    return _replaced(content, part, content[other.start : other.end], random)


def _replaced(
    content: bytes, part: Part, piece: bytes, random: Random, sizes: tuple[Size, ...] = ()
) -> bytes:
    """Put *piece* in the place of *part*; mostly what lies around it is made to fit."""
    made = bytearray(content)
    if random.random() < 0.8:
        sizes = (*sizes, *part.around)
    for size in sizes:
        size.write(made, max(0, size.read(made) + len(piece) - (part.end - part.start)))
    # Sizes lie before what they measure; only that of the part itself is in the piece.
    if part.size is not None and part.size in sizes:
        at = part.size.at - part.start
        piece = piece[:at] + made[part.size.at :][: part.size.width] + piece[at + part.size.width :]
    return bytes(made[: part.start]) + piece + bytes(made[part.end :])


BYTE_WAYS: Mapping[str, Callable[[bytes, Random], bytes]] = {
    "flip_bits": _flip_bits,
    "set_bytes": _set_bytes,
    "set_integer": _set_integer,
    "fill": _fill,
    "delete": _delete,
    "insert": _insert,
    "duplicate": _duplicate,
    "swap": _swap,
    "truncate": _truncate,
    "splice": lambda content, random: content,
}
PART_WAYS: Mapping[str, Callable[[bytes, Sequence[Part], Random], bytes]] = {
    "part_size": _part_size,
    "part_name": _part_name,
    "part_field": _part_field,
    "part_bits": _part_bits,
    "part_fill": _part_fill,
    "part_drop": _part_drop,
    "part_cut": _part_cut,
    "part_double": _part_double,
    "part_copy": _part_copy,
}
