from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.origin import Origin, origin
from tests.e2e.running import ACCOUNT, Edge
from tests.e2e.sounds import note, talk
from tests.support.measure import decode

Install = Callable[..., Edge]


@pytest.fixture
def host() -> Iterator[Origin]:
    with origin() as server:
        server.files = {"/folder/far.wav": note(2, hz=880), "/folder/a%20b.mp3": talk()}
        yield server


@pytest.fixture
def edge(install: Install, host: Origin) -> Edge:
    return install(EDGE_MOUNTS=f"/ext={host.url}/folder", EDGE_ALLOW_NETWORKS="127.0.0.0/8").start()


def test_raw_files_of_another_host(edge: Edge, host: Origin) -> None:
    content = host.files["/folder/a%20b.mp3"]
    target = f"/{ACCOUNT}/raw/ext/a%20b.mp3"
    whole = edge.send(target)
    part = edge.send(target, {"Range": "bytes=1000-1999"})

    assert (whole.status, whole.body) == (200, content)
    assert whole.headers["Content-Type"] == "audio/mpeg"
    assert whole.headers["Last-Modified"] == "Fri, 20 Nov 2026 20:00:00 GMT"
    assert (part.status, part.body) == (206, content[1000:2000])
    assert edge.send(target, {"If-None-Match": whole.headers["ETag"]}).status == 304
    assert edge.send(f"/{ACCOUNT}/raw/ext/none.mp3").status == 404
    assert {method for method, _, _ in host.requests} == {"HEAD", "GET"}
    assert all(wanted for method, _, wanted in host.requests if method == "GET")


def test_transforms_across_mounts(edge: Edge) -> None:
    far = decode(edge.made("ext/far.wav?f=wav-riff"))[0]
    both = decode(edge.made("note.wav?f=wav-riff&append=/ext/far.wav"))[0]
    back = decode(edge.made("ext/far.wav?f=wav-riff&append=/note.wav"))[0]

    assert far.shape == (1, 96_000)
    assert both.shape == back.shape == (1, 192_000)
    assert edge.audio("ext/far.wav?f=meta").json()["tracks"][1]["duration"] == 2
    missing = edge.audio("note.wav?f=wav-riff&append=/ext/none.wav")
    assert missing.problem["message"] == "The appended file /ext/none.wav does not exist."


def test_a_host_that_ignores_ranges(edge: Edge, host: Origin) -> None:
    host.knows_ranges = False

    assert decode(edge.made("ext/far.wav?f=wav-riff"))[0].shape == (1, 96_000)
    part = edge.send(f"/{ACCOUNT}/raw/ext/far.wav", {"Range": "bytes=50-59"})
    assert part.body == host.files["/folder/far.wav"][50:60]


def test_a_file_that_changes_there_fails_whoever_reads_it_and_is_new_to_the_next(
    edge: Edge, host: Origin
) -> None:
    first = edge.made("ext/far.wav?f=wav-riff")
    host.files["/folder/far.wav"] = note(3, hz=220)
    # The origin is believed for a while, and what was made is still there.
    assert edge.made("ext/far.wav?f=wav-riff") == first
    # What was read of a file a moment ago may be read once more, if it was little.
    assert edge.send(f"/{ACCOUNT}/raw/ext/far.wav").status == 200

    host.files["/folder/raw.wav"] = note(2)
    assert edge.send(f"/{ACCOUNT}/raw/ext/raw.wav", method="HEAD").status == 200
    host.files["/folder/raw.wav"] = note(3, hz=220)
    torn = edge.send(f"/{ACCOUNT}/raw/ext/raw.wav")
    assert (torn.status, torn.problem["code"]) == (503, "source_changed")
    assert edge.send(f"/{ACCOUNT}/raw/ext/raw.wav").body == host.files["/folder/raw.wav"]
    assert decode(edge.made("ext/raw.wav?f=wav-riff"))[0].shape == (1, 144_000)

    host.files["/folder/new.wav"] = note(2)
    assert edge.send(f"/{ACCOUNT}/raw/ext/new.wav", method="HEAD").status == 200
    host.files["/folder/new.wav"] = note(1, hz=660)
    refused = edge.audio("ext/new.wav?f=wav-riff&sr=44.1", {"Prefer": "wait=60"}).json()
    assert (refused["status"], refused["error"]) == (
        "Failed",
        {
            "code": "source_changed",
            "message": "The source was replaced while this was made.",
        },
    )
    assert decode(edge.made("ext/new.wav?f=wav-riff&sr=44.1"))[0].shape == (1, 44_100)
    assert edge.usage()["entryCount"] == 3


def test_a_host_that_is_down_is_a_clear_error(edge: Edge, host: Origin) -> None:
    made = edge.made("ext/far.wav?f=wav-riff")
    host.down = True
    for target in (
        f"/{ACCOUNT}/raw/ext/new.wav",
        f"/{ACCOUNT}/audio/ext/new.wav?f=mp3",
        f"/{ACCOUNT}/audio/ext/new.wav?f=meta",
        f"/{ACCOUNT}/audio/note.wav?f=mp3&append=/ext/new.wav",
    ):
        answer = edge.send(target)
        assert (answer.status, answer.problem["code"]) == (502, "source_unreachable")
        assert int(answer.headers["Retry-After"]) > 0
        assert host.url not in answer.body.decode()

    # What was made from it is still served.
    assert edge.made("ext/far.wav?f=wav-riff") == made
    host.down = False
    host.files["/folder/new.wav"] = note(1)
    assert edge.settled("ext/new.wav?f=wav-riff")["status"] == "Succeeded"
    assert "Traceback" not in edge.log


def test_a_host_that_dies_while_a_job_reads_it(edge: Edge, host: Origin) -> None:
    assert edge.send(f"/{ACCOUNT}/raw/ext/far.wav", method="HEAD").status == 200
    host.down = True
    job = edge.settled("ext/far.wav?f=mp3")

    assert (job["status"], job["error"]["code"]) == ("Failed", "source_unreachable")
    assert edge.usage()["entryCount"] == 0
    answer = edge.send(f"/{ACCOUNT}/raw/ext/far.wav")
    assert (answer.status, answer.problem["code"]) == (502, "source_unreachable")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_private_address_is_not_connected_to_unless_it_is_listed(
    install: Install, host: Origin, name: str
) -> None:
    edge = install(EDGE_MOUNTS=f"/ext=http://{name}:{host.server_port}/folder").start()
    for target in ("raw/ext/far.wav", "audio/ext/far.wav?f=mp3", "audio/ext/far.wav?f=meta"):
        answer = edge.send(f"/{ACCOUNT}/{target}")

        assert (answer.status, answer.problem["code"]) == (403, "source_forbidden")
    assert host.connections == 0
    assert edge.audio("note.wav?f=mp3&append=/ext/far.wav").status == 403
    assert host.connections == 0
    assert edge.jobs() == []


@pytest.mark.parametrize(
    "url",
    [
        "http://0.0.0.0",
        "http://[::1]",
        "http://[::ffff:127.0.0.1]",
        "http://[64:ff9b::7f00:1]",
        "http://[2002:7f00:1::]",
        "http://0x7f.0.0.1",
        "http://2130706433",
        "http://127.1",
        "http://0177.0.0.1",
        "http://localhost.",
        "http://169.254.169.254",
    ],
)
def test_no_spelling_of_a_private_address_is_connected_to(
    install: Install, host: Origin, url: str
) -> None:
    edge = install(EDGE_MOUNTS=f"/ext={url}:{host.server_port}/folder")
    started = edge.command("plan", f"/{ACCOUNT}/audio/ext/far.wav?f=mp3")

    assert started.returncode != 0
    assert host.connections == 0
    assert "Traceback" not in started.stderr
    assert started.stderr.startswith("audio-edge: ")
