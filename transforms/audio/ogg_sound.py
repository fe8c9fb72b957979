"""
The sound in an Ogg file, packet by packet and without a decoder: where it is and how long.

Granule positions say where somebody believes a page to end: they begin anywhere in what was cut
out of a broadcast, leap where a sender was silent, and go on over pages that were lost. What a
decoder makes is the sum of what the packets hold, which stands in their first bytes; so those are
added up, over the same pages and packets that libavformat would find.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from typing import TypeAlias

from transforms.audio import flac
from transforms.audio.ogg_pages import LARGEST_PAGE_BYTES, MAGIC, Page, is_whole, parsed
from transforms.audio.packets import opus_samples
from transforms.sources import Source

# Takes bytes, and where in them a packet begins; tells how many samples it holds, or 0 if that
# cannot be told.
_Held: TypeAlias = Callable[[bytes, int], int]

_READ_BYTES = 1 << 18
_MOST_HEADER_BYTES = 1 << 24

# As many of the first bytes of a packet as tell what it holds.
_TELLING_BYTES = 16

# Vorbis I, section 4.2.4: bits of a mode, and of their number; the framing bit is behind them.
_MODE_BITS, _MODE_COUNT_BITS = 41, 6
_MOST_MODES_BYTES = 2 + (_MODE_COUNT_BITS + (_MODE_BITS << _MODE_COUNT_BITS)) // 8

# Two pages of the largest kind, the second of which is the last; and some pictures among them.
_TAIL_BYTES = 3 * LARGEST_PAGE_BYTES
_FILM_TAIL_BYTES = 1 << 22


# True of the sizes with which a packet ends (RFC 3533, section 6, 27).
_ENDS_PACKET = bytes(size < 255 for size in range(256))


class Untold(Exception):
    """A stream has something in it of which only a decoder knows what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OggSound:
    """
    What the headers of an Ogg file say of one stream, which may be ``alone`` in it.

    ``begin`` is the byte of the first page with sound, or before it. A decoder drops ``pre_skip``
    samples where it begins. ``overlapped`` packets are heard half with the one before and half with
    the next, so that the first gives nothing; ``held`` then tells a block's size. Where the first
    byte of nearly every packet does, ``by_first_byte`` has what it tells, or 0.
    """

    begin: int
    serial: bytes
    alone: bool
    pre_skip: int
    overlapped: bool
    held: _Held
    by_first_byte: Sequence[int] | None

    def samples(self, before: int, packet: int) -> int:
        """Tell what a decoder makes of a packet, from what it and the one before hold."""
        if not self.overlapped:
            return packet
        return (before + packet) // 4 if before else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPage:
    """
    A page, and the sound up to it, in samples since the sound's beginning, pre-skip included.

    ``begun`` is the sound of packets that begin before this page, ``first`` that of the first that
    begins on it if it also ends there, else ``None``; ``ended`` that of all packets that end up to
    this page's end. ``glued`` tells that a packet of an earlier page was never finished, and is
    joined to what is here.
    """

    page: Page
    begun: int
    first: int | None
    ended: int
    glued: bool

    @property
    def is_entrance(self) -> bool:
        """Whether decoding can begin here: libavformat misreads a last page that is the first."""
        return self.first is not None and not self.page.ends_stream


def read_headers(source: Source, track: int = 1) -> OggSound | None:
    """
    Read what an Ogg file says of one of its audio tracks, from 1.

    Returns:
        ``None`` for other files, and where the headers are those of another codec or broken.
    """
    beginnings: dict[bytes, bytes] = {}
    packets: list[bytes] = []
    rest = bytearray()
    at = 0
    while not packets or len(packets) < _header_packets(packets[0]):
        content = source.read_at(at, min(LARGEST_PAGE_BYTES, max(0, source.size_bytes - at)))
        page = parsed(content, 0, at)
        if page is None or page.end - at > len(content) or at > _MOST_HEADER_BYTES:
            return None
        passed = page.body - at
        if page.begins_stream:
            # The first page of each stream has nothing but its first packet.
            beginnings[page.serial] = content[passed : page.end - at]
        elif not packets:
            audio = [serial for serial, first in beginnings.items() if _header_packets(first)]
            if track > len(audio):
                return None
            serial = audio[track - 1]
            packets.append(beginnings[serial])
        if not page.begins_stream and page.serial == serial:
            for size in page.lacing:
                rest += content[passed : passed + size]
                passed += size
                if size < 255:
                    packets.append(bytes(rest))
                    rest.clear()
        at = page.end
    # Sound begins on a page of its own.
    if rest or len(packets) > _header_packets(packets[0]):
        return None
    return _sound(packets, at, serial, alone=len(beginnings) == 1)


def _header_packets(first: bytes) -> int:
    """
    Tell how many packets of headers a codec of sound has, by the first of them.

    RFC 7845 section 3; Vorbis I section 4.2.1; FLAC's mapping (RFC 9639 section 10.1) tells it.
    """
    if first[:8] == b"OpusHead":
        return 2
    if first[:5] == b"\x7fFLAC" and len(first) >= 51:
        return 1 + max(1, int.from_bytes(first[7:9], "big"))
    if first[:8] == b"Speex   ":
        return 2
    return 3 if first[:7] == b"\x01vorbis" else 0


def _sound(headers: Sequence[bytes], begin: int, serial: bytes, *, alone: bool) -> OggSound | None:
    first = headers[0]
    pre_skip = 0
    overlapped = False
    by_first_byte: Sequence[int] | None = None
    held: _Held | None = None
    if first[:8] == b"OpusHead" and len(first) >= 19:
        (pre_skip,) = struct.unpack_from("<H", first, 10)
        held, by_first_byte = _opus_held, _OPUS_SAMPLES
    elif first[:5] == b"\x7fFLAC":
        held = _flac_held
    elif first[:7] == b"\x01vorbis" and len(first) >= 30:
        overlapped = True
        by_first_byte = _vorbis_blocks(first, headers[-1])
        held = None if by_first_byte is None else _held_by(by_first_byte)
    if held is None:
        return None
    return OggSound(
        begin=begin,
        serial=serial,
        alone=alone,
        pre_skip=pre_skip,
        overlapped=overlapped,
        held=held,
        by_first_byte=by_first_byte,
    )


_OPUS_SAMPLES = array("H", (opus_samples(bytes((toc, 0))) for toc in range(256)))


def _opus_held(content: bytes, at: int) -> int:
    # 0 is of packets whose second byte says how many frames they are of.
    return _OPUS_SAMPLES[content[at]] or opus_samples(content[at : at + 2])


# RFC 9639, table 14: of the usual lengths of blocks; others are spelled out.
_FLAC_SAMPLES = (0, 192, 576, 1152, 2304, 4608, 0, 0, *(1 << code for code in range(8, 16)))


def _flac_held(content: bytes, at: int) -> int:
    if content[at : at + 2] == b"\xff\xf8" and (usual := _FLAC_SAMPLES[content[at + 2] >> 4]):
        return usual
    header = flac.read_header(content[at : at + _TELLING_BYTES])
    return header.samples if header else 0


def _vorbis_blocks(identification: bytes, setup: bytes) -> Sequence[int] | None:
    """
    Vorbis I, sections 4.2.2, 4.2.4 and 4.3.1: which mode a packet is of says how long its block is.

    The modes are the last in the setup header; all before them need not be understood.
    """
    sizes = 1 << (identification[28] & 15), 1 << (identification[28] >> 4)
    bits = int.from_bytes(setup.rstrip(b"\0")[-_MOST_MODES_BYTES:], "little")
    at = bits.bit_length() - 1
    long_blocks: list[int] = []
    modes: list[int] = []
    while at >= _MODE_BITS + _MODE_COUNT_BITS and len(long_blocks) < 1 << _MODE_COUNT_BITS:
        at -= _MODE_BITS
        mode = bits >> at & (1 << _MODE_BITS) - 1
        # Types of windows and transforms are 0, and there are 64 mappings at most.
        if mode >> 1 & 0xFFFFFFFF or mode >> 39:
            break
        long_blocks.insert(0, mode & 1)
        if (bits >> at - _MODE_COUNT_BITS & (1 << _MODE_COUNT_BITS) - 1) + 1 == len(long_blocks):
            modes = list(long_blocks)
    if not modes:
        return None
    number_bits = (len(modes) - 1).bit_length()
    blocks = array("H", bytes(512))
    for byte in range(0, 256, 2):
        number = byte >> 1 & (1 << number_bits) - 1
        blocks[byte] = sizes[modes[number]] if number < len(modes) else 0
    return blocks


def _held_by(first_byte: Sequence[int]) -> _Held:
    def held(content: bytes, at: int) -> int:
        return first_byte[content[at]]

    return held


def walk(source: Source, sound: OggSound, at: int) -> Iterator[SoundPage]:
    """
    Walk the pages from one on, adding up their packets.

    Args:
        source: The bytes.

        sound: What ``read_headers`` has read.

        at: Where a page begins; the sound is counted from there.

    Raises:
        Untold: Another stream begins, or a packet is none of the codec's.
    """
    ended = before = pending = 0
    # Whether a packet has begun and not ended.
    partial = False
    number: int | None = None
    for page, content in _whole_pages(source, at):
        if page.begins_stream or (sound.alone and page.serial != sound.serial):
            raise Untold
        if page.serial != sound.serial:
            continue
        glued = partial and (not page.continues or number is None or page.number != number + 1)
        number = page.number
        begun = ended + (sound.samples(before, pending) if partial else 0)
        first: int | None = None
        if not partial and (helds := _whole_packets(sound, page, content)):
            first = sound.samples(before, helds[0])
            ended += first + _following(sound, helds)
            before = pending = helds[-1]
            yield SoundPage(page=page, begun=begun, first=first, ended=ended, glued=False)
            continue
        # The rest of a packet whose beginning is missing is passed over.
        headless = page.continues and not partial
        fresh, own = not partial, False
        start = passed = page.body - page.at
        for size in page.lacing:
            passed += size
            if fresh and not headless:
                own = True
                pending = sound.held(content, start) if size else 0
                if not pending:
                    raise Untold
            fresh = size < 255
            if not fresh:
                continue
            start = passed
            if headless:
                headless = False
                continue
            held = sound.samples(before, pending)
            ended += held
            before = pending
            first = held if own and first is None else first
        partial = not fresh and not headless
        yield SoundPage(page=page, begun=begun, first=first, ended=ended, glued=glued)


def _whole_packets(sound: OggSound, page: Page, content: bytes) -> list[int] | None:
    """
    Tell at once what the packets of a page hold, if they all begin and end there, as most do.

    Returns:
        ``None`` where they have to be looked at one by one.
    """
    lacing = page.lacing
    if sound.by_first_byte is None or page.continues or lacing[-1:] == b"\xff" or 0 in lacing:
        return None
    ends = accumulate(lacing, initial=page.body - page.at)
    starts = [next(ends), *compress(ends, lacing.translate(_ENDS_PACKET))]
    helds = [sound.by_first_byte[content[start]] for start in starts[:-1]]
    return None if 0 in helds else helds


def _following(sound: OggSound, helds: Sequence[int]) -> int:
    """Add up what a decoder makes of all packets but the first."""
    if not sound.overlapped:
        return sum(helds) - helds[0]
    # Blocks are of 64 samples and more, by powers of two.
    return (2 * sum(helds) - helds[0] - helds[-1]) // 4


def _whole_pages(source: Source, at: int) -> Iterator[tuple[Page, bytes]]:
    """
    Yield the pages whose checksums hold, and their bytes.

    As libavformat, look for the next page where one is broken, as far as a page may be long.
    """
    while at < source.size_bytes:
        window = source.read_at(at, min(_READ_BYTES, source.size_bytes - at))
        passed = 0
        while True:
            page = parsed(window, passed, at + passed)
            if page is not None and page.end > source.size_bytes:
                return
            if page is not None and page.end - at <= len(window):
                content = window[passed : page.end - at]
                if is_whole(content):
                    yield page, content
                    passed = page.end - at
                    continue
            if passed and at + len(window) < source.size_bytes:
                # It may be whole in the next window.
                break
            passed = window.find(MAGIC, passed + 1, passed + LARGEST_PAGE_BYTES)
            if passed < 0:
                return
        at += passed


def entered_at(sound: OggSound, page: SoundPage) -> int:
    """Tell, in a player's count, what a decoder that begins with a page gives first."""
    # It drops as much for pre-skip as at the very beginning.
    return page.begun + ((page.first or 0) if sound.overlapped else 0)


def trimming(last: SoundPage, before: SoundPage | None) -> int:
    """
    Tell how many samples a stream leaves out at its end.

    Args:
        last: The last page on which a packet ends.

        before: The one before it, if there is one.

    RFC 7845 section 4.4 and Vorbis I, appendix A.2: the last page's granule position says so, and
    may leave out more than one packet.
    """
    if not last.page.ends_stream or last.page.granule < 0:
        return 0
    held = last.ended - (before.ended if before else 0)
    said = last.page.granule - (before.page.granule if before else 0)
    return min(held, max(0, held - said))


def end_trimming(source: Source, sound: OggSound) -> int:
    """Tell how many samples a stream leaves out at its end, by the last pages of its file."""
    try:
        pages = last_pages(source, sound)
    except Untold:
        return 0
    return trimming(pages[-1], pages[-2] if len(pages) > 1 else None) if pages else 0


def last_pages(source: Source, sound: OggSound) -> list[SoundPage]:
    """
    List the last pages on which packets end, whose sound is counted from somewhere before them.

    Raises:
        Untold: As ``walk`` says.
    """
    tail = _TAIL_BYTES if sound.alone else _FILM_TAIL_BYTES
    at = max(sound.begin, source.size_bytes - tail)
    return [page for page in walk(source, sound, at) if page.page.packets]
