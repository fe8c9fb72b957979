from __future__ import annotations

from collections.abc import Callable

from tests.e2e.running import ACCOUNT, Edge, until
from tests.e2e.sounds import note

Install = Callable[..., Edge]


def kept(edge: Edge, name: str) -> bool:
    return edge.audio(f"{name}.wav!f=wav-riff&a=/audio.wav&cache_only=true").status == 200


def test_the_least_recently_used_artifact_goes_and_is_made_again_unbilled(
    install: Install,
) -> None:
    # Each of these is 960 kB, so two fit and three do not.
    edge = install(EDGE_CACHE_BYTES="2MiB")
    for name in ("one", "two", "three"):
        edge.put(f"{name}.wav", note(10))
    edge.start()
    first = edge.made("one.wav?f=wav-riff")
    edge.made("two.wav?f=wav-riff")
    assert kept(edge, "one")
    edge.made("three.wav?f=wav-riff")

    assert [kept(edge, name) for name in ("one", "two", "three")] == [True, False, True]
    assert edge.send("/healthz").json()["artifactBytes"] <= 2 << 20
    before = edge.usage()
    job = edge.audio("two.wav?f=wav-riff").json()
    assert job["status"] in ("Running", "Succeeded")
    assert edge.settled("two.wav?f=wav-riff")["jobId"] == job["jobId"]
    assert edge.usage() == before
    assert not kept(edge, "three") or not kept(edge, "one")
    until(lambda: edge.made("one.wav?f=wav-riff") == first)
    assert edge.command("ledger", "reconcile").returncode == 0


def test_an_artifact_that_is_being_downloaded_survives_its_eviction(install: Install) -> None:
    edge = install(EDGE_CACHE_BYTES="1MiB")
    edge.put("one.wav", note(60))
    edge.put("two.wav", note(20))
    edge.start()
    whole = edge.made("one.wav?f=wav-riff")
    # Larger than the limit alone, yet served to whoever paid for it.
    assert len(whole) > 1 << 20
    edge.made("two.wav?f=wav-riff")

    assert not kept(edge, "one")
    assert edge.made("one.wav?f=wav-riff") == whole


def test_purge_while_the_server_runs(install: Install) -> None:
    edge = install().start()
    first = edge.made("note.wav?f=wav-riff")
    edge.made("music/a%20b%21c.wav?f=wav-riff")
    purged = edge.command("purge", "/audio/note.wav")

    assert (purged.returncode, purged.stderr) == (0, "")
    assert purged.stdout.startswith("1 artifact")
    assert edge.command("purge", "/audio/nothing*").stdout.startswith("0 artifacts")
    # The running server remembers receipts, and finds out when the file is to be sent.
    answer = edge.audio("note.wav!f=wav-riff&a=/audio.wav")
    assert (answer.status, answer.json()["status"]) == (404, "Running")
    until(lambda: edge.audio("note.wav!f=wav-riff&a=/audio.wav").status == 200)
    assert edge.made("note.wav?f=wav-riff") == first
    assert edge.command("purge").stdout.startswith("2 artifacts")
    assert edge.usage()["entryCount"] == 2


def test_a_prefix_resets_what_lies_below_it(install: Install) -> None:
    edge = install().start()
    edge.made("music/a%20b%21c.wav?f=wav-riff")
    edge.made("note.wav?f=wav-riff")

    def reset(pattern: str) -> None:
        body = {"pattern": pattern, "resetPermanentCache": True}
        assert edge.api("/cache/reset", method="POST", body=body).status == 200

    reset("/audio/mus*")
    reset("/raw/*")
    assert kept(edge, "note")
    assert not kept(edge, "music/a%20b%21c")
    reset("/*")
    assert not kept(edge, "note")
    assert edge.send(f"/{ACCOUNT}/raw/note.wav").status == 200
