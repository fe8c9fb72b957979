from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.manifests.grid import CRUMB_SECONDS, FRAME_SAMPLES, Grid
from transforms.mux.segmenter import Cut, cut


def cuts(samples: int, rate: int) -> list[Cut]:
    """Cut numbered packets as an encoder that was given so many samples makes them."""
    count = 1 + -(-samples // FRAME_SAMPLES)
    packets = (number.to_bytes(4, "big") for number in range(count))
    return list(cut(packets, Grid([rate]), rate, lambda: samples))


@given(st.integers(1, 3_000_000), st.sampled_from([8000, 22050, 44100, 48000]))
def test_every_packet_and_every_sample_is_in_one_segment(samples: int, rate: int) -> None:
    made = cuts(samples, rate)
    packets = [packet for piece in made for packet in piece.packets]
    at = first = 0

    assert packets == [number.to_bytes(4, "big") for number in range(len(packets))]
    for number, piece in enumerate(made):
        assert (piece.first_sample, piece.first_packet) == (at, first)
        assert piece.first_sample == Grid([rate]).first_frame(number, rate) * FRAME_SAMPLES
        at += piece.samples
        first += len(piece.packets)
    assert at == samples
    assert 0 <= made[-1].padding_samples < FRAME_SAMPLES
    assert {piece.padding_samples for piece in made[:-1]} <= {0}


@given(st.integers(1, 3_000_000), st.sampled_from([8000, 44100, 48000]))
def test_no_crumb_is_left_at_the_end(samples: int, rate: int) -> None:
    *before, last = cuts(samples, rate)
    frame = FRAME_SAMPLES / rate

    assert not before or last.samples / rate >= float(CRUMB_SECONDS) - 2 * frame


def test_a_segment_is_there_as_soon_as_a_crumb_more_is() -> None:
    grid = Grid([48000])
    end = grid.first_frame(1, 48000)
    given = []

    def packets() -> object:
        for number in range(10_000):
            given.append(number)
            yield b"x"

    next(cut(packets(), grid, 48000, lambda: 0))  # type: ignore[arg-type]

    assert len(given) <= end + 1 + 48000 // FRAME_SAMPLES
