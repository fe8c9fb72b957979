"""
Which settings of libavcodec's AAC encoder serve which bitrate.

They are part of the engine, not of the URL, and are settled by measurement: ``bench/quality``
compares them by a model of the ear, ``docs/quality.md`` says with what result.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transforms.plan import Encoding

# From here on up the fast search sounds as good as the two-loop search or better at the same size,
# and takes a quarter of the time. Below, and longer at 32 kHz, it breaks up dense steady tones.
_FAST_MONO_FROM_BPS = 48_000
_FAST_STEREO_FROM_BPS = 64_000
_FAST_STEREO_AT_32_KHZ_FROM_BPS = 96_000

# At the lowest bitrates neither search reaches those tones. By channels and bit/s, in Hz.
_FAST_BELOW_WITH_CUTOFF_HZ = MappingProxyType(
    {
        1: MappingProxyType({16_000: 3800, 28_000: 8000}),
        2: MappingProxyType({16_000: 3000, 20_000: 3000, 24_000: 3600, 28_000: 3600}),
    }
)

# Here the encoder gives the fast search less of a band than the two-loop search; above, no more.
_CUTOFF_AT_64_KBPS_STEREO_HZ = 14_000

# Intensity stereo and noise substitution describe treble instead of coding it, each channel by
# itself: the sum and the difference of the channels suffer. The first never pays with the fast
# search, the second not from here on up.
_WITHOUT_NOISE_FROM_BPS = 112_000


def aac_options(encoding: Encoding) -> Mapping[str, str]:
    """Choose the options of libavcodec's ``aac`` encoder for one or two channels."""
    bitrate_bps = encoding.bitrate_bps or 0
    cutoff_hz = _FAST_BELOW_WITH_CUTOFF_HZ[encoding.channels].get(bitrate_bps)
    if cutoff_hz is None and bitrate_bps < _fast_from_bps(encoding):
        return {"aac_coder": "twoloop"}
    options = {"aac_coder": "fast"}
    if encoding.channels == 2:
        options["aac_is"] = "0"
        if bitrate_bps >= _WITHOUT_NOISE_FROM_BPS:
            options["aac_pns"] = "0"
        if bitrate_bps == _FAST_STEREO_FROM_BPS:
            cutoff_hz = _CUTOFF_AT_64_KBPS_STEREO_HZ
    if cutoff_hz is not None:
        options["cutoff"] = str(cutoff_hz)
    return options


def _fast_from_bps(encoding: Encoding) -> int:
    if encoding.channels == 1:
        return _FAST_MONO_FROM_BPS
    low_rate = encoding.sample_rate_hz <= 32_000
    return _FAST_STEREO_AT_32_KHZ_FROM_BPS if low_rate else _FAST_STEREO_FROM_BPS
