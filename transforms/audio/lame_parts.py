"""
One MP3 stream, encoded in parts by several threads.

Each part has an encoder of its own, which begins a little before the part before it ends; both
make the same frames there, with different use of the bit reservoir. The stream changes over at
the first frame before which the one that is left has saved at least as much as the other one
spends. So the reservoir is kept, which is worth 1 to 5 dB of noise (measured), where parts
without it could be put behind each other as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from transforms.audio import layer3
from transforms.audio.crew import in_order
from transforms.audio.filters import Block
from transforms.audio.lame import FRAME_SAMPLES, LameEncoder, Library
from transforms.audio.lame_tag import corrected, crc16
from transforms.audio.stretches import Window
from transforms.plan import Encoding

# 27 s at 44.1 kHz, of which 1.7 s are encoded twice.
_PART_FRAMES = 1024

# An encoder has to settle before the stream may change over to it, and then there has to be time
# to find a place: of 2000 joins at all bitrates, two found none.
_SETTLED_FRAMES = 12
_SEARCHED_FRAMES = 52

# How far LAME looks ahead of a frame that it makes, rounded up (lame.h: mf_samples_to_encode).
_LOOK_AHEAD_FRAMES = 3

_Sound: TypeAlias = "tuple[Block, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A stretch of sound that one encoder is given; it makes frames from ``first_frame`` on."""

    first_frame: int
    sound: _Sound
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    """A part's frames, without the tag that the first part's encoder makes."""

    part: _Part
    stream: bytearray
    frames: list[layer3.Frame]
    tag: bytes

    def up_to(self, frame: int) -> list[layer3.Frame]:
        """List the frames before one of the whole stream's."""
        return self.frames[: frame - self.part.first_frame]

    def frame(self, number: int) -> layer3.Frame:
        """Return a frame by its number in the whole stream."""
        return self.frames[number - self.part.first_frame]


class LameParts:
    """As ``LameEncoder``, with several threads; only for a constant bitrate that has a tag."""

    def __init__(self, library: Library, encoding: Encoding, *, threads: int) -> None:
        self._library = library
        self._encoding = encoding
        self._threads = threads
        # Padded frames are padded in every part if parts begin where the pattern does.
        period = layer3.padding_period(encoding.bitrate_bps or 0, encoding.sample_rate_hz)
        self._step = -(-_PART_FRAMES // period) * period
        self._frame_samples = FRAME_SAMPLES if encoding.sample_rate_hz >= 32000 else 576
        self._samples = self._frames = self._bytes = self._crc = 0
        self._tag = b""

    def encode(self, blocks: Iterable[Block]) -> Iterator[bytes]:
        """Encode a whole timeline of float32 blocks; the first frame is room for the tag."""
        calls = (partial(self._encoded, part) for part in self._parts(blocks))
        left: _Encoded | None = None
        begin = 0
        for entered in in_order(calls, threads=self._threads, waiting=1):
            if left is None:
                left = entered
                self._tag = left.tag
                yield self._tag
                continue
            place = _place(left, entered, begin)
            if place is None:
                left = self._encoded(_together(left.part, entered.part, self._frame_samples))
                continue
            yield self._leave(left, entered, begin, place)
            left, begin = entered, place
        if left is not None:
            yield self._counted(left, begin, left.part.first_frame + len(left.frames))

    def tag_frame(self) -> bytes:
        """Return the Xing/LAME frame for the stream's beginning, once all is encoded."""
        return corrected(
            self._tag,
            frames=self._frames,
            audio_bytes=self._bytes,
            samples=self._samples,
            crc=self._crc,
        )

    def _parts(self, blocks: Iterable[Block]) -> Iterator[_Part]:
        step = self._step * self._frame_samples
        beyond = (_SETTLED_FRAMES + _SEARCHED_FRAMES + _LOOK_AHEAD_FRAMES) * self._frame_samples
        window = Window(0)
        number = 0
        for block in blocks:
            window.push(block)
            while window.end > (number + 1) * step + beyond:
                sound = tuple(window.between(number * step, (number + 1) * step + beyond))
                yield _Part(first_frame=number * self._step, sound=sound, last=False)
                number += 1
                window.forget_before(number * step)
        self._samples = window.end
        sound = tuple(window.between(number * step, window.end))
        yield _Part(first_frame=number * self._step, sound=sound, last=True)

    def _encoded(self, part: _Part) -> _Encoded:
        with LameEncoder(self._library, self._encoding, tag=not part.first_frame) as encoder:
            stream = bytearray(b"".join(encoder.encode(part.sound)))
            tag = encoder.tag_frame() if not part.first_frame else b""
        del stream[: len(tag)]
        found = layer3.frames(stream)
        if not part.last:
            # Those behind are made of the silence that an encoder ends with.
            del found[self._step + _SETTLED_FRAMES + _SEARCHED_FRAMES :]
        return _Encoded(part=part, stream=stream, frames=found, tag=tag)

    def _leave(self, left: _Encoded, entered: _Encoded, begin: int, place: int) -> bytes:
        layer3.hand_over(
            left.stream,
            left.up_to(place)[-_SETTLED_FRAMES:],
            entered.stream,
            entered.up_to(place)[-_SETTLED_FRAMES:],
            entered.frame(place).reservoir,
        )
        return self._counted(left, begin, place)

    def _counted(self, part: _Encoded, begin: int, end: int) -> bytes:
        """Take frames of the whole stream out of a part, and keep account of them."""
        if begin == end:
            return b""
        taken = bytes(part.stream[part.frame(begin).begin : part.frame(end - 1).end])
        self._frames += end - begin
        self._bytes += len(taken)
        self._crc = crc16(taken, self._crc)
        return taken


def _place(left: _Encoded, entered: _Encoded, begin: int) -> int | None:
    """Find a frame from which on *entered* may follow *left*."""
    first = entered.part.first_frame + _SETTLED_FRAMES
    end = left.part.first_frame + len(left.frames)
    places = range(max(first, begin), min(end, entered.part.first_frame + len(entered.frames)))
    return next((p for p in places if layer3.can_follow(left.frame(p), entered.frame(p))), None)


def _together(left: _Part, entered: _Part, frame_samples: int) -> _Part:
    """Make one part of two, for one encoder."""
    window = Window(left.first_frame * frame_samples)
    for block in left.sound:
        window.push(block)
    first = entered.first_frame * frame_samples
    before = window.between(left.first_frame * frame_samples, first)
    return _Part(first_frame=left.first_frame, sound=(*before, *entered.sound), last=entered.last)
