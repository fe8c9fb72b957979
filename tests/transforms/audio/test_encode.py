"""AAC packets: one for every 1024 samples, and which search makes them."""

import pytest

from tests.support import synth
from transforms.audio.aac_policy import aac_options
from transforms.audio.encode import AAC_FRAME_SAMPLES, AacEncoder
from transforms.plan import Encoding


def encoding(kbps: int, channels: int) -> Encoding:
    return Encoding(
        bitrate_bps=kbps * 1000,
        average=False,
        sample_rate_hz=48000,
        channels=channels,
        bit_depth=None,
    )


@pytest.mark.parametrize(
    ("kbps", "channels", "coder"),
    [(96, 2, "fast"), (80, 2, "twoloop"), (48, 1, "fast"), (40, 1, "twoloop"), (256, 2, "fast")],
)
def test_few_bits_a_channel_are_searched_for_longer(kbps: int, channels: int, coder: str) -> None:
    assert coder == aac_options(encoding(kbps, channels))["aac_coder"]


@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 10_240, 48_000])
def test_packets_hold_priming_and_every_sample(samples: int) -> None:
    encoder = AacEncoder(encoding(96, 2))

    packets = list(encoder.encode([synth.noise(samples, channels=2)]))

    assert samples == encoder.samples
    assert all(packets)
    assert len(packets) * AAC_FRAME_SAMPLES >= samples + AAC_FRAME_SAMPLES
