"""
The pictures of a file, described from their packets: we never decode them, but people ask.

Containers round or omit the frame rate and seldom state the bit rate, so both are counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from transforms.audio.cover import is_cover
from transforms.audio.open import demux

# A stated frame rate this close to the counted one is the exact one: 30000/1001, not 29.4.
_RATE_SLACK = Fraction(3, 100)

# What claims to be faster is a time base that was taken for a rate (FLV: milliseconds).
_FASTEST = 500


@dataclass(slots=True, kw_only=True)
class PictureCount:
    """The packets of one video track; times in seconds, ``None`` before the first is known."""

    packets: int = 0
    size_bytes: int = 0
    first: Fraction | None = None
    last: Fraction | None = None
    end: Fraction | None = None

    @property
    def duration(self) -> Fraction | None:
        """Seconds from the first picture's beginning to the last one's end."""
        if self.first is None or self.last is None or self.end is None:
            return None
        shown = self.end - self.last
        if self.rate and shown * self.rate < Fraction(1, 2):
            # FLV's last picture has no duration: it is shown as long as the others.
            shown = 1 / self.rate
        return self.last + shown - self.first or None

    @property
    def rate(self) -> Fraction | None:
        """Pictures a second, told from when they begin."""
        if self.first is None or self.last is None or self.last <= self.first:
            return None
        return (self.packets - 1) / (self.last - self.first)


def films(container: InputContainer) -> list[VideoStream]:
    """List the video tracks of a known codec; covers are none."""
    return [
        stream
        for stream in container.streams.video
        # PyAV has no context for a codec that libavcodec does not know.
        if not is_cover(stream) and stream.codec_context is not None
    ]


def count_pictures(
    container: InputContainer, streams: Iterable[VideoStream]
) -> dict[int, PictureCount]:
    """Read all packets of video tracks, by stream index; the container is at its end afterwards."""
    counts = {stream.index: PictureCount() for stream in streams}
    for stream in container.streams:
        if stream.index not in counts:
            stream.discard = Discard.all
    try:
        wanted = [stream for stream in container.streams.video if stream.index in counts]
        for packet in demux(container, *wanted):
            if packet.size:
                _add(counts[packet.stream.index], packet)
    except av.error.FFmpegError:
        # What a truncated or damaged file still holds has been counted.
        pass
    return counts


def frame_rate(stream: VideoStream, count: PictureCount | None) -> Fraction | None:
    """Tell pictures a second: as stated where that agrees with the count, else as counted."""
    rates = (stream.guessed_rate, stream.average_rate)
    stated = [rate for rate in rates if rate and rate <= _FASTEST]
    if count is None or count.rate is None or stream.container.format.name == "avi":
        # An AVI has nothing but its rate: a picture that is late is an empty one.
        return stated[0] if stated else None
    close = (rate for rate in stated if abs(rate / count.rate - 1) <= _RATE_SLACK)
    return next(close, count.rate)


def _add(count: PictureCount, packet: av.Packet[VideoStream]) -> None:
    count.packets += 1
    count.size_bytes += packet.size
    ticks = packet.dts if packet.pts is None else packet.pts
    if ticks is None or packet.time_base is None:
        return
    begins = ticks * packet.time_base
    ends = begins + (packet.duration or 0) * packet.time_base
    count.first = begins if count.first is None else min(count.first, begins)
    count.last = begins if count.last is None else max(count.last, begins)
    count.end = ends if count.end is None else max(count.end, ends)
