"""
Which settings of libavcodec's AAC encoder serve which bitrate.

They are part of the engine, not of the URL, and are settled by measurement.
"""

from __future__ import annotations

from collections.abc import Mapping

from transforms.plan import Encoding

# The fast search is 3 to 4 times quicker and as good from here on up, a channel; below it the
# two-loop search spends the few bits better (measured by SNR and spectral distance).
_FAST_FROM_BPS_A_CHANNEL = 48_000


def aac_options(encoding: Encoding) -> Mapping[str, str]:
    """Choose the options of libavcodec's ``aac`` encoder for an encoding."""
    share = (encoding.bitrate_bps or 0) / encoding.channels
    return {"aac_coder": "fast" if share >= _FAST_FROM_BPS_A_CHANNEL else "twoloop"}
