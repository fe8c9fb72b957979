"""
What a track is and how long it plays, without decoding it.

Two depths. From the header: milliseconds, and exact where the container's own count can be
trusted. From the packets: reads the whole file once, and is exact everywhere. What a header
claims is never billed; it only plans.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.adts_begin import from_first_frame
from transforms.audio.chain import Link, ends_in_another, first_link, next_link
from transforms.audio.edits import edited_track
from transforms.audio.layouts import channels_of
from transforms.audio.lengths.claims import claim_is_exact, claimed_samples, is_mov
from transforms.audio.lengths.count import Count, count_packets
from transforms.audio.lengths.index import by_index
from transforms.audio.lengths.pages import SHORT_BYTES, by_end_pages, by_pages
from transforms.audio.lengths.walk import by_headers
from transforms.audio.lengths.xing import find_xing
from transforms.audio.open import demux, open_track, track_number
from transforms.audio.packets import OPUS, VORBIS, frame_samples, pcm_frame_bytes
from transforms.plan import Landmarks, LandmarkUnit, SourceFacts
from transforms.problems import UnsupportedMedia
from transforms.sources import Linked, Source

_AC3_SYNCS = (b"\x0b\x77", b"\x77\x0b")


def survey(source: Source, *, track: int = 1, exact: bool = False) -> SourceFacts:
    """
    Find out what one audio track is.

    Args:
        source: The bytes.

        track: Which audio track, from 1.

        exact: Read every packet where the header alone is not to be trusted.

    Raises:
        UnsupportedMedia: As ``open_track`` says.
    """
    if isinstance(source, Linked):
        return _survey_files(source, track, exact=exact)
    first = first_link(source)
    if first is source:
        return _survey_link(source, track, exact=exact)
    # A short file is read to find out what it is, so that its length costs no more.
    exact = exact or source.size_bytes <= SHORT_BYTES
    chained = exact or ends_in_another(source)
    facts = _survey_link(first, track, exact=chained)
    link = next_link(first) if chained else None
    if link is None:
        return facts
    # In a chain every link has a rate of its own; the first one's is the chain's.
    length = facts.duration or Fraction(0)
    counted = facts.exact
    while link is not None:
        with contextlib.suppress(UnsupportedMedia):
            told = _survey_link(link, track, exact=True)
            length += told.duration or 0
            counted = counted and told.exact
        link = next_link(link)
    samples = round(length * facts.sample_rate_hz)
    return replace(facts, samples=samples, exact=exact and counted, landmarks=None)


def _survey_files(source: Linked, track: int, *, exact: bool) -> SourceFacts:
    """Find out what files in a row are: what the first is, and as long as all that have sound."""
    facts = _survey_link(source.first, track, exact=exact)
    length, counted = facts.duration, facts.exact
    file = source.first.following()
    while file is not None:
        try:
            told = _survey_link(file, track, exact=exact)
        except UnsupportedMedia as problem:
            if problem.code != "no_audio":
                raise
        else:
            if told.samples == 0:
                raise silent_file()
            unknown = length is None or told.duration is None
            length = None if unknown else (length or Fraction(0)) + (told.duration or 0)
            counted = counted and told.exact
        file = file.following()
    samples = None if length is None else round(length * facts.sample_rate_hz)
    return replace(facts, samples=samples, exact=counted, landmarks=None)


def silent_file() -> UnsupportedMedia:
    """Refuse files in a row of which one has a track, but nothing on it that is understood."""
    return UnsupportedMedia("A part of the recording has an audio track without sound in it.")


def _survey_link(source: Source, track: int, *, exact: bool) -> SourceFacts:
    if (edited := edited_track(source, track)) is not None:
        return edited.facts(_survey_link(edited.media, track, exact=exact))
    source = from_first_frame(source)
    with open_track(source, track) as (container, stream):
        facts = from_header(source, container, stream)
        if facts.exact or not exact:
            return facts
        count = _count(source, track, container, stream, facts)
    # Granule positions are a worse guess than what was counted.
    paged = facts.container == "ogg" and facts.codec in (*OPUS, *VORBIS, "flac")
    if not count.exact and facts.samples is not None and not paged:
        return facts
    landmarks = count.landmarks if _lead_to_frames(source, count.landmarks) else None
    return replace(facts, samples=count.samples, exact=count.exact, landmarks=landmarks)


def _lead_to_frames(source: Source, landmarks: Landmarks | None) -> bool:
    """
    Tell whether landmarks by byte are where frames begin, and none of them begins a file.

    libav loses count of bytes behind tags in an ADTS stream, and drops a Xing header that it finds
    at the beginning of what it is given.
    """
    if landmarks is None or landmarks.unit is not LandmarkUnit.BYTES:
        return True
    for _, byte in landmarks.places:
        head = source.read_at(byte, min(2, source.size_bytes - byte))
        if head not in _AC3_SYNCS and not (head[:1] == b"\xff" and head[1:] >= b"\xe0"):
            return False
        if find_xing(Link(source, byte, source.size_bytes)) is not None:
            return False
    return True


def _count(
    source: Source,
    track: int,
    container: InputContainer,
    stream: AudioStream,
    facts: SourceFacts,
) -> Count:
    quickly = by_index if is_mov(container) else by_headers
    count = quickly(source, container, stream, facts)
    if count is None and container.format.name == "ogg":
        count = by_pages(source, track, facts)
    if count is not None:
        return count
    with open_track(source, track) as (again, same):
        count = count_packets(again, same, facts)
    if container.format.name != "ogg":
        return count
    # There libav counts a first packet of Vorbis that is not heard, says nothing of where Speex
    # ends, and seeks to another page.
    return replace(count, exact=count.exact and facts.codec in (*OPUS, "flac"), landmarks=None)


def from_header(source: Source, container: InputContainer, stream: AudioStream) -> SourceFacts:
    """Say what the header alone tells; the duration is exact only where it can be trusted."""
    context = stream.codec_context
    samples = claimed_samples(container, stream)
    if container.format.name == "ogg":
        told = by_end_pages(source, track_number(container, stream))
        samples = samples if told is None else told
    exact = samples is not None and claim_is_exact(source, container, stream)
    if samples is not None and context.codec.name.startswith("pcm_"):
        # A size field may claim more than there is; what there is begins at the first packet.
        there = source.size_bytes - (_first_packet_at(container, stream) if exact else 0)
        samples = min(samples, max(0, there) // max(1, pcm_frame_bytes(stream)))
    return SourceFacts(
        container=container.format.name,
        codec=context.codec.name,
        sample_rate_hz=context.sample_rate,
        channels=channels_of(context),
        frame_samples=frame_samples(stream),
        samples=samples,
        exact=exact,
    )


def _first_packet_at(container: InputContainer, stream: AudioStream) -> int:
    try:
        packet = next(demux(container, stream), None)
        container.seek(0)
    except av.error.FFmpegError:
        return 0
    return 0 if packet is None else max(0, packet.pos or 0)
