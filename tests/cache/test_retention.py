"""What goes first when the store is full."""

from cache.retention import TOUCH_INTERVAL_MS, Retention


def evicted(retention: Retention) -> list[str]:
    keys = []
    while (key := retention.victim()) is not None:
        keys.append(key)
        retention.forget(key)
    return keys


def filled(max_bytes: int | None) -> Retention:
    retention = Retention(max_bytes)
    for used_ms, key in enumerate("abcde"):
        retention.keep(key, size_bytes=10, used_ms=used_ms)
    return retention


def test_the_least_recently_used_go_until_the_limit_holds() -> None:
    retention = filled(25)

    assert (evicted(retention), retention.total_bytes) == (["a", "b", "c"], 20)


def test_a_use_saves_an_artifact() -> None:
    retention = filled(25)
    retention.use("a", 100)
    retention.use("b", 99)

    assert evicted(retention) == ["c", "d", "e"]


def test_nothing_goes_within_the_limit_or_without_one() -> None:
    assert [evicted(filled(50)), evicted(filled(None))] == [[], []]


def test_the_newest_stays_even_alone_above_the_limit() -> None:
    retention = filled(25)
    retention.published("large", size_bytes=1000, used_ms=0)

    first = evicted(retention)
    retention.published("next", size_bytes=1, used_ms=200)

    assert (first, evicted(retention)) == (["a", "b", "c", "d", "e"], ["large"])
    assert retention.total_bytes == 1


def test_keeping_again_corrects_the_size_and_never_ages() -> None:
    retention = filled(None)
    retention.use("a", 100)
    retention.keep("a", size_bytes=1, used_ms=0)
    retention.keep("b", size_bytes=2, used_ms=200)

    assert (retention.total_bytes, set(retention.keys)) == (33, set("abcde"))


def test_uses_are_written_down_once_a_minute() -> None:
    retention = filled(None)
    times = [1, TOUCH_INTERVAL_MS - 1, TOUCH_INTERVAL_MS, TOUCH_INTERVAL_MS + 1]

    due = [retention.use("a", now_ms) for now_ms in [*times, 2 * TOUCH_INTERVAL_MS]]

    assert due == [False, False, True, False, True]


def test_strangers_are_not_counted() -> None:
    retention = filled(25)
    retention.forget("nobody")

    assert (retention.use("nobody", 10**9), retention.total_bytes) == (False, 50)
