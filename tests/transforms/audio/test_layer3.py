"""Where the frames of an MP3 stream are."""

from __future__ import annotations

import pytest

from tests.support import synth
from transforms.audio import layer3
from transforms.audio.lame import LameEncoder, load
from transforms.plan import Encoding


@pytest.fixture(scope="module")
def stream() -> bytes:
    library = load()
    assert library is not None
    encoding = Encoding(
        bitrate_bps=128_000, average=False, sample_rate_hz=44_100, channels=2, bit_depth=None
    )
    with LameEncoder(library, encoding, tag=False) as encoder:
        return b"".join(encoder.encode([synth.speech(20_000, rate=44_100, channels=2)]))


def test_frames_follow_one_another_up_to_the_end(stream: bytes) -> None:
    found = layer3.frames(stream)

    assert [frame.begin for frame in found] == [0, *(frame.end for frame in found[:-1])]
    assert found[-1].end == len(stream)
    # 128 kbit/s at 44.1 kHz: 417 bytes, and one more where it is padded (ISO 11172-3, 2.4.3.1).
    assert {frame.end - frame.begin for frame in found} == {417, 418}
    # Behind a header of 4 bytes and 32 of side information.
    assert {frame.data - frame.begin for frame in found} == {36}
    assert found[0].reservoir == 0


@pytest.mark.parametrize("more", [0, 1, 5, 6, 416])
def test_a_stream_may_end_within_a_frame_and_go_on(stream: bytes, more: int) -> None:
    whole = layer3.frames(stream)
    cut = stream[: whole[4].begin + more]

    found = layer3.frames(cut)

    assert found == whole[: 5 if more >= 6 else 4]
    assert found + layer3.frames(stream, found[-1].end) == whole


def test_anything_else_is_no_stream(stream: bytes) -> None:
    with pytest.raises(ValueError, match="no frame at byte 1 "):
        layer3.frames(stream, 1)
