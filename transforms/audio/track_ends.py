"""
Where a track's sound ends: what its container leaves out of the last that its decoder gives.

libavcodec leaves out some of the last packet where it is told to; what is to be left out may be
more than that, and how much turns out only once all is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from transforms.audio.chain import OggLink
from transforms.audio.frames import cut
from transforms.audio.lengths.claims import stated_end
from transforms.audio.ogg_sound import OggSound, end_trimming
from transforms.sources import Source

# In samples of a track's first rate, which others need not divide.
Position: TypeAlias = int | Fraction

# RFC 3533 section 6: a page has at most 255 pieces of packets.
_MOST_PAGE_PACKETS = 255


def extent(frame: AudioFrame, rate: int) -> Position:
    """Tell how long a frame is in a track that may change its rate on the way."""
    if frame.sample_rate == rate:
        return frame.samples
    return Fraction(frame.samples * rate, frame.sample_rate)


def edit_list_end(stream: AudioStream) -> int | None:
    """Tell where an MP4's edit list ends the track: libavformat leaves the last packet whole."""
    if not (stream.duration and stream.duration > 0 and stream.time_base):
        return None
    return round(stream.duration * stream.time_base * stream.codec_context.sample_rate)


def ended(
    frames: Iterator[tuple[Position, AudioFrame]],
    stated: int | None,
    sample_rate_hz: int,
) -> Iterator[tuple[Position, AudioFrame]]:
    """End a track where it says, which may only turn out once it has ended."""
    tail: list[tuple[Position, AudioFrame]] = []
    for at, frame in frames:
        if stated is None or at + extent(frame, sample_rate_hz) <= stated:
            yield at, frame
            continue
        tail.append((at, frame))
        if at > stated + sample_rate_hz:
            break
    if tail:
        last_at, last = tail[-1]
        end = stated_end(stated, round(last_at + extent(last, sample_rate_hz)), sample_rate_hz)
        for at, frame in tail:
            if at < end:
                yield at, cut(frame, 0, min(frame.samples, end - round(at)))


def trimmed(
    frames: Iterator[tuple[Position, AudioFrame]],
    source: Source,
    sound: OggSound,
    sample_rate_hz: int,
) -> Iterator[tuple[Position, AudioFrame]]:
    """End a track where the last page of its Ogg file says, which may be some packets earlier."""
    held: deque[tuple[Position, AudioFrame]] = deque()
    for item in frames:
        held.append(item)
        # As long as there is more to read, no packet of the last page is among them; behind that
        # may be pictures.
        reading = sound.alone and isinstance(source, OggLink) and not source.is_read
        most = 0 if reading else _MOST_PAGE_PACKETS
        while len(held) > most:
            yield held.popleft()
    if held:
        at, last = held[-1]
        end = at + extent(last, sample_rate_hz) - end_trimming(source, sound)
        for at, frame in held:
            if at < end:
                yield at, cut(frame, 0, min(frame.samples, round(end - at)))
