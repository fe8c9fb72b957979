"""
Which bitrates go with which sample rates: the only tables of either.

The value lists are the seed's ("Audio Compression API", ``br`` and ``sr``); which pairs fit is
the codec's business: for AAC-LC the CBR table of AWS Elemental MediaConvert that Bytescale's
lists come from, for MP3 the bitrate indexes of ISO 11172-3 and 13818-3.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

AAC_BITRATES_KBPS = (
    *(16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224),
    *(256, 288, 320, 384, 448, 512, 576),
)
AAC_SAMPLE_RATES_HZ = (8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)

MP3_BITRATES_KBPS = (16, *range(24, 297, 8))
MP3_SAMPLE_RATES_HZ = (22050, 32000, 44100, 48000)

WAV_SAMPLE_RATES_HZ = (8000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)

# libopus takes 6 to 256 kbps a channel (RFC 6716, 2.1.1) at its five internal rates.
OPUS_BITRATES_KBPS = tuple(kbps for kbps in AAC_BITRATES_KBPS if kbps <= 512)
OPUS_SAMPLE_RATES_HZ = (8000, 12000, 16000, 24000, 48000)

DEFAULT_BITRATE_KBPS = 96
DEFAULT_SAMPLE_RATE_HZ = 48000

_FROM_64_TO_384 = (64, 80, 96, 112, 128, 160, 192, 224, 256, 288, 320, 384)

# AAC-LC, two channels, constant bitrate (MediaConvert user guide, "AAC output reference
# tables"); the end of the 48 kHz row and the two rows above it follow from its mono table.
AAC_LC_STEREO_KBPS = MappingProxyType(
    {
        8000: (16, 20),
        12000: (16, 20),
        16000: (16, 20, 24, 28, 32),
        22050: (32,),
        24000: (32,),
        32000: (40, 48, 56, *_FROM_64_TO_384),
        44100: (*_FROM_64_TO_384, 448, 512),
        48000: (*_FROM_64_TO_384, 448, 512, 576),
        88200: (576,),
        96000: (256, 288, 320, 384, 448, 512, 576),
    }
)

# Layer III bitrate indexes: ISO 11172-3 table 2.4.2.3 (MPEG-1) and ISO 13818-3 (MPEG-2 LSF).
_MPEG1_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)

# An AAC frame holds at most 6144 bits a channel (ISO 14496-3, 4.5.3.3) and 1024 samples.
_AAC_BITS_PER_SAMPLE = 6

# libopus refuses more (measured; RFC 6716, 2.1.1 has 510 kbps for the whole stream).
_OPUS_MOST_BPS_A_CHANNEL = 256_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A pair that the encoder can really make; ``average`` means ABR instead of CBR."""

    bitrate_bps: int
    sample_rate_hz: int
    average: bool = False


def fit_aac(bitrate_kbps: int, sample_rate_hz: int) -> Rates:
    """
    Adjust the sample rate to the nearest that AAC-LC allows at this bitrate.

    Seed, ``sr``: "AAC only supports sample rates between 32kHz - 48kHz when a bitrate of
    96kbps is used". Two rates equally near: the higher.
    """
    fitting = [rate for rate, kbps in AAC_LC_STEREO_KBPS.items() if bitrate_kbps in kbps]
    return Rates(bitrate_bps=bitrate_kbps * 1000, sample_rate_hz=_nearest(sample_rate_hz, fitting))


def fit_mp3(bitrate_kbps: int, sample_rate_hz: int) -> Rates:
    """
    Adjust a pair to what Layer III can make.

    A bitrate without an index at the wanted rate goes to the nearest rate that has one; without
    an index anywhere it becomes the mean of an ABR stream; a mean above the largest index of the
    wanted rate becomes that index.
    """
    fitting = [rate for rate in MP3_SAMPLE_RATES_HZ if bitrate_kbps in layer3_kbps(rate)]
    if fitting:
        rate = _nearest(sample_rate_hz, fitting)
        return Rates(bitrate_bps=bitrate_kbps * 1000, sample_rate_hz=rate)
    largest = max(layer3_kbps(sample_rate_hz))
    if bitrate_kbps > largest:
        return Rates(bitrate_bps=largest * 1000, sample_rate_hz=sample_rate_hz)
    return Rates(bitrate_bps=bitrate_kbps * 1000, sample_rate_hz=sample_rate_hz, average=True)


def layer3_kbps(sample_rate_hz: int) -> tuple[int, ...]:
    """List the constant bitrates that Layer III has an index for at this sample rate."""
    return _MPEG1_KBPS if sample_rate_hz >= 32000 else _MPEG2_KBPS


def aac_mono_fits(bitrate_bps: int, sample_rate_hz: int) -> bool:
    """Tell whether one AAC channel can carry this bitrate at all."""
    return bitrate_bps <= _AAC_BITS_PER_SAMPLE * sample_rate_hz


def opus_mono_fits(bitrate_bps: int) -> bool:
    """Tell whether one Opus channel can carry this bitrate at all."""
    return bitrate_bps <= _OPUS_MOST_BPS_A_CHANNEL


def khz(sample_rate_hz: int) -> str:
    """Spell a sample rate as the seed does: ``48``, ``44.1``, ``22.05``."""
    return f"{sample_rate_hz / 1000:g}"


def _nearest(wanted: int, allowed: list[int]) -> int:
    return min(allowed, key=lambda rate: (abs(rate - wanted), -rate))
