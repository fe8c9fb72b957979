"""
The output formats: one row each, and the only place that knows what a format is made of.

Adding a format is a row here, an encoder or writer it names, and its line in ``docs/formats.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from transforms import rates

LOSSY_MULTIPLIER = Fraction(3, 4)
LOSSLESS_MULTIPLIER = Fraction(23, 20)


class Format(StrEnum):
    """The values of ``f``."""

    MP3 = "mp3"
    AAC = "aac"
    M4A = "m4a"
    OPUS = "opus"
    FLAC = "flac"
    WAV_RIFF = "wav-riff"
    WAV_RF64 = "wav-rf64"
    HLS_AAC = "hls-aac"
    HLS_AAC_RT = "hls-aac-rt"
    DASH_AAC = "dash-aac"
    HTML_AAC = "html-aac"
    META = "meta"
    COVER = "cover"
    PEAKS = "peaks"
    WAVEFORM = "waveform"


class Codec(StrEnum):
    """How samples are coded."""

    AAC = "aac"
    MP3 = "mp3"
    OPUS = "opus"
    FLAC = "flac"
    PCM = "pcm"


class Answer(StrEnum):
    """What a request for the format is answered with."""

    JOB = "job"
    PLAYLIST = "playlist"
    PAGE = "page"
    METADATA = "metadata"
    FILE = "file"


class Manifest(StrEnum):
    """What lists the files of a format that is many."""

    HLS = "hls"
    DASH = "dash"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSpec:
    """
    One row of ``FORMATS``.

    What is ``drawn`` shows the sound; what is ``of_file`` describes the file itself, whatever would
    be done to its sound; what has a ``manifest`` is many files.
    """

    answer: Answer
    codec: Codec | None
    artifact: str | None
    media_type: str
    multiplier: Fraction = Fraction(0)
    bitrates_kbps: tuple[int, ...] = ()
    sample_rates_hz: tuple[int, ...] = ()
    bit_depths: tuple[str, ...] = ()
    most_variants: int = 1
    real_time: bool = False
    drawn: bool = False
    manifest: Manifest | None = None
    of_file: bool = False

    @property
    def segmented(self) -> bool:
        """Whether the format is many files, which a manifest lists."""
        return self.manifest is not None

    @property
    def lossless(self) -> bool:
        """Whether the codec keeps every sample."""
        return self.codec in (Codec.PCM, Codec.FLAC)


_AAC_LISTS = (rates.AAC_BITRATES_KBPS, rates.AAC_SAMPLE_RATES_HZ)
MOST_VARIANTS = 10


def _aac(
    answer: Answer,
    artifact: str,
    media_type: str,
    *,
    most_variants: int = 1,
    real_time: bool = False,
    manifest: Manifest | None = None,
) -> FormatSpec:
    return FormatSpec(
        answer=answer,
        codec=Codec.AAC,
        artifact=artifact,
        media_type=media_type,
        multiplier=LOSSY_MULTIPLIER,
        bitrates_kbps=_AAC_LISTS[0],
        sample_rates_hz=_AAC_LISTS[1],
        most_variants=most_variants,
        real_time=real_time,
        manifest=manifest,
    )


def _wav() -> FormatSpec:
    return FormatSpec(
        answer=Answer.JOB,
        codec=Codec.PCM,
        artifact="/audio.wav",
        media_type="audio/wav",
        multiplier=LOSSLESS_MULTIPLIER,
        sample_rates_hz=rates.WAV_SAMPLE_RATES_HZ,
        bit_depths=("16", "24", "32f"),
    )


HLS_MEDIA_TYPE = "application/vnd.apple.mpegurl"
DASH_MEDIA_TYPE = "application/dash+xml"

FORMATS: MappingProxyType[Format, FormatSpec] = MappingProxyType(
    {
        Format.MP3: FormatSpec(
            answer=Answer.JOB,
            codec=Codec.MP3,
            artifact="/audio.mp3",
            media_type="audio/mpeg",
            multiplier=LOSSY_MULTIPLIER,
            bitrates_kbps=rates.MP3_BITRATES_KBPS,
            sample_rates_hz=rates.MP3_SAMPLE_RATES_HZ,
        ),
        Format.AAC: _aac(Answer.JOB, "/audio.aac", "audio/aac"),
        Format.M4A: _aac(Answer.JOB, "/audio.m4a", "audio/mp4"),
        Format.OPUS: FormatSpec(
            answer=Answer.JOB,
            codec=Codec.OPUS,
            artifact="/audio.opus",
            media_type="audio/ogg",
            multiplier=LOSSY_MULTIPLIER,
            bitrates_kbps=rates.OPUS_BITRATES_KBPS,
            sample_rates_hz=rates.OPUS_SAMPLE_RATES_HZ,
        ),
        Format.FLAC: FormatSpec(
            answer=Answer.JOB,
            codec=Codec.FLAC,
            artifact="/audio.flac",
            media_type="audio/flac",
            multiplier=LOSSLESS_MULTIPLIER,
            sample_rates_hz=rates.WAV_SAMPLE_RATES_HZ,
            bit_depths=("16", "24"),
        ),
        Format.WAV_RIFF: _wav(),
        Format.WAV_RF64: _wav(),
        Format.HLS_AAC: _aac(
            Answer.JOB,
            "/audio.m3u8",
            HLS_MEDIA_TYPE,
            most_variants=MOST_VARIANTS,
            manifest=Manifest.HLS,
        ),
        Format.HLS_AAC_RT: _aac(
            Answer.PLAYLIST,
            "/audio.m3u8",
            HLS_MEDIA_TYPE,
            most_variants=MOST_VARIANTS,
            real_time=True,
            manifest=Manifest.HLS,
        ),
        Format.DASH_AAC: _aac(
            Answer.JOB,
            "/audio.mpd",
            DASH_MEDIA_TYPE,
            most_variants=MOST_VARIANTS,
            manifest=Manifest.DASH,
        ),
        Format.HTML_AAC: _aac(
            Answer.PAGE,
            "/audio.m3u8",
            "text/html",
            most_variants=MOST_VARIANTS,
            real_time=True,
            manifest=Manifest.HLS,
        ),
        Format.PEAKS: FormatSpec(
            answer=Answer.FILE,
            codec=None,
            artifact="/peaks.json",
            media_type="application/json",
            drawn=True,
        ),
        Format.WAVEFORM: FormatSpec(
            answer=Answer.FILE,
            codec=None,
            artifact="/waveform.svg",
            media_type="image/svg+xml",
            drawn=True,
        ),
        Format.COVER: FormatSpec(
            answer=Answer.FILE,
            codec=None,
            artifact="/cover.jpg",
            media_type="image/jpeg",
            of_file=True,
        ),
        Format.META: FormatSpec(
            answer=Answer.METADATA,
            codec=None,
            artifact=None,
            media_type="application/json",
            of_file=True,
        ),
    }
)

DEFAULT_FORMAT = Format.HTML_AAC
SINGLE_FILES = tuple(
    f
    for f, spec in FORMATS.items()
    if spec.artifact is not None and not (spec.segmented or spec.of_file)
)


def fits_one_channel(codec: Codec | None, bitrate_bps: int | None, sample_rate_hz: int) -> bool:
    """Tell whether one channel of this codec can carry a bitrate at all."""
    match codec:
        case Codec.AAC if bitrate_bps is not None:
            return rates.aac_mono_fits(bitrate_bps, sample_rate_hz)
        case Codec.OPUS if bitrate_bps is not None:
            return rates.opus_mono_fits(bitrate_bps)
        case _:
            return True
