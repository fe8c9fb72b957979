"""
Decoding one track, exact to the sample.

Position 0 is the first sample a player plays: libavcodec drops the priming that the container
states (edit lists, LAME and iTunSMPB tags, Opus pre-skip) and positions are counted, not taken
from timestamps, so that a container's rounding never moves a sample. Where the container allows
an exact landing, a late start is reached by seeking to a little before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.open import open_track
from transforms.audio.survey import is_mov, stated_gapless
from transforms.problems import RenderFailed, UnsupportedMedia
from transforms.sources import Source

# Below this, decoding from the start costs less than a seek saves.
_SEEK_WORTH_SECONDS = 20

# What must be decoded and thrown away before the landing point so that the rest is the same as
# in one pass, in samples (measured: 11 520 for MP3's bit reservoir, one frame for AAC's overlap).
_PRE_ROLL_SAMPLES = {
    **{"mp3": 11_520, "mp3float": 11_520, "aac": 4_096, "flac": 0, "alac": 0},
}
# Demuxers whose landing points carry exact positions; Ogg's after a seek were wrong in a fifth
# of the cases, so Ogg is decoded from its start.
_EXACT_SEEKERS = ("mp3", "mov", "wav", "w64", "aiff", "flac")


def decode(
    source: Source, *, track: int = 1, start: int = 0, end: int | None = None
) -> Iterator[AudioFrame]:
    """
    Decode the samples ``start <= n < end`` of one track.

    Args:
        source: The bytes.

        track: Which audio track, from 1.

        start: First sample wanted, in the track's own sample rate.

        end: First sample no longer wanted; ``None`` for all there is. Past the end of the track
            it changes nothing.

    Yields:
        Frames in the decoder's own format, whose lengths add up to exactly the samples there are.

    Raises:
        UnsupportedMedia: As ``open_track`` says, or not one packet could be decoded.
        RenderFailed: The track ends before *start*.
    """
    with open_track(source, track) as (container, stream):
        gapless = stated_gapless(container)
        end = _earlier(end, gapless[1] if gapless else _edit_list_end(container, stream))
        position = _seek(container, stream, start)
        if position:
            frames = _positioned(_frames(container, stream), stream)
        else:
            frames = _counted(_frames(container, stream), -gapless[0] if gapless else 0)
        began = False
        reached = 0
        for at, frame in frames:
            reached = at + frame.samples
            if reached <= start:
                continue
            if end is not None and at >= end:
                break
            first = max(0, start - at)
            last = frame.samples if end is None else min(frame.samples, end - at)
            if last > first:
                began = True
                yield cut(frame, first, last)
            if end is not None and reached >= end:
                break
        if not began:
            raise _nothing(start, stream, sound=position or reached > 0)


def cut(frame: AudioFrame, first: int, last: int) -> AudioFrame:
    """Return the samples ``first <= n < last`` of a frame, the frame itself if that is all."""
    if first == 0 and last == frame.samples:
        return frame
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        piece = samples[:, first:last]
    else:
        channels = frame.layout.nb_channels
        piece = samples[:, first * channels : last * channels]
    short = AudioFrame.from_ndarray(piece.copy(), frame.format.name, frame.layout.name)
    short.sample_rate = frame.sample_rate
    return short


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Decode every packet that can be; a damaged one is passed over, as players do."""
    broken = 0
    decoded = 0
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                broken += 1
                continue
            for frame in frames:
                if frame.samples:
                    decoded += 1
                    yield frame
    except av.error.FFmpegError as problem:
        # Reading on is not possible; what came before is as good as it ever was.
        if not decoded:
            raise UnsupportedMedia("The file breaks off before its first sound.") from problem
    if not decoded and broken:
        raise UnsupportedMedia("None of the audio track's packets could be decoded.")


def _counted(frames: Iterator[AudioFrame], at: int) -> Iterator[tuple[int, AudioFrame]]:
    for frame in frames:
        yield at, frame
        at += frame.samples


def _positioned(
    frames: Iterator[AudioFrame], stream: AudioStream
) -> Iterator[tuple[int, AudioFrame]]:
    """Take the first frame's position from its timestamp, then count."""
    rate = stream.codec_context.sample_rate
    unit = stream.time_base or Fraction(1, rate)
    at: int | None = None
    for frame in frames:
        if at is None:
            at = round(((frame.pts or 0) - (stream.start_time or 0)) * unit * rate)
        yield at, frame
        at += frame.samples


def _seek(container: InputContainer, stream: AudioStream, start: int) -> bool:
    context = stream.codec_context
    codec = context.codec.name
    names = container.format.name.split(",")
    pre_roll = 0 if codec.startswith("pcm_") else _PRE_ROLL_SAMPLES.get(codec)
    worth = start >= _SEEK_WORTH_SECONDS * context.sample_rate
    if pre_roll is None or not worth or not any(name in _EXACT_SEEKERS for name in names):
        return False
    unit = stream.time_base or Fraction(1, context.sample_rate)
    target = (stream.start_time or 0) + int(Fraction(start - pre_roll, context.sample_rate) / unit)
    try:
        container.seek(target, stream=stream, backward=True)
    except av.error.FFmpegError:
        return False
    return True


def _edit_list_end(container: InputContainer, stream: AudioStream) -> int | None:
    """Where an MP4's edit list ends the track: libavformat leaves the last packet whole."""
    if not (is_mov(container) and stream.duration and stream.duration > 0 and stream.time_base):
        return None
    return round(stream.duration * stream.time_base * stream.codec_context.sample_rate)


def _earlier(one: int | None, other: int | None) -> int | None:
    ends = [end for end in (one, other) if end is not None]
    return min(ends, default=None)


def _nothing(start: int, stream: AudioStream, *, sound: bool) -> Exception:
    if not sound:
        return UnsupportedMedia("The audio track has no sound in it.", code="no_audio")
    seconds = start / stream.codec_context.sample_rate
    return RenderFailed(
        f"The track ends before its start at {seconds:.3f} s.",
        code="start_past_end",
        details={"parameter": "ts"},
    )
