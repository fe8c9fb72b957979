"""
Fragmented MP4 segments with one AAC stream (ISO 14496-12; CMAF, ISO 23000-19; RFC 8216, 3.3).

Hand-written because the edit list that hides the encoder's priming has to be in a header that is
made before the first sample, where libav writes none. Samples are counted in the sample rate, and
the last one's duration ends where the sound does, so the presentation is exact at both ends.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from transforms.audio.encode import AAC_FRAME_SAMPLES, AAC_PRIMING_SAMPLES
from transforms.mux.adts import RATE_INDEX
from transforms.mux.segments import audible
from transforms.plan import Encoding

_TRACK = 1
_BRANDS = (b"iso6", b"mp41", b"cmfc")

# ISO 14496-12, 8.6.4.3 and 8.8.3.1: depends on no other sample, so every one is a sync sample.
_SYNC_SAMPLE = 0x02000000

_UNITY_RATE = 0x00010000
_UNITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_FULL_VOLUME = 0x0100
_UNDETERMINED = 0x55C4

# Enabled, in movie, in preview.
_TRACK_FLAGS = 7

# ISO 14496-12, 8.8.7.1 and 8.8.8.1.
_TFHD_DURATION, _TFHD_FLAGS, _BASE_IS_MOOF = 0x8, 0x20, 0x020000
_TRUN_OFFSET, _TRUN_DURATIONS, _TRUN_SIZES = 0x1, 0x100, 0x200

# ISO 14496-1, 7.2.2.1 and 7.2.6.6: descriptor tags, MPEG-4 audio in an audio stream.
_ES, _DECODER_CONFIG, _DECODER_SPECIFIC, _SL_CONFIG = 3, 4, 5, 6
_MPEG4_AUDIO, _AUDIO_STREAM = 0x40, 0x15

# An AAC frame holds at most 6144 bits a channel (ISO 14496-3, 4.5.3.3).
_LARGEST_FRAME_BYTES = 768

_LC, _SBR, _SBR_SYNC = 2, 5, 0x2B7


class Fmp4Muxer:
    """
    Makes an initialization section, and segments of one fragment each.

    Fragments have their segments' numbers, counted from 1; times follow from packet numbers.
    """

    extension = "m4s"
    media_type = "audio/mp4"

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding

    def initialisation(self) -> bytes:
        """Make ``ftyp`` and ``moov``, with an edit list that begins after the priming."""
        brands = _box(b"ftyp", _BRANDS[0], bytes(4), *_BRANDS)
        return brands + _box(b"moov", self._mvhd(), self._trak(), _mvex())

    def segment(
        self,
        packets: Sequence[bytes],
        *,
        number: int,
        first_packet: int,
        padding_samples: int = 0,
    ) -> bytes:
        """Mux a segment, as ``SegmentMuxer`` says: ``moof`` and ``mdat``."""
        kept = audible(packets, padding_samples)
        shortened = padding_samples % AAC_FRAME_SAMPLES
        time = first_packet * AAC_FRAME_SAMPLES
        # The offset's place is fixed, so one that is wrong measures what is right.
        size = len(_moof(number, time, _trun(kept, shortened, 0)))
        return _moof(number, time, _trun(kept, shortened, size + 8)) + _box(b"mdat", *kept)

    def _mvhd(self) -> bytes:
        return _full_box(
            b"mvhd",
            struct.pack(">4I", 0, 0, self._encoding.sample_rate_hz, 0),
            struct.pack(">IH10x", _UNITY_RATE, _FULL_VOLUME),
            _UNITY_MATRIX,
            struct.pack(">24xI", _TRACK + 1),
        )

    def _trak(self) -> bytes:
        tkhd = _full_box(
            b"tkhd",
            struct.pack(">5I8xHHHxx", 0, 0, _TRACK, 0, 0, 0, 0, _FULL_VOLUME),
            _UNITY_MATRIX,
            bytes(8),
            flags=_TRACK_FLAGS,
        )
        return _box(b"trak", tkhd, _box(b"edts", _elst()), self._mdia())

    def _mdia(self) -> bytes:
        rate = self._encoding.sample_rate_hz
        return _box(
            b"mdia",
            _full_box(b"mdhd", struct.pack(">4IHxx", 0, 0, rate, 0, _UNDETERMINED)),
            _full_box(b"hdlr", struct.pack(">I4s12x", 0, b"soun"), b"sound\x00"),
            _box(
                b"minf",
                _full_box(b"smhd", bytes(4)),
                # One data reference: the file itself.
                _box(b"dinf", _full_box(b"dref", _count(1), _full_box(b"url ", flags=1))),
                self._stbl(),
            ),
        )

    def _stbl(self) -> bytes:
        """Describe the samples, of which there are none here (8.8.1)."""
        return _box(
            b"stbl",
            _full_box(b"stsd", _count(1), self._mp4a()),
            _full_box(b"stts", _count(0)),
            _full_box(b"stsc", _count(0)),
            _full_box(b"stsz", bytes(8)),
            _full_box(b"stco", _count(0)),
        )

    def _mp4a(self) -> bytes:
        encoding = self._encoding
        # A field of 16 bits: rates beyond are in the decoder's configuration only.
        rate = encoding.sample_rate_hz if encoding.sample_rate_hz <= 0xFFFF else 0
        return _box(
            b"mp4a",
            struct.pack(">6xH8xHH4xI", 1, encoding.channels, 16, rate << 16),
            _full_box(b"esds", self._es_descriptor()),
        )

    def _es_descriptor(self) -> bytes:
        encoding = self._encoding
        buffer_bytes = _LARGEST_FRAME_BYTES * encoding.channels
        bitrate_bps = encoding.bitrate_bps or 0
        config = struct.pack(">BB", _MPEG4_AUDIO, _AUDIO_STREAM) + buffer_bytes.to_bytes(3, "big")
        config += struct.pack(">II", bitrate_bps, bitrate_bps)
        config += _descriptor(_DECODER_SPECIFIC, audio_specific_config(encoding))
        return _descriptor(
            _ES, bytes(3), _descriptor(_DECODER_CONFIG, config), _descriptor(_SL_CONFIG, b"\x02")
        )


def audio_specific_config(encoding: Encoding) -> bytes:
    """
    Write the AudioSpecificConfig of AAC-LC (ISO 14496-3, 1.6.2.1).

    It also says that there is no SBR, which decoders else look for at low sample rates.
    """
    bits = _LC << 4 | RATE_INDEX[encoding.sample_rate_hz]
    bits = (bits << 4 | encoding.channels) << 3
    bits = (bits << 11 | _SBR_SYNC) << 6 | _SBR << 1
    return (bits << 7).to_bytes(5, "big")


def _elst() -> bytes:
    """Skip the priming, then play what comes, however long: a duration of zero (8.6.6.1)."""
    edit = struct.pack(">IiI", 0, AAC_PRIMING_SAMPLES, _UNITY_RATE)
    return _full_box(b"elst", _count(1), edit)


def _mvex() -> bytes:
    trex = struct.pack(">5I", _TRACK, 1, AAC_FRAME_SAMPLES, 0, _SYNC_SAMPLE)
    return _box(b"mvex", _full_box(b"trex", trex))


def _moof(segment: int, time: int, trun: bytes) -> bytes:
    defaults = _BASE_IS_MOOF | _TFHD_DURATION | _TFHD_FLAGS
    tfhd = struct.pack(">III", _TRACK, AAC_FRAME_SAMPLES, _SYNC_SAMPLE)
    return _box(
        b"moof",
        _full_box(b"mfhd", _count(segment + 1)),
        _box(
            b"traf",
            _full_box(b"tfhd", tfhd, flags=defaults),
            _full_box(b"tfdt", struct.pack(">Q", time), version=1),
            trun,
        ),
    )


def _trun(packets: Sequence[bytes], shortened: int, data_offset: int) -> bytes:
    sizes = list(map(len, packets))
    start = struct.pack(">Ii", len(sizes), data_offset)
    flags = _TRUN_OFFSET | _TRUN_SIZES
    if not shortened:
        return _full_box(b"trun", start, struct.pack(f">{len(sizes)}I", *sizes), flags=flags)
    durations = [AAC_FRAME_SAMPLES] * (len(sizes) - 1) + [AAC_FRAME_SAMPLES - shortened]
    pairs = [number for pair in zip(durations, sizes, strict=True) for number in pair]
    table = struct.pack(f">{len(pairs)}I", *pairs)
    return _full_box(b"trun", start, table, flags=flags | _TRUN_DURATIONS)


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + name + body


def _full_box(name: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *parts)


def _count(entries: int) -> bytes:
    return struct.pack(">I", entries)


def _descriptor(tag: int, *parts: bytes) -> bytes:
    """
    Write a descriptor with its length in four bytes (ISO 14496-1, 8.3.3).

    One would do, but mux.js, and so Video.js, then takes the stream's type for that of its AAC.
    """
    body = b"".join(parts)
    return bytes((tag, 0x80, 0x80, 0x80, len(body))) + body
