"""
The document behind ``f=meta``: the seed's shape, with MediaInfo's names and meanings.

One entry a track, ``General`` first. Numbers come from the packets, which are read and not
decoded; a source too large for that is described from its header, and says so.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from transforms.audio.adts_begin import from_first_frame
from transforms.audio.chain import links
from transforms.audio.cover import is_cover
from transforms.audio.describe.bitrate import bit_rate, bit_rate_mode
from transforms.audio.describe.codec_names import (
    audio_codec_name,
    codec_id,
    container_name,
    video_codec_name,
)
from transforms.audio.describe.film import (
    PictureCount,
    count_pictures,
    films,
    frame_rate,
)
from transforms.audio.describe.languages import language_name
from transforms.audio.edits import edited_track
from transforms.audio.lengths.claims import states_length
from transforms.audio.lengths.count import PacketCount, count_packets
from transforms.audio.open import open_container, open_track
from transforms.audio.survey import from_header, survey
from transforms.audio.tags import legible, read_tags
from transforms.plan import SourceFacts
from transforms.problems import UnsupportedMedia
from transforms.sources import Linked, Source

Track: TypeAlias = dict[str, object]

# Reading packets costs about 0.1 s for ten minutes of MP3; a feature film's gigabytes do not
# belong into an answer that a page waits for.
COUNTED_UP_TO_BYTES = 1 << 28

# A claim that the packets contradict by more than this means that players disagree.
_CLAIM_SLACK_SECONDS = Fraction(1, 10)

_MOST_CHAPTERS = 1000


def probe(source: Source) -> dict[str, object]:
    """
    Describe every track of a source.

    Returns:
        ``{"tracks": [General, Audio…, Video…]}``; durations in seconds, rates in Hz and bit/s.

    Raises:
        UnsupportedMedia: No allowed demuxer knows the file.
    """
    with open_container(source) as container:
        audio_tracks = len(container.streams.audio)
        general = _general(source, container)
        videos = _videos(source, container)
    audio = [_audio(source, number) for number in range(1, audio_tracks + 1)]
    if longest := _longest([*audio, *videos]):
        general.pop("durationEstimated", None)
        general |= longest
    duration = general.get("duration")
    if isinstance(duration, float) and duration > 0:
        general["overallBitRate"] = round(source.size_bytes * 8 / duration)
    return {"tracks": [dict(sorted(track.items())) for track in (general, *audio, *videos)]}


def _general(source: Source, container: InputContainer) -> Track:
    track: Track = {
        "type": "General",
        "format": container_name(source, container),
        "fileSize": source.size_bytes,
        "hasCover": any(is_cover(stream) for stream in container.streams.video),
        "audioCount": len(container.streams.audio),
        "videoCount": len(films(container)),
    }
    if container.duration and container.duration > 0:
        track |= {"duration": container.duration / av.time_base, "durationEstimated": True}
    if container.streams.audio:
        tags = read_tags(container, container.streams.audio[0])
        tags.pop("language", None)
        track |= tags
    chapters = [
        {
            "start": float(chapter["start"] * (chapter["time_base"] or 1)),
            "end": float(chapter["end"] * (chapter["time_base"] or 1)),
            "title": legible(chapter["metadata"].get("title", "")),
        }
        for chapter in container.chapters()[:_MOST_CHAPTERS]
    ]
    if chapters:
        track["chapters"] = chapters
    return track


def _longest(tracks: list[Track]) -> Track:
    """Take the duration of the track that ends last, and whether it is estimated."""
    known = [track for track in tracks if isinstance(track.get("duration"), float)]
    longest = max(known, key=lambda track: float(str(track["duration"])), default={})
    return {name: value for name, value in longest.items() if name.startswith("duration")}


def _audio(source: Source, number: int) -> Track:
    if isinstance(source, Linked):
        return _row(source, number)
    track = _by_packets(source, number)
    if "error" in track or edited_track(source, number) is None:
        return track
    track.pop("durationEstimated", None)
    return track | _edited(source, number)


def _by_packets(source: Source, number: int) -> Track:
    source = from_first_frame(source)
    try:
        with open_track(source, number) as (container, stream):
            facts = from_header(source, container, stream)
            track = _described(source, container, stream, facts)
            if source.size_bytes > COUNTED_UP_TO_BYTES:
                return track | _claimed(facts)
            stated_bps = stream.codec_context.bit_rate
            # Windows Media's attribute for packets of one size that last as long as they like.
            stated_variable = container.metadata.get("IsVBR") == "1"
            count = count_packets(container, stream, facts)
        if facts.container == "ogg":
            count, facts = _by_pages(source, number, count, facts)
        track |= _counted(count, facts, stated_bps, stated=states_length(source, facts))
        if len(links(source)) > 1:
            track.pop("durationEstimated", None)
            return track | _chained(source, number)
        mode = bit_rate_mode(source, number, count, facts, stated_variable=stated_variable)
        return track if mode is None else track | {"bitRateMode": mode}
    except UnsupportedMedia as problem:
        return {"type": "Audio", "error": problem.message}


def _by_pages(
    source: Source, number: int, count: PacketCount, facts: SourceFacts
) -> tuple[PacketCount, SourceFacts]:
    """Correct what was counted by what Ogg's pages say: libav's packets do not tell their end."""
    told = survey(source, track=number, exact=True)
    count = replace(count, samples=told.samples or 0, exact=told.exact)
    return count, facts if told.exact else replace(facts, samples=told.samples)


def _chained(source: Source, number: int) -> Track:
    """What is said of a whole chain of Ogg files: the rest is of its first link."""
    facts = survey(source, track=number, exact=True)
    seconds = facts.duration or Fraction(0)
    track: Track = {"duration": round(float(seconds), 6), "bitRateMode": "VBR"}
    if seconds:
        track["bitRate"] = round(source.size_bytes * 8 / seconds)
    if not facts.exact:
        track["durationEstimated"] = True
    return track


def _row(source: Linked, number: int) -> Track:
    """What is said of files in a row: what the first is, and how long all of them are."""
    track = _audio(source.first, number)
    if "error" in track:
        return track
    try:
        counted = source.size_bytes <= COUNTED_UP_TO_BYTES
        facts = survey(source, track=number, exact=counted)
    except UnsupportedMedia as problem:
        return {"type": "Audio", "error": problem.message}
    of_one = ("frameCount", "duration", "durationEstimated")
    return {name: value for name, value in track.items() if name not in of_one} | _claimed(facts)


def _edited(source: Source, number: int) -> Track:
    """What is said of an edited track besides: how long it plays, silence included."""
    facts = survey(source, track=number, exact=source.size_bytes <= COUNTED_UP_TO_BYTES)
    return _claimed(facts)


def _described(
    source: Source, container: InputContainer, stream: AudioStream, facts: SourceFacts
) -> Track:
    track: Track = {
        "type": "Audio",
        "codec": audio_codec_name(facts.codec),
        "codecId": codec_id(source, container, stream),
        "channels": facts.channels,
        "samplingRate": facts.sample_rate_hz,
        "bitRate": stream.codec_context.bit_rate or None,
        "title": _title(container, stream),
        "language": language_name(stream.language),
    }
    if facts.frame_samples:
        track["frameRate"] = round(facts.sample_rate_hz / facts.frame_samples, 3)
    return {name: value for name, value in track.items() if value is not None}


def _claimed(facts: SourceFacts) -> Track:
    """What the header says of the length."""
    if facts.duration is None:
        return {}
    estimated: Track = {} if facts.exact else {"durationEstimated": True}
    return {"duration": round(float(facts.duration), 6)} | estimated


def _counted(
    count: PacketCount, facts: SourceFacts, stated_bps: int | None, *, stated: bool
) -> Track:
    """What only the packets know."""
    seconds = Fraction(count.samples, facts.sample_rate_hz)
    claim = facts.duration
    contradicted = claim is not None and abs(claim - seconds) > _CLAIM_SLACK_SECONDS
    estimated = stated and contradicted and not facts.exact
    if claim is not None and count.packets and (facts.exact or not count.exact):
        seconds, estimated = claim, not facts.exact
    track: Track = {"duration": round(float(seconds), 6)}
    if facts.frame_samples:
        track["frameCount"] = count.packets
    if rate := bit_rate(count, facts, played=seconds, stated_bps=stated_bps):
        track["bitRate"] = rate
    if estimated and count.packets:
        track["durationEstimated"] = True
    return track


def _videos(source: Source, container: InputContainer) -> list[Track]:
    streams = films(container)
    if not streams:
        return []
    # Counting puts the container at its end, so what it says is asked first.
    described = [_film(source, container, stream) for stream in streams]
    counts: dict[int, PictureCount] = {}
    if source.size_bytes <= COUNTED_UP_TO_BYTES:
        counts = count_pictures(container, streams)
    for stream, track in zip(streams, described, strict=True):
        count = counts.get(stream.index)
        if rate := frame_rate(stream, count):
            track["frameRate"] = round(float(rate), 3)
        if count is None or not count.packets:
            continue
        # An AVI counts pictures that are shown again, which have no packets.
        track.setdefault("frameCount", count.packets)
        if count.duration:
            track["duration"] = round(float(count.duration), 6)
            track["bitRate"] = round(count.size_bytes * 8 / count.duration)
    return described


def _film(source: Source, container: InputContainer, stream: VideoStream) -> Track:
    context = stream.codec_context
    track: Track = {
        "type": "Video",
        "codec": video_codec_name(context.codec.name),
        "codecId": codec_id(source, container, stream),
        "width": context.width or None,
        "height": context.height or None,
        "frameCount": stream.frames or None,
        "bitRate": context.bit_rate or None,
        "title": _title(container, stream),
        "language": language_name(stream.language),
    }
    return {name: value for name, value in track.items() if value is not None}


def _title(container: InputContainer, stream: AudioStream | VideoStream) -> str | None:
    """
    Tell what a track is called; in Ogg a stream's title is the recording's.

    MP4 has a handler's name there, which MediaInfo takes for one unless it says what it is.
    """
    given = dict(stream.metadata)
    title = "" if container.format.name == "ogg" else given.get("title", "")
    title = title or given.get("track_name", "") or given.get("handler_name", "")
    return None if "handler" in title.lower() else legible(title) or None
