"""Which search, band and tools of the AAC encoder serve a bitrate; the encoder takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import synth
from transforms import rates
from transforms.audio.aac_policy import aac_options
from transforms.audio.encode import Stretch, encode_stretch
from transforms.plan import Encoding

FAST = {"aac_coder": "fast"}
TWOLOOP = {"aac_coder": "twoloop"}

MONO = {
    16: {**FAST, "cutoff": "3800"},
    28: {**FAST, "cutoff": "8000"},
    **{kbps: TWOLOOP for kbps in (20, 24, 32, 40)},
    **{kbps: FAST for kbps in (48, 56, 64, 96, 128, 256)},
}
STEREO = {
    **{kbps: {**FAST, "aac_is": "0", "cutoff": "3000"} for kbps in (16, 20)},
    **{kbps: {**FAST, "aac_is": "0", "cutoff": "3600"} for kbps in (24, 28)},
    **{kbps: TWOLOOP for kbps in (32, 40, 48, 56)},
    64: {**FAST, "aac_is": "0", "cutoff": "14000"},
    **{kbps: {**FAST, "aac_is": "0"} for kbps in (80, 96)},
    **{kbps: {**FAST, "aac_is": "0", "aac_pns": "0"} for kbps in (112, 128, 320, 576)},
}


def encoding(kbps: int, channels: int, rate_hz: int = 48000) -> Encoding:
    return Encoding(
        bitrate_bps=kbps * 1000,
        average=False,
        sample_rate_hz=rate_hz,
        channels=channels,
        bit_depth=None,
    )


@pytest.mark.parametrize(
    ("kbps", "channels", "options"),
    [
        *((kbps, 1, options) for kbps, options in MONO.items()),
        *((kbps, 2, options) for kbps, options in STEREO.items()),
    ],
)
def test_each_bitrate_has_the_settings_that_were_measured_best(
    kbps: int, channels: int, options: Mapping[str, str]
) -> None:
    assert options == aac_options(encoding(kbps, channels))


@pytest.mark.parametrize(("kbps", "coder"), [(64, "twoloop"), (80, "twoloop"), (96, "fast")])
def test_the_fast_search_needs_more_bits_at_32_khz(kbps: int, coder: str) -> None:
    assert coder == aac_options(encoding(kbps, 2, 32000))["aac_coder"]


def test_the_documentation_has_the_settings_of_every_bitrate() -> None:
    page = Path(__file__).parents[3] / "docs" / "quality.md"
    rows = re.findall(r"^\| ([12]) \| ([\d, ]+) \| `([^`]+)` \|", page.read_text(), re.MULTILINE)
    told = [
        (int(channels), int(kbps), dict(pair.split("=") for pair in options.split()))
        for channels, bitrates, options in rows
        for kbps in bitrates.split(", ")
    ]
    expected = [
        (channels, kbps, dict(aac_options(encoding(kbps, channels))))
        for channels in (2, 1)
        for kbps in rates.AAC_BITRATES_KBPS
    ]

    assert expected == told


@pytest.mark.parametrize("channels", [1, 2])
def test_no_band_reaches_beyond_what_a_sample_rate_can_carry(channels: int) -> None:
    too_wide = [
        (kbps, rate_hz)
        for rate_hz, bitrates in rates.AAC_LC_STEREO_KBPS.items()
        for kbps in bitrates
        if int(aac_options(encoding(kbps, channels)).get("cutoff", 0)) > rate_hz / 2
    ]

    assert too_wide == []


@pytest.mark.parametrize(
    ("kbps", "rate_hz", "channels"),
    [
        (bitrates[0], rate_hz, channels)
        for rate_hz, bitrates in rates.AAC_LC_STEREO_KBPS.items()
        for channels in (1, 2)
        if channels == 2 or rates.aac_mono_fits(bitrates[0] * 1000, rate_hz)
    ],
)
def test_the_encoder_takes_the_settings_of_every_sample_rate(
    kbps: int, rate_hz: int, channels: int
) -> None:
    noise = synth.noise(10 * 1024, channels=channels)
    whole = Stretch(number=0, first_frame=0, end_frame=None, first_sample=0, sound=[noise])

    packets = encode_stretch(encoding(kbps, channels, rate_hz), whole)

    assert len(packets) == 11
