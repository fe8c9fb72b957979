"""Resumable uploads through a server that is killed, full, or small."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.picora import ask, bring, path_of
from tests.e2e.running import Edge, until
from tests.e2e.sounds import note
from tests.e2e.tus import TUS, begin, head, offset_of, parts_of, refusal, send, sending
from tests.support.media import wav_header

Install = Callable[..., Edge]


def test_an_upload_outlives_a_server_that_is_killed(install: Install) -> None:
    edge = install()
    edge.start()
    content = note(10) * 40
    upload = begin(edge, len(content), filename="long.wav")
    piece = 5_000_000
    reached = 0
    for _ in range(3):
        sent = send(edge, upload, reached, content[reached : reached + piece])
        reached = int(sent.headers["Upload-Offset"])
        edge.kill()
        edge.start()
        assert offset_of(edge, upload) == reached
    assert reached == 3 * piece

    # It is killed while the last bytes come.
    with sending(edge, upload, reached, content):
        edge.kill()
    edge.start()
    audio = completed(edge, upload, content, at_least=reached)
    assert [item["id"] for item in ask(edge, "/media").json()["data"]] == [audio]


def test_an_upload_is_finished_by_whoever_asks_after_a_crash(install: Install) -> None:
    edge = install()
    edge.start()
    content = note(10)
    upload = begin(edge, len(content), filename="long.wav")
    send(edge, upload, 0, content[:1000])

    def there() -> bool:
        joined = (edge.data / "files" / "audio").rglob("*.wav")
        return len(parts_of(edge, upload)) == 2 or any(joined)

    with sending(edge, upload, 1000, content):
        until(there, "all of it to be on disk")
        edge.kill()
    edge.start()
    audio = completed(edge, upload, content, at_least=1000)
    assert [item["id"] for item in ask(edge, "/media").json()["data"]] == [audio]


def completed(edge: Edge, upload: str, content: bytes, *, at_least: int) -> str:
    """Send what is missing, look at what it has become, and return its id."""
    offset = offset_of(edge, upload)
    assert at_least <= offset <= len(content)
    if offset < len(content):
        send(edge, upload, offset, content[offset:])
    audio = head(edge, upload).headers["X-Audio-Id"]
    told = ask(edge, f"/audio/{audio}").json()["data"]
    assert edge.send(path_of(told["url"])).body == content
    if parts_of(edge, upload):
        # Killed just before they were removed: whoever starts puts things in order first.
        edge.kill()
        edge.start()
    until(lambda: not parts_of(edge, upload), "the parts to be gone")
    return audio


def test_an_upload_that_has_no_room_any_more_waits_for_it(install: Install) -> None:
    content = note(10)
    edge = install(EDGE_STORAGE_QUOTA_BYTES=str(len(content) * 3 // 2))
    edge.start()
    first, second = begin(edge, len(content)), begin(edge, len(content))
    audio = send(edge, first, 0, content).headers["X-Audio-Id"]
    refused = send(edge, second, 0, content)

    assert refusal(refused) == (402, "over_quota")
    assert head(edge, second).status == 402
    ask(edge, f"/audio/{audio}", method="DELETE")
    assert head(edge, second).headers["X-Audio-Id"].startswith("aud_")
    told = edge.send("/v1/uploads", {**TUS, "Upload-Length": str(len(content))}, method="POST")
    assert refusal(told) == (402, "over_quota")


def test_memory_does_not_grow_with_the_file(install: Install) -> None:
    edge = install()
    edge.start()
    bring(edge, note(1), "small.wav")

    def peak() -> int:
        with open(f"/proc/{edge.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    content = wav_header(rate=48_000, channels=2, data_bytes=80 << 20) + bytes(80 << 20)
    before = peak()
    whole = bring(edge, content, "large.wav")
    done = send(edge, begin(edge, len(content)), 0, content)
    assert (
        ask(edge, f"/audio/{done.headers['X-Audio-Id']}").json()["data"]["durationSeconds"]
        == (whole["durationSeconds"])
    )
    assert peak() - before < 30_000
