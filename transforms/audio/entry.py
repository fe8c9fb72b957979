"""
Where decoding begins: at the start of a file, or as near before a place as is still exact.

What a decoder makes of a packet depends on those before it, on how many is the codec's matter;
and a container's own seek is only used where it lands on the sample. Elsewhere landmarks, which a
count has left behind, or the pages of Ogg tell what is where.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.chain import Link
from transforms.audio.layouts import is_list
from transforms.audio.lengths.claims import claim_is_exact, stated_gapless
from transforms.audio.ogg_entry import Spliced, page_before
from transforms.audio.ogg_sound import OggSound, read_headers
from transforms.audio.open import demux, open_track, track_number
from transforms.audio.survey import survey
from transforms.plan import Landmarks, LandmarkUnit
from transforms.sources import Source

# Below this, decoding from the start costs less than a seek saves.
_WORTH_SECONDS = 20

# What must be decoded and thrown away before the landing point so that the rest is the same as
# in one pass, in samples. Measured: 11 520 for MP3's bit reservoir, one frame for the overlap of
# AAC and AC-3, two blocks of Vorbis, up to 18 s for Opus (speech predicts itself for long).
_PRE_ROLL_SAMPLES = {
    **{"mp3": 11_520, "mp3float": 11_520, "mp2": 4_608, "mp2float": 4_608},
    **{"aac": 4_096, "ac3": 4_608, "eac3": 4_608},
    **dict.fromkeys(("flac", "alac", "wavpack", "tta"), 0),
    **dict.fromkeys(("vorbis", "libvorbis"), 16_384),
    **dict.fromkeys(("opus", "libopus"), 30 * 48_000),
}
_SELF_FRAMING_PRE_ROLL_SAMPLES = 11_520

# Demuxers whose landing points carry exact positions.
_EXACT_SEEKERS = frozenset(("mp3", "mov", "wav", "w64", "aiff", "flac"))

# How far ahead of a landmark a seek is aimed, and how far from it it may land.
_AHEAD_SECONDS = 1
_MOST_PASSED_PACKETS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    An open track and its packets from some place on.

    ``at`` is the player's count of the first sample they decode to; ``None`` where the first
    frame's timestamp tells it, and ``origin_ticks`` is the timestamp of the track's beginning.
    ``sound`` is what an Ogg file says of the track.
    """

    container: InputContainer
    stream: AudioStream
    packets: Iterator[av.Packet[AudioStream]]
    at: int | None
    origin_ticks: int = 0
    sound: OggSound | None = None
    ends_at: int | None = None


@contextmanager
def opened_before(
    source: Source, track: int, start: int, landmarks: Landmarks | None = None
) -> Iterator[Entry]:
    """
    Open a track so that its sound is right from sample *start* on, at the latest.

    Args:
        source: The bytes, no chain of Ogg files.

        track: Which audio track, from 1.

        start: In a player's count and the track's own sample rate.

        landmarks: As in ``SourceFacts``.

    Raises:
        UnsupportedMedia: As ``open_track`` says.
    """
    place = _place_before(landmarks, LandmarkUnit.BYTES, start - _SELF_FRAMING_PRE_ROLL_SAMPLES)
    if place is not None:
        at, byte = place
        with open_track(Link(source, byte, source.size_bytes), track) as (container, stream):
            yield Entry(container=container, stream=stream, packets=demux(container, stream), at=at)
        return
    with open_track(source, track) as (container, stream):
        beginning = _beginning(source, container, stream)
        late = landmarks is None and _is_late(start, stream)
        uncounted = late and _is_uncounted_mp3(source, container, stream)
        page = _page_before(source, beginning, start, landmarks)
        entry = None
        if not page and not uncounted:
            entry = _entered(source, beginning, start, landmarks)
        if entry is not None:
            yield entry
            return
    if uncounted:
        counted = survey(source, track=track, exact=True)
        nowhere = Landmarks(unit=LandmarkUnit.BYTES, places=())
        with opened_before(source, track, start, counted.landmarks or nowhere) as entry:
            yield replace(entry, ends_at=counted.samples if counted.landmarks else None)
        return
    # A file that a seek has missed in is no longer at its beginning.
    sound = beginning.sound
    at, byte = page or (0, 0)
    again = Spliced(source, sound.begin, byte) if page and sound else source
    with open_track(again, track) as (container, stream):
        entry = _beginning(source, container, stream)
        yield replace(entry, at=at) if page else entry


def _beginning(source: Source, container: InputContainer, stream: AudioStream) -> Entry:
    gapless = stated_gapless(container)
    return Entry(
        container=container,
        stream=stream,
        packets=demux(container, stream),
        at=-gapless[0] if gapless else 0,
        sound=_ogg_sound(source, container, stream),
    )


def _entered(
    source: Source, beginning: Entry, start: int, landmarks: Landmarks | None
) -> Entry | None:
    """Seek in a track, if that is worth it and exact; ``None`` if a seek has missed."""
    container, stream = beginning.container, beginning.stream
    context = stream.codec_context
    pre_roll = _pre_roll(context.codec.name)
    if pre_roll is None or not _is_late(start, stream):
        return beginning
    unit = stream.time_base or Fraction(1, context.sample_rate)
    exact = not _EXACT_SEEKERS.isdisjoint(container.format.name.split(","))
    if exact and not _is_uncounted_mp3(source, container, stream):
        ticks = int(Fraction(start - pre_roll, context.sample_rate) / unit)
        try:
            container.seek((stream.start_time or 0) + ticks, stream=stream)
        except av.error.FFmpegError:
            return beginning
        return replace(beginning, at=None, origin_ticks=stream.start_time or 0)
    place = _place_before(landmarks, LandmarkUnit.TICKS, start - pre_roll)
    if place is None or is_list(context.layout):
        return beginning
    at, tick = place
    found = _from_tick(container, stream, tick, before=int(_AHEAD_SECONDS / unit))
    return None if found is None else replace(beginning, packets=found, at=at)


def _is_late(start: int, stream: AudioStream) -> bool:
    return start >= _WORTH_SECONDS * stream.codec_context.sample_rate


def _is_uncounted_mp3(source: Source, container: InputContainer, stream: AudioStream) -> bool:
    """
    Tell whether libav's times are none: in an MP3 of which nobody has counted the frames.

    Where files are joined it counts frames that no decoder gives, and it knows no rate but the
    first.
    """
    return container.format.name == "mp3" and not claim_is_exact(source, container, stream)


def _from_tick(
    container: InputContainer, stream: AudioStream, tick: int, *, before: int
) -> Iterator[av.Packet[AudioStream]] | None:
    """
    Seek to the packet of a timestamp, if it is found by it again.

    Those ahead of it are decoded for nothing: the first of them may be the end of another that a
    parser took for a whole one, and of the others the decoder drops its priming.
    """
    passed = 0
    try:
        container.seek(tick - before, stream=stream)
        packets = demux(container, stream)
        for packet in islice(packets, _MOST_PASSED_PACKETS):
            if passed and packet.pts == tick:
                return chain([packet], packets)
            if packet.pts is None or packet.pts >= tick:
                return None
            with contextlib.suppress(av.error.FFmpegError):
                packet.decode()
            passed += 1
    except av.error.FFmpegError:
        pass
    return None


def _ogg_sound(source: Source, container: InputContainer, stream: AudioStream) -> OggSound | None:
    if container.format.name != "ogg":
        return None
    return read_headers(source, track_number(container, stream))


def _page_before(
    source: Source, beginning: Entry, start: int, landmarks: Landmarks | None
) -> tuple[int, int] | None:
    """Find the page of an Ogg file to begin with, and the first sample that comes of it."""
    context = beginning.stream.codec_context
    pre_roll = _pre_roll(context.codec.name)
    if (
        beginning.sound is None
        or not beginning.sound.alone
        or pre_roll is None
        or not _is_late(start, beginning.stream)
    ):
        return None
    if landmarks is not None:
        return _place_before(landmarks, LandmarkUnit.PAGES, start - pre_roll)
    if start - pre_roll <= _WORTH_SECONDS * context.sample_rate:
        return None
    return page_before(source, beginning.sound, start - pre_roll)


def _pre_roll(codec: str) -> int | None:
    return 0 if codec.startswith("pcm_") else _PRE_ROLL_SAMPLES.get(codec)


def _place_before(
    landmarks: Landmarks | None, unit: LandmarkUnit, sample: int
) -> tuple[int, int] | None:
    if landmarks is None or landmarks.unit is not unit:
        return None
    passed = bisect_right(landmarks.places, sample, key=lambda place: place[0])
    return landmarks.places[passed - 1] if passed else None
