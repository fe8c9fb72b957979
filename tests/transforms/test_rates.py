"""Bitrates and sample rates: the seed's lists, and pairs made to fit."""

import pytest

from transforms import rates
from transforms.rates import Rates, fit_aac, fit_mp3


def test_the_lists_are_the_seeds() -> None:
    assert (
        *(16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 288),
        *(320, 384, 448, 512, 576),
    ) == rates.AAC_BITRATES_KBPS
    assert (
        *(16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160),
        *(168, 176, 184, 192, 200, 208, 216, 224, 232, 240, 248, 256, 264, 272, 280, 288, 296),
    ) == rates.MP3_BITRATES_KBPS
    assert [rates.khz(hz) for hz in rates.AAC_SAMPLE_RATES_HZ] == (
        ["8", "12", "16", "22.05", "24", "32", "44.1", "48", "88.2", "96"]
    )
    assert [rates.khz(hz) for hz in rates.MP3_SAMPLE_RATES_HZ] == ["22.05", "32", "44.1", "48"]
    assert [rates.khz(hz) for hz in rates.WAV_SAMPLE_RATES_HZ] == (
        ["8", "16", "22.05", "24", "32", "44.1", "48", "88.2", "96", "192"]
    )


@pytest.mark.parametrize(
    ("kbps", "asked", "made"),
    [
        (96, 8000, 32000),
        (96, 22050, 32000),
        (96, 44100, 44100),
        (96, 96000, 48000),
        (16, 48000, 16000),
        (16, 14000, 16000),
        (16, 8000, 8000),
        (20, 12000, 12000),
        (24, 48000, 16000),
        (32, 48000, 24000),
        (32, 8000, 16000),
        (40, 8000, 32000),
        (256, 88200, 96000),
        (576, 44100, 48000),
        (576, 88200, 88200),
        (448, 8000, 44100),
    ],
)
def test_aac_goes_to_the_nearest_rate_allowed(kbps: int, asked: int, made: int) -> None:
    assert Rates(bitrate_bps=kbps * 1000, sample_rate_hz=made) == fit_aac(kbps, asked)


@pytest.mark.parametrize("kbps", rates.AAC_BITRATES_KBPS)
def test_every_aac_bitrate_fits_somewhere_and_fitting_again_changes_nothing(kbps: int) -> None:
    for asked in rates.AAC_SAMPLE_RATES_HZ:
        made = fit_aac(kbps, asked)

        assert kbps in rates.AAC_LC_STEREO_KBPS[made.sample_rate_hz]
        assert made == fit_aac(kbps, made.sample_rate_hz)


@pytest.mark.parametrize(
    ("kbps", "asked", "made"),
    [
        (128, 48000, Rates(bitrate_bps=128_000, sample_rate_hz=48000)),
        (16, 48000, Rates(bitrate_bps=16_000, sample_rate_hz=22050)),
        (24, 44100, Rates(bitrate_bps=24_000, sample_rate_hz=22050)),
        (144, 48000, Rates(bitrate_bps=144_000, sample_rate_hz=22050)),
        (192, 22050, Rates(bitrate_bps=192_000, sample_rate_hz=32000)),
        (72, 48000, Rates(bitrate_bps=72_000, sample_rate_hz=48000, average=True)),
        (152, 22050, Rates(bitrate_bps=152_000, sample_rate_hz=22050, average=True)),
        (296, 44100, Rates(bitrate_bps=296_000, sample_rate_hz=44100, average=True)),
        (296, 22050, Rates(bitrate_bps=160_000, sample_rate_hz=22050)),
    ],
)
def test_mp3_is_cbr_where_legal_then_abr_then_the_largest(
    kbps: int, asked: int, made: Rates
) -> None:
    assert made == fit_mp3(kbps, asked)


@pytest.mark.parametrize("kbps", rates.MP3_BITRATES_KBPS)
def test_every_mp3_pair_is_one_layer3_can_make(kbps: int) -> None:
    for asked in rates.MP3_SAMPLE_RATES_HZ:
        made = fit_mp3(kbps, asked)
        again = fit_mp3(made.bitrate_bps // 1000, made.sample_rate_hz)

        assert made.average or made.bitrate_bps // 1000 in rates.layer3_kbps(made.sample_rate_hz)
        assert made == again


def test_a_channel_carries_so_much_and_no_more() -> None:
    assert [rates.aac_mono_fits(kbps * 1000, 48000) for kbps in (288, 320)] == [True, False]
    assert [rates.opus_mono_fits(kbps * 1000) for kbps in (256, 288)] == [True, False]
