"""
Where the parts of a media file lie (boxes, chunks, pages, elements, packets, frames).

With the place of each size and name, so that a mutation can lie about them. Reading is forgiving:
what makes no sense ends the list of parts, because mutated files are mutated again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

MOST_PARTS = 2000
DEEPEST = 12


class Order(Enum):
    """How the bytes of a size are to be read."""

    BIG = "big"
    LITTLE = "little"
    SYNCHSAFE = "synchsafe"
    VINT = "vint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A field that says how long a part is."""

    at: int
    width: int
    order: Order

    def read(self, content: bytes | bytearray) -> int:
        """Read the field."""
        raw = content[self.at : self.at + self.width]
        match self.order:
            case Order.LITTLE:
                return int.from_bytes(raw, "little")
            case Order.SYNCHSAFE:
                return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(raw)))
            case Order.VINT:
                return int.from_bytes(raw, "big") & (1 << 7 * self.width) - 1
            case Order.BIG:
                return int.from_bytes(raw, "big")

    def write(self, content: bytearray, value: int) -> None:
        """Write what of *value* fits into the field."""
        match self.order:
            case Order.LITTLE:
                raw = (value & (1 << 8 * self.width) - 1).to_bytes(self.width, "little")
            case Order.SYNCHSAFE:
                raw = bytes(value >> 7 * place & 0x7F for place in reversed(range(self.width)))
            case Order.VINT:
                fits = value & (1 << 7 * self.width) - 1
                raw = (fits | 1 << 7 * self.width).to_bytes(self.width, "big")
            case Order.BIG:
                raw = (value & (1 << 8 * self.width) - 1).to_bytes(self.width, "big")
        content[self.at : self.at + self.width] = raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a file from *start* to *end*, whose content begins at *body*."""

    start: int
    body: int
    end: int
    name: tuple[int, int] | None = None
    size: Size | None = None
    around: tuple[Size, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """
    What the head of a part looks like.

    ``containers`` says, by name, how many bytes lie before the parts inside; ``more`` bytes follow
    name and size, ``trailer`` ones the content; a ``whole`` size counts the head as well.
    """

    name_width: int
    size_width: int
    order: Order
    size_first: bool = False
    whole: bool = False
    more: int = 0
    trailer: int = 0
    aligned: int = 1
    containers: Mapping[bytes, int] = field(default_factory=dict)


def _in_boxes(*names: bytes) -> dict[bytes, int]:
    return dict.fromkeys(names, 0)


_SOUND_ENTRIES = (b"mp4a", b"alac", b"Opus", b"fLaC", b"ac-3", b"samr", b"sowt", b"lpcm")
MP4 = Layout(
    name_width=4,
    size_width=4,
    order=Order.BIG,
    size_first=True,
    whole=True,
    containers={
        **_in_boxes(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"ilst"),
        **_in_boxes(b"moof", b"traf", b"mvex", b"mfra", b"dinf", b"wave", b"covr", b"----"),
        **_in_boxes(b"\xa9nam", b"\xa9ART", b"\xa9alb"),
        **{b"meta": 4, b"stsd": 8, b"dref": 8},
        **dict.fromkeys(_SOUND_ENTRIES, 28),
    },
)
RIFF = Layout(
    name_width=4,
    size_width=4,
    order=Order.LITTLE,
    aligned=2,
    containers={b"RIFF": 4, b"RF64": 4, b"LIST": 4},
)
IFF = Layout(name_width=4, size_width=4, order=Order.BIG, aligned=2, containers={b"FORM": 4})
CAF = Layout(name_width=4, size_width=8, order=Order.BIG)
W64 = Layout(
    name_width=16,
    size_width=8,
    order=Order.LITTLE,
    whole=True,
    aligned=8,
    containers={b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00": 16},
)
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
ASF = Layout(
    name_width=16,
    size_width=8,
    order=Order.LITTLE,
    whole=True,
    containers={_ASF_HEADER: 6, _ASF_EXTENSION: 22},
)
FLAC_BLOCKS = Layout(name_width=1, size_width=3, order=Order.BIG)
FLV_TAGS = Layout(name_width=1, size_width=3, order=Order.BIG, more=7, trailer=4)
WAVPACK = Layout(name_width=4, size_width=4, order=Order.LITTLE)
ID3_FRAMES = {
    3: Layout(name_width=4, size_width=4, order=Order.BIG, more=2),
    4: Layout(name_width=4, size_width=4, order=Order.SYNCHSAFE, more=2),
}

# RFC 9559: the elements that contain others.
_EBML_MASTERS = {
    bytes.fromhex(text)
    for text in (
        *("1a45dfa3", "18538067", "1549a966", "1654ae6b", "ae", "e1", "e0", "1f43b675", "a0"),
        *("1254c367", "7373", "67c8", "63c0", "114d9b74", "4dbb", "1c53bb6b", "bb", "b7"),
        *("6d80", "6240", "5034", "1043a770", "45b9", "b6", "80", "1941a469", "61a7"),
    )
}


def walk(
    content: bytes,
    start: int,
    end: int,
    layout: Layout,
    around: tuple[Size, ...] = (),
) -> Iterator[Part]:
    """List the parts from *start* to *end* and, after each, those inside it."""
    head = layout.name_width + layout.size_width
    at = start
    while at + head <= end and len(around) < DEEPEST:
        name_at = at + layout.size_width * layout.size_first
        size_at = at + layout.name_width * (not layout.size_first)
        size = Size(at=size_at, width=layout.size_width, order=layout.order)
        body = at + head + layout.more
        length = size.read(content)
        stop = (at if layout.whole else body) + length
        if stop < body:
            return
        last = min(stop + layout.trailer, end)
        name = content[name_at : name_at + layout.name_width]
        yield Part(
            start=at,
            body=min(body, end),
            end=last,
            name=(name_at, layout.name_width),
            size=size,
            around=around,
        )
        if (skipped := layout.containers.get(name)) is not None:
            yield from walk(content, body + skipped, last, layout, (*around, size))
        at = start + -(-(last - start) // layout.aligned) * layout.aligned


def parts(content: bytes) -> Sequence[Part]:
    """List the parts of a file, none if nothing is known of its kind."""
    found: list[Part] = []
    for part in _parts(content):
        found.append(part)
        if len(found) == MOST_PARTS:
            break
    return found


def _parts(content: bytes) -> Iterator[Part]:
    start = 0
    while content[start : start + 3] == b"ID3" and start + 10 <= len(content):
        size = Size(at=start + 6, width=4, order=Order.SYNCHSAFE)
        end = min(start + 10 + size.read(content), len(content))
        yield Part(start=start, body=start + 10, end=end, name=(start + 3, 3), size=size)
        layout = ID3_FRAMES.get(content[start + 3], ID3_FRAMES[4])
        yield from walk(content, start + 10, end, layout, (size,))
        start = end
    for magic, offset, layout, first in _LAID_OUT:
        if content[start + offset : start + offset + len(magic)] == magic:
            yield from walk(content, start + first, len(content), layout)
    match content[start : start + 4]:
        case b"OggS":
            yield from _pages(content)
        case b"\x06\x0e\x2b\x34":
            yield from _keys(content)
        case b"\x1aE\xdf\xa3":
            yield from _elements(content, 0, len(content), ())
        case _ if content[start : start + 1] == b"\x47":
            yield from _cells(content, 188, start)
        case _ if content[start + 4 : start + 5] == b"\x47":
            yield from _cells(content, 192, start)
        case b"\x00\x00\x01\xba":
            yield from between(content, b"\x00\x00\x01", 0, body=4)
    yield from _frames(content, start)
    for name in (b"Xing", b"Info"):
        if (at := content.find(name, start, start + 2048)) >= 0:
            yield Part(start=at, body=at + 4, end=min(at + 156, len(content)), name=(at, 4))


# A magic, where it lies, what the file is laid out like, and from where on.
_LAID_OUT: tuple[tuple[bytes, int, Layout, int], ...] = (
    (b"ftyp", 4, MP4, 0),
    (b"moov", 4, MP4, 0),
    (b"RIFF", 0, RIFF, 0),
    (b"RF64", 0, RIFF, 0),
    (b"FORM", 0, IFF, 0),
    (b"caff", 0, CAF, 8),
    (b"riff", 0, W64, 0),
    (_ASF_HEADER, 0, ASF, 0),
    (b"fLaC", 0, FLAC_BLOCKS, 4),
    (b"FLV", 0, FLV_TAGS, 13),
    (b"wvpk", 0, WAVPACK, 0),
)


def _frames(content: bytes, start: int) -> Iterator[Part]:
    """List the frames of an elementary stream: they begin alike."""
    if content[:4] == b"fLaC":
        yield from between(content, b"\xff\xf8", 4, body=4)
        return
    sync = content[start : start + 2]
    if len(sync) == 2 and ((sync[0] == 0xFF and sync[1] >= 0xE0) or sync == b"\x0b\x77"):
        yield from between(content, sync, start, body=2)


def between(content: bytes, sync: bytes, start: int, *, body: int) -> Iterator[Part]:
    at = content.find(sync, start)
    while at >= 0:
        following = content.find(sync, at + len(sync))
        end = following if following >= 0 else len(content)
        yield Part(start=at, body=min(at + body, end), end=end)
        at = following


def _cells(content: bytes, width: int, start: int) -> Iterator[Part]:
    for at in range(start, len(content) - width + 1, width):
        sync = at + width - 188
        yield Part(start=at, body=sync + 1, end=at + width, name=(sync + 1, 2))


def _pages(content: bytes) -> Iterator[Part]:
    """RFC 3533, section 6."""
    at = content.find(b"OggS")
    while at >= 0 and at + 27 <= len(content):
        body = at + 27 + content[at + 26]
        end = min(body + sum(content[at + 27 : body]), len(content))
        # Its head is what is interesting: flags, granule position, serial, number, lacing.
        yield Part(start=at, body=at + 4, end=end)
        if body < end:
            yield Part(start=body, body=body, end=end)
        at = content.find(b"OggS", max(end, at + 4))


def _keys(content: bytes) -> Iterator[Part]:
    """SMPTE 336M: a key of 16 bytes, and a length whose first byte may say how long it is."""
    at = 0
    while at + 17 <= len(content):
        more = content[at + 16] - 0x80
        width = more if 0 < more <= 8 else 0
        size = Size(at=at + 17, width=width, order=Order.BIG)
        if not width:
            size = Size(at=at + 16, width=1, order=Order.BIG)
        body = size.at + size.width
        end = min(body + size.read(content), len(content))
        yield Part(start=at, body=min(body, end), end=end, name=(at, 16), size=size)
        at = max(end, at + 17)


def _elements(content: bytes, start: int, end: int, around: tuple[Size, ...]) -> Iterator[Part]:
    """RFC 8794: an identifier and a size, both of a length that their first bits tell."""
    at = start
    while at + 2 <= end and len(around) < DEEPEST:
        name_width = 9 - content[at].bit_length()
        size_at = at + name_width
        if name_width > 4 or size_at >= end:
            return
        size = Size(at=size_at, width=9 - content[size_at].bit_length(), order=Order.VINT)
        body = size_at + size.width
        if size.width > 8 or body > end:
            return
        last = min(body + size.read(content), end)
        name = (at, name_width)
        yield Part(start=at, body=body, end=last, name=name, size=size, around=around)
        if content[at:size_at] in _EBML_MASTERS:
            yield from _elements(content, body, last, (*around, size))
        at = last
