"""What Bytescale's API does as jobs: batches, folders, transforms that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_KEY, Answer, Edge, serving, until
from tests.support.media import make
from tests.support.synth import tone

API = f"/v2/accounts/{ACCOUNT}"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with serving(tmp_path_factory.mktemp("batches")) as edge:
        yield edge


def call(edge: Edge, method: str, path: str, body: Any = None) -> Answer:
    return edge.api(path, method=method, body=body)


def save(edge: Edge, rest: str, order: Any, headers: dict[str, str] | None = None) -> Answer:
    content = json.dumps(order).encode()
    target = f"/{ACCOUNT}/save/audio/{rest}"
    return edge.send(target, headers or BEARER, method="POST", body=content)


def bring(edge: Edge, path: str, content: bytes = b"some bytes", **query: str) -> None:
    asked = "&".join(f"{name}={value}" for name, value in {"filePath": path, **query}.items())
    answer = edge.send(f"{API}/uploads/binary?{asked}", BEARER, method="POST", body=content)
    assert answer.status == 200, answer.body


def there(edge: Edge, path: str) -> bool:
    return call(edge, "GET", f"/files/details?filePath={path}").status == 200


def done(edge: Edge, begun: Answer) -> dict[str, Any]:
    """Poll a job to its end."""
    assert begun.status == 200, begun.body
    job = begun.json()

    def settled() -> dict[str, Any] | None:
        now = call(edge, "GET", f"/jobs/{job['jobType']}/{job['jobId']}").json()
        return dict(now) if now["status"] != "Running" else None

    return dict(until(settled, "the job to settle"))


def test_files_are_deleted_by_the_hundred(edge: Edge) -> None:
    paths = [f"/many/{number}.bin" for number in range(5)]
    for path in paths:
        bring(edge, path)

    job = done(edge, call(edge, "DELETE", "/files/batch", {"files": [*paths, "/many/none.bin"]}))
    assert (job["jobType"], job["status"]) == ("DeleteFileBatchJob", "Succeeded")
    assert job["summary"] == {"deleted": 5, "missing": 1}
    assert not any(there(edge, path) for path in paths)
    assert call(edge, "GET", "/folders?folderPath=/many").status == 404
    listed = call(edge, "GET", "/jobs?0=DeleteFileBatchJob").json()["items"]
    assert job["jobId"] in [each["jobId"] for each in listed]


def test_files_are_copied_with_what_is_known_of_them(edge: Edge) -> None:
    bring(edge, "/from/a.bin", b"aaa", tag="red")
    order = {
        "files": [
            {"source": "/from/a.bin", "destination": "/to/a.bin"},
            {
                "source": "/from/a.bin",
                "destination": "/to/b.bin",
                "tags": {"merge": True, "value": ["blue"]},
            },
            {"source": "/from/none.bin", "destination": "/to/c.bin"},
        ]
    }
    job = done(edge, call(edge, "POST", "/files/copy/batch", order))

    assert (job["jobType"], job["summary"]) == ("CopyFileBatchJob", {"copied": 2, "missing": 1})
    assert edge.send(f"/{ACCOUNT}/raw/to/b.bin").body == b"aaa"
    details = call(edge, "GET", "/files/details?filePath=/to/b.bin").json()
    assert details["tags"] == ["red", "blue"]


def test_a_folder_is_copied_and_deleted_with_all_below_it(edge: Edge) -> None:
    for path in ("/tree/one.bin", "/tree/deep/two.bin", "/tree/deep/er/three.bin"):
        bring(edge, path, path.encode())
    settings = {"description": {"set": True, "value": "mine"}}
    made = {"folderPath": "/tree/deep", "folderSettings": settings}
    assert call(edge, "PUT", "/folders", made).status == 200

    order = {"source": "/tree", "destination": "/copy/of"}
    job = done(edge, call(edge, "POST", "/folders/copy", order))
    assert (job["jobType"], job["summary"]) == ("CopyFolderBatchJob", {"copied": 3})
    assert edge.send(f"/{ACCOUNT}/raw/copy/of/deep/er/three.bin").body == b"/tree/deep/er/three.bin"
    assert call(edge, "GET", "/folders?folderPath=/copy/of/deep").json()["settings"] == {
        "description": "mine"
    }

    shallow = {"folderPath": "/tree", "recursive": False}
    job = done(edge, call(edge, "DELETE", "/folders", shallow))
    assert job["summary"] == {"deleted": 1}
    assert there(edge, "/tree/deep/two.bin") and not there(edge, "/tree/one.bin")
    whole = {"folders": [{"folderPath": "/tree"}, {"folderPath": "/copy"}]}
    job = done(edge, call(edge, "DELETE", "/folders/batch", whole))
    assert (job["jobType"], job["summary"]) == ("DeleteFolderBatchJob", {"deleted": 5})
    assert call(edge, "GET", "/folders?folderPath=/copy/of/deep").status == 404


def test_what_cannot_be_copied_keeps_nothing_else_out(edge: Edge) -> None:
    for path in ("/deep/0.bin", f"/deep/{'a' * 200}/{'b' * 200}/1.bin", "/deep/z.bin"):
        bring(edge, path, b"x")
    order = {"source": "/deep", "destination": f"/{'c' * 200}"}
    job = done(edge, call(edge, "POST", "/folders/copy", order))

    assert job["status"] == "Succeeded"
    assert {**job["summary"], "reason": None} == {"copied": 2, "failed": 1, "reason": None}
    assert "512 are allowed" in job["summary"]["reason"]
    assert there(edge, f"/{'c' * 200}/z.bin")


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("DELETE", "/files/batch", {"files": []}, "1 to 1000"),
        ("DELETE", "/files/batch", {"files": ["../a"]}, "path"),
        ("POST", "/files/copy/batch", {"files": [{"source": "/a"}]}, "destination"),
        ("POST", "/folders/copy", {"source": "/a", "destination": "/a/b"}, "into itself"),
        ("POST", "/folders/copy", {"source": "/", "destination": "/a"}, "into itself"),
        ("POST", "/folders/copy", {"source": "/a/b", "destination": "/a"}, "lies in"),
        ("POST", "/folders/copy", {"source": "/a", "destination": "/"}, "lies in"),
        ("DELETE", "/folders", {"folderPath": 3}, "folderPath"),
        # Nobody empties the whole account by leaving something out.
        ("DELETE", "/folders", {"folderPath": ""}, "path"),
        ("DELETE", "/folders", {"folderPath": "//"}, "path"),
        ("DELETE", "/folders/batch", {"folders": [{"folderPath": ""}]}, "path"),
        ("PUT", "/folders", {"folderPath": ""}, "path"),
        ("POST", "/folders/copy", {"source": "", "destination": "/a"}, "path"),
    ],
)
def test_what_cannot_be_done_is_told_why(
    edge: Edge, method: str, path: str, body: Any, says: str
) -> None:
    answer = call(edge, method, path, body)
    assert answer.status == 400
    assert says in json.dumps(answer.problem)


def test_a_transform_is_kept_as_a_file(edge: Edge) -> None:
    sound = make("wav-16", tone(44_100 * 2, rate=44_100), rate=44_100)
    bring(edge, "/talks/one!.wav".replace("!", "%21"), sound, tag="talk")
    order = {
        "destination": "/kept/one.mp3",
        "tags": {"merge": True, "value": ["kept"]},
        "metadata": {"value": {"n": 1}},
    }
    begun = save(edge, "talks/one%21.wav?f=mp3&br=64", order)
    assert begun.json()["async"] is True
    job = done(edge, begun)

    assert job["status"] == "Succeeded"
    assert job["summary"]["result"]["filePath"] == "/kept/one.mp3"
    details = call(edge, "GET", "/files/details?filePath=/kept/one.mp3").json()
    assert (details["mime"], details["tags"]) == ("audio/mpeg", ["talk", "kept"])
    assert details["metadata"] == {"n": 1}
    made = edge.send(f"/{ACCOUNT}/audio/talks/one%21.wav?f=mp3&br=64&a=/audio.mp3")
    assert made.body == edge.send(f"/{ACCOUNT}/raw/kept/one.mp3").body


def test_a_stream_is_kept_with_all_its_files(edge: Edge) -> None:
    edge.put("/mounted.wav", make("wav-16", tone(44_100 * 3, rate=44_100), rate=44_100))
    begun = save(edge, "mounted.wav!f=hls-aac&br=64", {"destination": "/streams/show.m3u8"})
    assert done(edge, begun)["status"] == "Succeeded"

    top = edge.send(f"/{ACCOUNT}/raw/streams/show.m3u8").body.decode()
    child = top.strip().splitlines()[-1]
    media = edge.send(f"/{ACCOUNT}/raw/streams/{child}")
    assert media.body.startswith(b"#EXTM3U")
    segment = media.body.decode().split("\n#EXT-X-ENDLIST")[0].splitlines()[-1]
    folder = child.rpartition("/")[0]
    assert edge.send(f"/{ACCOUNT}/raw/streams/{folder}/{segment}").status == 200


def test_what_cannot_be_made_fails_with_its_reason(edge: Edge) -> None:
    bring(edge, "/no/sound.mp3", b"not a sound" * 100)
    begun = save(edge, "no/sound.mp3?f=mp3", {})
    job = done(edge, begun)
    assert job["status"] == "Failed"
    assert job["error"]["code"] and job["error"]["message"]

    refused = save(edge, "no/sound.mp3?f=mp4", {})
    assert (refused.status, refused.problem["details"]["parameter"]) == (400, "f")
    public = {"Authorization": f"Bearer {PUBLIC_KEY}"}
    denied = save(edge, "no/sound.mp3?f=mp3", {}, public)
    assert denied.status == 403


def test_a_batch_is_gone_on_with_after_a_crash(tmp_path: Path) -> None:
    edge = Edge(tmp_path).start()
    try:
        paths = [f"/many/{number}.bin" for number in range(60)]
        for path in paths:
            bring(edge, path)
        begun = call(edge, "DELETE", "/files/batch", {"files": paths})
        edge.kill()
        edge.start()
        done(edge, begun)
        assert not any(there(edge, path) for path in paths)
    finally:
        edge.end()
