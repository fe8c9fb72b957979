"""
The length of an MP3 or ADTS stream by its frames' headers, from each to the next.

libav's parsers look at every byte and PyAV makes an object of every packet; an hour takes them
half a second. A walk takes a tenth of that. Where a header is not what those before it were, libav
counts on: at the ends of the file, whose tags and halves of frames it is to judge, and where
somebody has put files together.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.chain import Link
from transforms.audio.lengths.count import Count, Tally, there
from transforms.audio.lengths.xing import find_xing
from transforms.audio.open import open_track
from transforms.audio.packets import skipped
from transforms.plan import SourceFacts
from transforms.problems import UnsupportedMedia
from transforms.rates import layer3_kbps
from transforms.sources import Source

# Takes bytes and the place of a frame in them; says how many of at most so many frames follow
# each other from there, and where the next would begin.
_Steps: TypeAlias = Callable[[bytes, int, int], tuple[int, int]]

_HEAD_PACKETS = 16

_ADTS_HEADER_BYTES = 7

# Enough for libav to know what the rest of a stream is.
_STRIDE_FRAMES = 64

# A landmark every 13 s of MP3 at 44.1 kHz.
_LANDMARK_STRIDES = 8
_READ_BYTES = 1 << 20

# Fewer on end are between breaks so near each other that libav is better asked.
_LEAST_STRIDES = 2

# What libav reads where the walk ended: the rest of a stride, and tags or junk after it.
_BRIDGE_PACKETS = 3 * _STRIDE_FRAMES
_MOST_BREAKS = 100


def by_headers(
    source: Source, container: InputContainer, stream: AudioStream, facts: SourceFacts
) -> Count | None:
    """
    Count an MP3 or ADTS stream.

    Returns:
        ``None`` where libav has to read it all: an MP3 with a Xing header, whose padding libav
        takes off at the end; free format; more breaks than make it worth while.
        Where the container is afterwards is not told.
    """
    tally = Tally(container, stream, facts)
    frame = tally.lengths.frame
    head = list(islice(there(container, stream), _HEAD_PACKETS + 1))
    if frame is None or len(head) <= _HEAD_PACKETS:
        return None
    begin = head.pop()
    steps = _steps_of(source, container, facts, bytes(begin))
    if steps is None or begin.pos is None or tally.lengths.rate_hz(begin) != facts.sample_rate_hz:
        return None
    if any(map(any, map(skipped, head))):
        # Somebody states priming, and so padding, which is told at the end of one pass only.
        return None
    for packet in head:
        tally.add(packet)
    at = begin.pos
    for _ in range(_MOST_BREAKS):
        strides = _strides(source, at, steps)
        while strides and _is_tag(source, strides[-1], facts):
            del strides[-1]
        if len(strides) < _LEAST_STRIDES:
            return None
        _add_strides(tally, source, strides, frame, facts)
        try:
            onwards = _bridge(source, strides[-1], facts, tally)
        except UnsupportedMedia:
            return None
        if onwards is None:
            return tally.total()
        at = onwards
    return None


def _add_strides(
    tally: Tally, source: Source, strides: list[int], frame: int, facts: SourceFacts
) -> None:
    """Count all but the last stride, whose end may be where the walk could not go on."""
    stride_samples = _STRIDE_FRAMES * frame
    marked = range(0, len(strides) - 1, _LANDMARK_STRIDES)
    places = [
        (number * stride_samples, strides[number])
        for number in marked
        if not _is_tag(source, strides[number], facts)
    ]
    tally.add_unread((len(strides) - 1) * stride_samples, places)


def _is_tag(source: Source, at: int, facts: SourceFacts) -> bool:
    """Tell whether libav would take a frame for the Xing header of an MP3 that begins with it."""
    return facts.container == "mp3" and find_xing(Link(source, at, source.size_bytes)) is not None


def _bridge(source: Source, at: int, facts: SourceFacts, tally: Tally) -> int | None:
    """
    Have libav count on from a frame.

    Returns:
        Where to walk on; ``None`` if that was the end.

    Raises:
        UnsupportedMedia: It is something else from here on, or where to walk on is not told.
    """
    with open_track(Link(source, at, source.size_bytes), 1) as (rest, stream):
        if stream.codec_context.codec.name != facts.codec:
            raise UnsupportedMedia("What follows is in another codec.")
        packets = there(rest, stream)
        counted = list(islice(packets, _BRIDGE_PACKETS))
        after = next(packets, None)
    for packet in counted:
        tally.add(packet, marked=False)
    if after is None:
        return None
    # libav loses count of bytes behind tags in an ADTS stream.
    place = None if after.pos is None else at + after.pos
    if place is None or source.read_at(place, after.size) != bytes(after):
        raise UnsupportedMedia("What follows is not where libav says.")
    return place


def _steps_of(
    source: Source, container: InputContainer, facts: SourceFacts, frame: bytes
) -> _Steps | None:
    if len(frame) < _ADTS_HEADER_BYTES or frame[0] != 0xFF:
        return None
    if container.format.name == "aac" and facts.codec == "aac":
        return _adts_steps(frame)
    if container.format.name == "mp3" and facts.frame_samples and find_xing(source) is None:
        return _layer3_steps(facts, frame) if facts.codec in ("mp3", "mp3float") else None
    return None


def _layer3_steps(facts: SourceFacts, frame: bytes) -> _Steps:
    """ISO 11172-3 and 13818-3, section 2.4.2.3: size by bit rate, rate and padding."""
    sizes = array("H", bytes(2 << 16))
    bytes_per_kbps = (facts.frame_samples or 0) // 8 * 1000
    for index, kbps in enumerate(layer3_kbps(facts.sample_rate_hz), start=1):
        for padding in (0, 1):
            size = bytes_per_kbps * kbps // facts.sample_rate_hz + padding
            rest = frame[2] & 0x0C | index << 4 | padding << 1
            for unprotected in (0, 1):
                for private in (0, 1):
                    header = (frame[1] & 0xFE | unprotected) << 8 | rest | private
                    sizes[header] = size

    def steps(window: bytes, at: int, most: int) -> tuple[int, int]:
        for taken in range(most):
            size = sizes[window[at + 1] << 8 | window[at + 2]]
            if not size or window[at] != 0xFF:
                return taken, at
            at += size
        return most, at

    return steps


def _adts_steps(frame: bytes) -> _Steps | None:
    """ISO 14496-3, section 1.A.2.2: the size is in the header, all else in it stays."""
    profile_and_rate, channels = frame[2] & 0xFD, frame[3] & 0xC0
    if frame[1] & 0xF6 != 0xF0:
        return None

    def steps(window: bytes, at: int, most: int) -> tuple[int, int]:
        for taken in range(most):
            sync = window[at] == 0xFF and window[at + 1] & 0xF6 == 0xF0
            third, fourth, blocks = window[at + 2], window[at + 3], window[at + 6] & 3
            size = (fourth & 3) << 11 | window[at + 4] << 3 | window[at + 5] >> 5
            alike = third & 0xFD == profile_and_rate and fourth & 0xC0 == channels
            if not (sync and alike) or blocks or size < _ADTS_HEADER_BYTES:
                return taken, at
            at += size
        return most, at

    return steps


def _strides(source: Source, at: int, steps: _Steps) -> list[int]:
    """Walk for as long as frames follow each other; where every 64th of them is."""
    places: list[int] = []
    while at < source.size_bytes:
        window = source.read_at(at, min(_READ_BYTES, source.size_bytes - at))
        passed = 0
        try:
            while True:
                taken, onwards = steps(window, passed, _STRIDE_FRAMES)
                if taken < _STRIDE_FRAMES:
                    return places
                places.append(at + passed)
                passed = onwards
        except IndexError:
            # The next stride does not end in this window.
            at += passed
        if not passed:
            break
    return places
