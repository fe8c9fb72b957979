"""What is asked for at once, and what is left of it for the next reader."""

from cache.readahead import Leftovers, ReadAhead

KIB = 1 << 10
EARLY = [64 * KIB, 128 * KIB, *[256 * KIB] * 4]


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def read_on(ahead: ReadAhead, until: int, offset: int = 0) -> list[int]:
    """Ask for one block after the other, and return their lengths."""
    lengths = []
    while offset < until:
        if held := ahead.held(offset, until):
            offset += len(held)
            continue
        end = ahead.end_of_block(offset, offset + 1)
        ahead.hold(offset, bytes(end - offset))
        lengths.append(end - offset)
        offset = end
    return lengths


def test_blocks_grow_slowly_at_first_and_then_fast() -> None:
    lengths = read_on(ReadAhead(1 << 30), 6 << 20)

    assert [length // KIB for length in lengths[:9]] == [
        64,
        128,
        256,
        256,
        256,
        256,
        512,
        1024,
        1024,
    ]
    assert set(lengths[9:]) == {1 << 20}


def test_a_jump_begins_anew() -> None:
    ahead = ReadAhead(1 << 30)
    read_on(ahead, 6 << 20)

    assert [each // KIB for each in read_on(ahead, (101 << 20), 100 << 20)] == [
        64,
        128,
        256,
        256,
        256,
        256,
    ]


def test_the_next_reader_goes_on_where_the_last_one_stopped() -> None:
    leftovers = Leftovers(clock=Clock())
    first = leftovers.ahead_of("1 /a", 1 << 30)
    assert read_on(first, 100 * KIB) == [64 * KIB, 128 * KIB]
    first.close()
    # Somebody else at the same time has nothing of it.
    second, other = leftovers.ahead_of("1 /a", 1 << 30), leftovers.ahead_of("1 /a", 1 << 30)

    assert read_on(second, 300 * KIB) == [256 * KIB]
    assert read_on(other, 100 * KIB) == [64 * KIB, 128 * KIB]


def test_another_version_another_time_and_much_are_not_gone_on_with() -> None:
    clock = Clock()
    leftovers = Leftovers(clock=clock)
    leftover = leftovers.ahead_of("1 /a", 1 << 30)
    read_on(leftover, 100 * KIB)
    leftover.close()
    assert not leftovers.ahead_of("2 /a", 1 << 30).held(0, 1)
    clock.seconds += 60
    assert not leftovers.ahead_of("1 /a", 1 << 30).held(0, 1)
    long = leftovers.ahead_of("3 /a", 1 << 30)
    read_on(long, 8 << 20)
    long.close()
    assert not leftovers.ahead_of("3 /a", 1 << 30).held(7 << 20, 8 << 20)


def test_only_so_much_is_left() -> None:
    leftovers = Leftovers(clock=Clock())
    for number in range(20):
        ahead = leftovers.ahead_of(str(number), 1 << 30)
        read_on(ahead, KIB)
        ahead.close()
    found = [n for n in range(20) if leftovers.ahead_of(str(n), 1 << 30).held(0, 1)]

    assert found == list(range(12, 20))
