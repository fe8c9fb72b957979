"""Crafted folders, imports, names and parts, where they are at hand, and what they must not do."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cache.origins.fetch import Fetcher
from cache.origins.http import HttpFolder
from cache.source import SourceForbidden
from edge.settings.kinds import MOUNTS, Refused
from tests.e2e.musicapi import ask
from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_URL, Answer, Edge, serving

REQUESTS = Path(__file__).parents[3] / "shared" / "hostile" / "requests.jsonl"
API = f"/v2/accounts/{ACCOUNT}"
# Where hosts stand that behave badly; the canary is next door.
BAD_HOST = "127.0.0.2"
BAD_HOSTS = {
    "redirect.test": "/redirect",
    "drip.test": "/drip",
    "gzipbomb.test": "/gzip",
    "lying.test": "/lying",
    "short.test": "/short",
}
# Names that change or have several addresses need a resolver that is scripted, which only the
# fetcher's own tests have.
ELSEWHERE = ("rebind.test", "two-a-records.test")
REFUSALS = ("source_forbidden", "source_unreachable", "source_too_large", "bad_parameter")


def lines(target: str) -> list[dict[str, Any]]:
    if not REQUESTS.is_file():
        return []
    requests = map(json.loads, REQUESTS.read_text().splitlines())
    return [request for request in requests if request["target"] == target]


def urls() -> list[str]:
    return [line["url"] for line in lines("import-by-url") if not _is_elsewhere(line["url"])]


def folders() -> dict[str, str]:
    """
    Give a prefix to each folder with which a server starts; it refuses the others at once.

    Those that do have a file, of some length, are the reader's tests' concern.
    """
    accepted = []
    for line in lines("external folder origin"):
        url = line["url"].partition(" ")[0]
        if _is_elsewhere(url) or any(host in url for host in ("drip.", "lying.", "short.")):
            continue
        with contextlib.suppress(SourceForbidden, Refused):
            (mount,) = MOUNTS.parse(f"/far={url}")
            HttpFolder(str(mount.url), mount.prefix, Fetcher(), 60)
            accepted.append(url)
    return {f"/far{number}": url for number, url in enumerate(accepted)}


def names() -> list[str]:
    return [line["filename"] for line in lines("upload filename")]


def _is_elsewhere(url: str) -> bool:
    return any(host in url for host in ELSEWHERE)


FOLDERS = folders()


class Canary:
    """Listens where the URLs lead, as far as it may; nobody should ever connect."""

    def __init__(self) -> None:
        self._listening: list[socket.socket] = []
        for address, port in (("127.0.0.1", 0), ("127.0.0.1", 80), ("::1", 80)):
            # The web's own port is for root, and where nobody else has it.
            with contextlib.suppress(OSError):
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                self._listening.append(socket.create_server((address, port), family=family))
                self._listening[-1].setblocking(False)
        self.url = f"http://127.0.0.1:{self._listening[0].getsockname()[1]}/"

    def assert_unheard(self) -> None:
        for listening in self._listening:
            with pytest.raises(BlockingIOError):
                listening.accept()

    def close(self) -> None:
        for listening in self._listening:
            listening.close()


class BadHost(socketserver.ThreadingTCPServer):
    """Hosts that redirect into the house, drip, bomb, send too much and too little."""

    daemon_threads = True

    def __init__(self, inside: str) -> None:
        super().__init__((BAD_HOST, 0), _Badly)
        self.inside = inside
        self.over = threading.Event()


class _Badly(socketserver.StreamRequestHandler):
    server: BadHost

    def handle(self) -> None:
        behaviour = self.rfile.readline().split(b"/")[1].split()[0].decode()
        with contextlib.suppress(OSError):
            self._behave(behaviour)

    def _behave(self, behaviour: str) -> None:
        match behaviour:
            case "redirect":
                self._say("302 Found", f"Location: {self.server.inside}")
            case "drip":
                self._say("200 OK", "Content-Length: 1000000")
                while not self.server.over.wait(0.1):
                    self.wfile.write(b".")
            case "gzip":
                self._say("200 OK", "Content-Encoding: gzip")
                self._pour()
            case "lying":
                self._say("200 OK", "Content-Length: 10")
                self._pour()
            case "short":
                self._say("200 OK", f"Content-Length: {10 << 30}")
                self.wfile.write(bytes(1 << 20))

    def _say(self, status: str, header: str) -> None:
        self.wfile.write(f"HTTP/1.1 {status}\r\n{header}\r\n\r\n".encode())

    def _pour(self) -> None:
        while not self.server.over.is_set():
            self.wfile.write(bytes(1 << 16))


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    listening = Canary()
    with contextlib.closing(listening):
        yield listening


@pytest.fixture(scope="module")
def bad_host(canary: Canary) -> Iterator[str]:
    with BadHost(canary.url) as host:
        threading.Thread(target=host.serve_forever, daemon=True).start()
        yield f"http://{BAD_HOST}:{host.server_address[1]}"
        host.over.set()
        host.shutdown()


@pytest.fixture(scope="module")
def fortress(
    tmp_path_factory: pytest.TempPathFactory, canary: Canary, bad_host: str
) -> Iterator[Edge]:
    """A server that may fetch from the bad host and from nowhere else in this machine."""
    mounts = (f"{prefix}={led_astray(url, bad_host)}" for prefix, url in FOLDERS.items())
    settings = {
        "EDGE_PUBLIC_URL": PUBLIC_URL,
        "EDGE_ALLOW_NETWORKS": f"{BAD_HOST}/32",
        "EDGE_MOUNTS": ",".join(mounts),
    }
    with serving(tmp_path_factory.mktemp("fortress"), **settings) as edge:
        yield edge
        canary.assert_unheard()
        assert "Traceback" not in edge.log
        assert "incident" not in edge.log


def kept(edge: Edge) -> tuple[int, set[Path]]:
    """Tell what the account is charged for, and which files lie in the store."""
    blobs = {path for path in (edge.data / "files").rglob("*") if path.is_file()}
    return edge.usage()["storageBytes"], blobs


def led_astray(url: str, bad_host: str) -> str:
    """Put the bad host for one whose name nobody knows."""
    for name, path in BAD_HOSTS.items():
        if name in url:
            return bad_host + path
    return url


@pytest.mark.parametrize("prefix", FOLDERS)
def test_a_crafted_folder_has_no_files(fortress: Edge, canary: Canary, prefix: str) -> None:
    for asked in (f"raw{prefix}/a.mp3", f"audio{prefix}/a.mp3?f=mp3", f"audio{prefix}/a.mp3"):
        assert fortress.send(f"/{ACCOUNT}/{asked}").status in (403, 502)
    canary.assert_unheard()


@pytest.mark.parametrize("url", urls())
def test_a_crafted_url_brings_nothing(
    fortress: Edge, bad_host: str, canary: Canary, url: str
) -> None:
    before = kept(fortress)
    url = led_astray(url, bad_host)
    answer = fortress.api("/uploads/url", method="POST", body={"url": url, "timeout": 1500})

    if url.endswith("/lying") and answer.status == 200:
        # What was announced is all that there is, unless what follows was noticed in time.
        brought = quote(answer.json()["filePath"])
        assert fortress.send(f"/{ACCOUNT}/raw{brought}").body == bytes(10)
        fortress.send(f"{API}/files?filePath={brought}", BEARER, method="DELETE")
    else:
        assert 400 <= answer.status < 500 or answer.status == 502
        assert answer.problem["code"] in REFUSALS
    assert kept(fortress)[0] == before[0]
    canary.assert_unheard()


@pytest.mark.parametrize("url", [url for url in urls() if ".test/" not in url])
def test_a_crafted_url_is_no_song_and_is_told_of_none(
    fortress: Edge, canary: Canary, url: str
) -> None:
    song = ask(fortress, "/sonic/upload", {"url": url})
    called = ask(fortress, "/sonic/upload", {"url": "http://public.example/", "callback_url": url})

    assert song.status in (400, 403, 502), song.body
    # Of a name it is only known where it leads once it is asked for.
    assert called.status in (200, 400, 403), called.body
    assert kept(fortress)[0] == 0
    canary.assert_unheard()


def bring_named(edge: Edge, name: str) -> Answer:
    head = b'Content-Disposition: form-data; name="file"; filename="' + name.encode()
    content = b"<script>alert(1)</script>"
    body = b'--cut\r\n%s"\r\nContent-Type: text/html\r\n\r\n%s\r\n--cut--\r\n' % (head, content)
    return edge.send(
        f"{API}/uploads/form_data",
        {**BEARER, "Content-Type": "multipart/form-data; boundary=cut"},
        method="POST",
        body=body,
    )


def begin_named(edge: Edge, name: str) -> Answer:
    return edge.api("/uploads", method="POST", body={"size": 4, "originalFileName": name})


@pytest.mark.parametrize("name", names())
def test_a_crafted_name_of_a_form_is_text_or_refused(fortress: Edge, name: str) -> None:
    blobs = kept(fortress)[1]
    answer = bring_named(fortress, name)
    new = kept(fortress)[1] - blobs

    if answer.status != 200 or not answer.json()["files"]:
        told = answer.problem if answer.status != 200 else answer.json()["errors"][0]["error"]
        assert told["code"] in ("bad_form", "bad_parameter")
        assert not new
        return
    path = answer.json()["files"][0]["filePath"]
    raw = fortress.send(f"/{ACCOUNT}/raw{quote(path)}?download=true")
    # The server names what it keeps; of the client's there is a harmless ending at most.
    (blob,) = new
    assert blob.stem.isalnum()
    assert "/.." not in path
    assert "\\" not in path
    assert raw.headers["Content-Type"] in ("application/octet-stream", "audio/mpeg")
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert raw.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "filename*=UTF-8''" in raw.headers["Content-Disposition"]
    assert raw.headers["X-Evil"] is None
    page = fortress.send(f"/{ACCOUNT}/audio{quote(path)}")
    assert b"<img" not in page.body
    assert b"<script>alert" not in page.body


@pytest.mark.parametrize("name", names())
def test_a_crafted_name_of_an_upload_makes_no_path(fortress: Edge, name: str) -> None:
    answer = begin_named(fortress, name)

    if answer.status == 200:
        path = answer.json()["file"]["filePath"]
        assert path.startswith("/uploads/")
        assert path.count("/") == 5
        assert "\\" not in path
        assert path.isprintable() or "\u202e" in path
    else:
        assert answer.problem["code"] in ("bad_parameter", "bad_request")
        assert len(name) > 255 or "\0" in name


def begun(edge: Edge, content: bytes, path: str) -> str:
    body = {"size": len(content), "path": path, "protocol": "1.1"}
    return str(edge.api("/uploads", method="POST", body=body).json()["uploadId"])


def put(edge: Edge, upload: str, content: bytes, account: str = ACCOUNT) -> Answer:
    target = f"/v2/accounts/{account}/uploads/{upload}/parts/0/bytes"
    return edge.send(target, method="PUT", body=content)


def completed(edge: Edge, upload: str, etag: str) -> Answer:
    return edge.api(f"/uploads/{upload}/parts/0", method="PUT", body={"etag": etag})


def test_completing_twice_is_completing_once(fortress: Edge) -> None:
    before = kept(fortress)
    upload = begun(fortress, b"here", "/twice.bin")
    etag = put(fortress, upload, b"here").headers["ETag"]
    answers = [completed(fortress, upload, etag) for _ in range(3)]

    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    after = kept(fortress)
    assert after[0] == before[0] + 4
    assert len(after[1]) == len(before[1]) + 1


def test_other_bytes_after_completion_are_a_conflict(fortress: Edge) -> None:
    upload = begun(fortress, b"here", "/changed.bin")
    completed(fortress, upload, put(fortress, upload, b"here").headers["ETag"])
    before = kept(fortress)
    late = put(fortress, upload, b"evil")

    assert (late.status, late.problem["code"]) == (409, "conflict")
    assert fortress.send(f"/{ACCOUNT}/raw/changed.bin").body == b"here"
    assert kept(fortress) == before


@pytest.mark.parametrize(("content", "status"), [(b"her", 400), (b"heres", 413), (b"", 400)])
def test_a_part_of_another_length_does_not_count(
    fortress: Edge, content: bytes, status: int
) -> None:
    upload = begun(fortress, b"here", "/short.bin")
    before = kept(fortress)

    assert put(fortress, upload, content).status == status
    assert fortress.api(f"/uploads/{upload}/parts").json() == {"remainingUploadParts": [0]}
    assert kept(fortress) == before


def test_an_upload_that_is_too_large_is_refused_before_its_bytes(fortress: Edge) -> None:
    before = kept(fortress)
    answer = fortress.api("/uploads", method="POST", body={"size": 1 << 50, "path": "/huge.bin"})

    assert answer.status in (400, 413)
    assert answer.problem["details"]["parameter"] == "size"
    assert kept(fortress) == before


def test_an_upload_is_its_account_s(fortress: Edge) -> None:
    stranger = fortress.command("keys", "create", "--account", "abcdefg").stdout.strip()
    upload = begun(fortress, b"here", "/mine.bin")
    before = kept(fortress)
    part = f"/v2/accounts/abcdefg/uploads/{upload}/parts/0"
    headers = {"Authorization": f"Bearer {stranger}"}

    assert put(fortress, upload, b"evil", "abcdefg").status == 404
    assert fortress.send(part, headers).status == 404
    taken = fortress.send(part, headers, method="PUT", body=b'{"etag": "x"}')
    assert taken.status == 404
    assert kept(fortress) == before
