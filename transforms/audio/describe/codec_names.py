"""
What MediaInfo calls codecs and containers, and what each container itself calls a codec.

libavformat keeps the container's own identifier only where it is a four-character code or a number;
where it does not, its identifier follows from the codec.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from transforms.audio.describe.transport import stream_type
from transforms.sources import Source

_AUDIO = {
    **{"aac": "AAC", "aac_latm": "AAC", "mp3": "MPEG Audio", "mp3float": "MPEG Audio"},
    **{"mp2": "MPEG Audio", "mp2float": "MPEG Audio", "mp1": "MPEG Audio", "flac": "FLAC"},
    **{"mp1float": "MPEG Audio", "opus": "Opus", "libopus": "Opus", "vorbis": "Vorbis"},
    **{"libvorbis": "Vorbis", "alac": "ALAC", "ac3": "AC-3", "eac3": "E-AC-3", "dca": "DTS"},
    **{"wmav1": "WMA", "wmav2": "WMA", "wmapro": "WMA", "wmavoice": "WMA", "amrnb": "AMR"},
    **{"wmalossless": "WMA", "amrwb": "AMR", "libopencore_amrnb": "AMR", "speex": "Speex"},
    **{"libopencore_amrwb": "AMR", "wavpack": "WavPack", "tta": "TTA", "truehd": "MLP FBA"},
    **{"libspeex": "Speex", "mlp": "MLP", "nellymoser": "Nellymoser", "gsm_ms": "GSM"},
    **{"qdm2": "QDesign 2", "mace3": "MACE 3", "mace6": "MACE 6"},
}
_VIDEO = {
    **{"h264": "AVC", "hevc": "HEVC", "mpeg4": "MPEG-4 Visual", "mpeg2video": "MPEG Video"},
    **{"mpeg1video": "MPEG Video", "vp8": "VP8", "vp9": "VP9", "av1": "AV1", "mjpeg": "JPEG"},
    **{"png": "PNG", "prores": "ProRes", "dvvideo": "DV", "vc1": "VC-1", "wmv3": "VC-1"},
    **{"libdav1d": "AV1", "libvpx": "VP8", "libvpx-vp9": "VP9", "theora": "Theora"},
    **{"flv": "Sorenson Spark", "h263": "H.263", "vp6": "VP6", "vp6f": "VP6", "vp6a": "VP6"},
    **{"msmpeg4v3": "MPEG-4 Visual", "msmpeg4v2": "MPEG-4 Visual", "dnxhd": "VC-3"},
}
_CONTAINERS = {
    **{"mov": "MPEG-4", "mp3": "MPEG Audio", "aac": "ADTS", "matroska": "Matroska"},
    **{"mpegts": "MPEG-TS", "mpeg": "MPEG-PS", "ogg": "Ogg", "wav": "Wave", "flac": "FLAC"},
    **{"asf": "Windows Media", "avi": "AVI", "flv": "Flash Video", "mxf": "MXF", "aiff": "AIFF"},
    **{"w64": "Wave64", "caf": "CAF", "au": "AU", "ac3": "AC-3", "eac3": "E-AC-3", "dts": "DTS"},
    **{"amr": "AMR", "amrnb": "AMR", "amrwb": "AMR", "tta": "TTA", "wv": "WavPack", "dv": "DV"},
    **{"mpegvideo": "MPEG Video"},
}

# ISO 14496-3 table 1.17: audio object types by libavcodec's names of profiles.
_AAC_OBJECT_TYPES = {"Main": 1, "LC": 2, "SSR": 3, "LTP": 4, "HE-AAC": 5, "HE-AACv2": 29}
_AAC = ("aac", "aac_latm")
_MPEG_AUDIO = {"mp1": 1, "mp1float": 1, "mp2": 2, "mp2float": 2, "mp3": 3, "mp3float": 3}

# Object type indications (mp4ra.org) of what an ``mp4a`` or ``mp4v`` entry may hold.
_OBJECT_TYPE_INDICATIONS = {
    **{"ac3": "A5", "eac3": "A6", "dca": "A9", "opus": "AD", "libopus": "AD", "vorbis": "DD"},
    **{"libvorbis": "DD", "mpeg4": "20", "mpeg2video": "61", "mpeg1video": "6A", "mjpeg": "6C"},
}

# RFC 9559's registry of Matroska codec identifiers.
_MATROSKA = {
    **{"opus": "A_OPUS", "libopus": "A_OPUS", "vorbis": "A_VORBIS", "libvorbis": "A_VORBIS"},
    **{"flac": "A_FLAC", "ac3": "A_AC3", "eac3": "A_EAC3", "dca": "A_DTS", "mlp": "A_MLP"},
    **{"truehd": "A_TRUEHD", "alac": "A_ALAC", "wavpack": "A_WAVPACK4", "tta": "A_TTA1"},
    **{"h264": "V_MPEG4/ISO/AVC", "hevc": "V_MPEGH/ISO/HEVC", "mpeg4": "V_MPEG4/ISO/ASP"},
    **{"vp8": "V_VP8", "vp9": "V_VP9", "av1": "V_AV1", "libdav1d": "V_AV1", "mjpeg": "V_MJPEG"},
    **{"mpeg1video": "V_MPEG1", "mpeg2video": "V_MPEG2", "theora": "V_THEORA", "ffv1": "V_FFV1"},
    **{"prores": "V_PRORES", "libvpx": "V_VP8", "libvpx-vp9": "V_VP9"},
}

# Adobe's Video File Format Specification 10.1, sections E.4.2.1 and E.4.3.1.
_FLASH = {
    **{"adpcm_swf": "1", "mp3": "2", "mp3float": "2", "nellymoser": "6", "pcm_alaw": "7"},
    **{"pcm_mulaw": "8", "speex": "11", "libspeex": "11", "flv": "2", "vp6f": "4", "vp6a": "5"},
    **{"h264": "7", "pcm_s16le": "3", "pcm_u8": "3"},
}

_FLASH_BY_RATE = {("nellymoser", 16_000): "4", ("nellymoser", 8_000): "5", ("mp3", 8_000): "14"}

# ISO 13818-1 table 2-34 has one byte for it; what is more is a registration descriptor's.
_HIGHEST_STREAM_TYPE = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunks:
    """How a file of chunks is laid out: RIFF (EBU Tech 3306), or Sony's W64 with its GUIDs."""

    first: int
    name_bytes: int
    size_bytes: int
    counts_head: bool
    aligned: int


_CHUNKS = {
    "wav": _Chunks(first=12, name_bytes=4, size_bytes=4, counts_head=False, aligned=2),
    "w64": _Chunks(first=40, name_bytes=16, size_bytes=8, counts_head=True, aligned=8),
}

_WAVE_EXTENSIBLE = 0xFFFE
_MOST_CHUNKS = 64
# RFC 8794 section 11.2.7: the EBML element DocType, its size in one byte, then its text.
_DOC_TYPE = re.compile(rb"\x42\x82[\x81-\x9f]webm")
_EBML_HEADER_BYTES = 64


def container_name(source: Source, container: InputContainer) -> str:
    """Name a container as MediaInfo does."""
    names = container.format.name.split(",")
    if "matroska" in names:
        head = source.read_at(0, min(_EBML_HEADER_BYTES, source.size_bytes))
        return "WebM" if _DOC_TYPE.search(head) else "Matroska"
    return next((_CONTAINERS[name] for name in names if name in _CONTAINERS), names[0])


def audio_codec_name(codec: str) -> str:
    """Name a codec as MediaInfo does, given libavcodec's name of its decoder."""
    if codec.startswith(("pcm_", "adpcm_")):
        return "PCM" if codec.startswith("pcm_") else "ADPCM"
    return _AUDIO.get(codec, codec.upper())


def video_codec_name(codec: str) -> str:
    """Name a codec as MediaInfo does, given libavcodec's name of its decoder."""
    return _VIDEO.get(codec, codec.upper())


def codec_id(
    source: Source, container: InputContainer, stream: AudioStream | VideoStream
) -> str | None:
    """Tell what the container itself calls a track's codec, if it calls it anything."""
    codec = stream.codec_context.codec.name
    names = container.format.name.split(",")
    found: str | None
    if "mov" in names:
        found = _mp4_id(stream, codec)
    elif "matroska" in names:
        found = _matroska_id(stream, codec)
    elif "flv" in names:
        found = f"10-{_object_type(stream)}" if codec in _AAC else _flash_number(stream, codec)
    elif "mpegts" in names:
        # ISO 13818-1 table 2-34: stream types are numbers, which MediaInfo writes in decimal.
        kind = _number(stream)
        if kind > _HIGHEST_STREAM_TYPE:
            kind = stream_type(source, stream.id) or 0
        number = str(kind) if kind else None
        found = f"{number}-{_object_type(stream)}" if codec in _AAC and number else number
    elif "aac" in names:
        found = str(_object_type(stream))
    else:
        chunks = _CHUNKS.get(names[0])
        found = (_wave_subformat(source, chunks) if chunks else None) or _tag(stream)
        found = f"{found}-{_object_type(stream)}" if codec in _AAC and found else found
    return found


def _mp4_id(stream: Stream, codec: str) -> str | None:
    tag = _tag(stream)
    if tag not in ("mp4a", "mp4v"):
        return tag
    if codec in _AAC:
        return f"mp4a-40-{_object_type(stream)}"
    if codec in _MPEG_AUDIO:
        # ISO 13818-3 (0x69) has the lower sample rates, ISO 11172-3 (0x6B) the others.
        low = isinstance(stream, AudioStream) and stream.codec_context.sample_rate < 32_000
        return "mp4a-69" if low else "mp4a-6B"
    indication = _OBJECT_TYPE_INDICATIONS.get(codec)
    return f"{tag}-{indication}" if indication else tag


def _matroska_id(stream: AudioStream | VideoStream, codec: str) -> str | None:
    if tag := _tag(stream):
        kind = "A_MS/ACM" if isinstance(stream, AudioStream) else "V_MS/VFW/FOURCC"
        return f"{kind} / {tag}"
    if codec in _AAC:
        return f"A_AAC-{_object_type(stream)}"
    if layer := _MPEG_AUDIO.get(codec):
        return f"A_MPEG/L{layer}"
    if codec.startswith("pcm_f"):
        return "A_PCM/FLOAT/IEEE"
    if codec.startswith("pcm_"):
        return "A_PCM/INT/BIG" if codec.endswith("be") else "A_PCM/INT/LIT"
    return _MATROSKA.get(codec)


def _object_type(stream: Stream) -> int:
    """Tell AAC's audio object type: what AudioSpecificConfig says (ISO 14496-3, 1.6.2.1)."""
    config = stream.codec_context.extradata or b""
    if len(config) >= 2:
        first = config[0] >> 3
        # 31 escapes to six more bits.
        return first if first < 31 else 32 + ((config[0] & 7) << 3 | config[1] >> 5)
    return _AAC_OBJECT_TYPES.get(stream.codec_context.profile or "LC", 2)


def _flash_number(stream: AudioStream | VideoStream, codec: str) -> str | None:
    """Two codecs have numbers of their own at low rates."""
    if isinstance(stream, AudioStream):
        low = _FLASH_BY_RATE.get((codec.removesuffix("float"), stream.codec_context.sample_rate))
        return low or _FLASH.get(codec)
    return _FLASH.get(codec)


def _wave_subformat(source: Source, chunks: _Chunks) -> str | None:
    """Read the subformat GUID of a WAVEFORMATEXTENSIBLE, which libavformat only translates."""
    at, name = chunks.first, chunks.name_bytes
    for _ in range(_MOST_CHUNKS):
        head = source.read_at(at, max(0, min(name + 8 + 40, source.size_bytes - at)))
        if len(head) < name + 8:
            return None
        body = name + chunks.size_bytes
        size = int.from_bytes(head[name:body], "little") - (body if chunks.counts_head else 0)
        if head[:4] != b"fmt ":
            if size < 0:
                return None
            at += body + size + -size % chunks.aligned
            continue
        form = head[body : body + 40]
        if size < 40 or len(form) < 40 or int.from_bytes(form[:2], "little") != _WAVE_EXTENSIBLE:
            return None
        return str(uuid.UUID(bytes_le=form[24:40])).upper()
    return None


def _tag(stream: Stream) -> str | None:
    """The four-character code, or the WAVE format number in hexadecimal as MediaInfo has it."""
    tag = _tag_bytes(stream)
    if tag.isascii() and tag.decode("ascii").isprintable():
        return tag.decode("ascii").strip() or None
    number = _number(stream)
    return f"{number:X}" if 0 < number < 0x10000 else None


def _number(stream: Stream) -> int:
    return int.from_bytes(_tag_bytes(stream), "little")


def _tag_bytes(stream: Stream) -> bytes:
    try:
        return (stream.codec_tag or "").encode("latin-1")
    except UnicodeDecodeError as problem:
        # PyAV takes tags for ASCII, but AAC's number in WAVE is 255.
        return problem.object
