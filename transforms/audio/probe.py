"""
The document behind ``f=meta``: the seed's shape, with MediaInfo's names and meanings.

One entry a track, ``General`` first. Numbers come from the packets, which are read once and not
decoded; a source too large for that is described from its header, and says so.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from transforms.audio.open import open_container, open_track
from transforms.audio.survey import (
    PacketCount,
    count_packets,
    from_header,
    states_length,
)
from transforms.audio.tags import read_tags
from transforms.plan import SourceFacts
from transforms.problems import UnsupportedMedia
from transforms.sources import Source

Track: TypeAlias = dict[str, object]

# Reading packets costs about 0.1 s for ten minutes of MP3; a feature film's gigabytes do not
# belong into an answer that a page waits for.
COUNTED_UP_TO_BYTES = 1 << 28

# A packet this much larger than the smallest is more than a padding slot (ISO 11172-3, 2.4.3.1).
_CBR_SLACK_BYTES = 4

# A claim that the packets contradict by more than this means that players disagree.
_CLAIM_SLACK_SECONDS = Fraction(1, 10)

_CODECS = {
    **{"aac": "AAC", "aac_latm": "AAC", "mp3": "MPEG Audio", "mp3float": "MPEG Audio"},
    **{"mp2": "MPEG Audio", "mp2float": "MPEG Audio", "mp1": "MPEG Audio", "flac": "FLAC"},
    **{"mp1float": "MPEG Audio", "opus": "Opus", "libopus": "Opus", "vorbis": "Vorbis"},
    **{"libvorbis": "Vorbis", "alac": "ALAC", "ac3": "AC-3", "eac3": "E-AC-3", "dca": "DTS"},
    **{"wmav1": "WMA", "wmav2": "WMA", "wmapro": "WMA", "wmavoice": "WMA", "amrnb": "AMR"},
    **{"wmalossless": "WMA", "amrwb": "AMR", "libopencore_amrnb": "AMR", "speex": "Speex"},
    **{"libopencore_amrwb": "AMR", "wavpack": "WavPack", "tta": "TTA", "truehd": "MLP FBA"},
    **{"libspeex": "Speex"},
}
_VIDEO_CODECS = {
    **{"h264": "AVC", "hevc": "HEVC", "mpeg4": "MPEG-4 Visual", "mpeg2video": "MPEG Video"},
    **{"mpeg1video": "MPEG Video", "vp8": "VP8", "vp9": "VP9", "av1": "AV1", "mjpeg": "JPEG"},
    **{"png": "PNG", "prores": "ProRes", "dvvideo": "DV", "vc1": "VC-1", "wmv3": "VC-1"},
}
_FORMATS = {
    **{"mov": "MPEG-4", "mp3": "MPEG Audio", "aac": "ADTS", "matroska": "Matroska"},
    **{"mpegts": "MPEG-TS", "mpeg": "MPEG-PS", "ogg": "Ogg", "wav": "Wave", "flac": "FLAC"},
    **{"asf": "Windows Media", "avi": "AVI", "flv": "Flash Video", "mxf": "MXF", "aiff": "AIFF"},
}
# RFC 6381 and ISO 14496-3 table 1.17: the audio object type after the dash.
_AAC_OBJECT_TYPES = {"Main": 1, "LC": 2, "SSR": 3, "LTP": 4, "HE-AAC": 5, "HE-AACv2": 29}


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
        videos = [_video(stream) for stream in container.streams.video if not _is_cover(stream)]
        general = _general(source, container)
    audio = [_audio(source, number) for number in range(1, audio_tracks + 1)]
    if audio and "duration" in audio[0]:
        general.pop("durationEstimated", None)
        general |= {k: v for k, v in audio[0].items() if k.startswith("duration")}
    duration = general.get("duration")
    if isinstance(duration, float) and duration > 0:
        general["overallBitRate"] = round(source.size_bytes * 8 / duration)
    return {"tracks": [dict(sorted(track.items())) for track in (general, *audio, *videos)]}


def _general(source: Source, container: InputContainer) -> Track:
    names = container.format.name.split(",")
    track: Track = {
        "type": "General",
        "format": next((_FORMATS[name] for name in names if name in _FORMATS), names[0]),
        "fileSize": source.size_bytes,
        "hasCover": any(_is_cover(stream) for stream in container.streams.video),
        "audioCount": len(container.streams.audio),
        "videoCount": sum(not _is_cover(stream) for stream in container.streams.video),
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
            "title": chapter["metadata"].get("title", ""),
        }
        for chapter in container.chapters()[:1000]
    ]
    if chapters:
        track["chapters"] = chapters
    return track


def _audio(source: Source, number: int) -> Track:
    try:
        with open_track(source, number) as (container, stream):
            facts = from_header(source, container, stream)
            track = _described(stream, facts)
            whole = source.size_bytes <= COUNTED_UP_TO_BYTES
            if whole:
                count = count_packets(container, stream, facts)
                track |= _counted(count, facts, stated=states_length(source, facts))
            elif facts.duration is not None:
                track["duration"] = float(facts.duration)
                track |= {} if facts.exact else {"durationEstimated": True}
            return track
    except UnsupportedMedia as problem:
        return {"type": "Audio", "error": problem.message}


def _described(stream: AudioStream, facts: SourceFacts) -> Track:
    track: Track = {
        "type": "Audio",
        "codec": _codec(facts.codec),
        "codecId": _codec_id(stream, facts),
        "channels": facts.channels,
        "samplingRate": facts.sample_rate_hz,
        "title": stream.metadata.get("title"),
        "language": None if stream.language == "und" else stream.language,
    }
    if facts.frame_samples:
        track["frameRate"] = round(facts.sample_rate_hz / facts.frame_samples, 3)
    if stream.codec_context.bit_rate:
        track["bitRate"] = stream.codec_context.bit_rate
    return {name: value for name, value in track.items() if value is not None}


def _counted(count: PacketCount, facts: SourceFacts, *, stated: bool) -> Track:
    """What only the packets know."""
    if not count.packets:
        return {"frameCount": 0, "duration": 0.0}
    seconds = Fraction(count.samples, facts.sample_rate_hz)
    claim = facts.duration
    contradicted = claim is not None and abs(claim - seconds) > _CLAIM_SLACK_SECONDS
    estimated = stated and contradicted and not facts.exact
    if claim is not None and (facts.exact or not count.exact):
        seconds, estimated = claim, not facts.exact
    track: Track = {"duration": round(float(seconds), 6)}
    if facts.frame_samples:
        track["frameCount"] = count.packets
    if seconds:
        track["bitRate"] = round(count.size_bytes * 8 / seconds)
    constant = count.largest_bytes - count.smallest_bytes <= _CBR_SLACK_BYTES
    track["bitRateMode"] = "CBR" if constant or facts.codec.startswith("pcm_") else "VBR"
    if estimated:
        track["durationEstimated"] = True
    return track


def _video(stream: VideoStream) -> Track:
    context = stream.codec_context
    track: Track = {
        "type": "Video",
        "codec": _VIDEO_CODECS.get(context.name, context.name.upper()),
        "codecId": _tag(stream),
        "width": context.width or None,
        "height": context.height or None,
        "frameRate": round(float(stream.average_rate), 3) if stream.average_rate else None,
        "frameCount": stream.frames or None,
        "bitRate": context.bit_rate or None,
        "title": stream.metadata.get("title"),
        "language": None if stream.language == "und" else stream.language,
    }
    return {name: value for name, value in track.items() if value is not None}


def _is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _codec(name: str) -> str:
    if name.startswith(("pcm_", "adpcm_")):
        return "PCM" if name.startswith("pcm_") else "ADPCM"
    return _CODECS.get(name, name.upper())


def _codec_id(stream: AudioStream, facts: SourceFacts) -> str | None:
    """The container's own name for the codec, as MediaInfo reports it."""
    if facts.codec in ("aac", "aac_latm"):
        kind = _AAC_OBJECT_TYPES.get(stream.codec_context.profile or "LC", 2)
        return f"mp4a-40-{kind}"
    return _tag(stream)


def _tag(stream: Stream) -> str | None:
    """The four-character code, or the WAVE format number in hexadecimal as MediaInfo has it."""
    tag = stream.codec_tag
    if not tag or tag == "\x00" * 4:
        return None
    if tag.isprintable() and tag.isascii():
        return tag.strip()
    number = int.from_bytes(tag.encode("latin-1", "replace")[:4], "little")
    return f"{number:X}" if number < 0x10000 else None
