"""Files brought in over HTTP: by whom, in what order, and through a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.e2e.origin import origin
from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_KEY, Answer, Edge, until
from tests.support.media import make
from tests.support.synth import tone

Install = Callable[..., Edge]
PUBLIC = {"Authorization": f"Bearer {PUBLIC_KEY}"}
PATH = "/talks/a b.wav"
QUOTED = quote(PATH)
API = f"/v2/accounts/{ACCOUNT}"
RATE = 8_000


def sound(seconds: float = 3) -> bytes:
    return make("wav-16", tone(int(seconds * RATE), rate=RATE), rate=RATE)


def bring(
    edge: Edge, content: bytes, path: str = PATH, headers: dict[str, str] | None = None
) -> Answer:
    return edge.send(
        f"{API}/uploads/binary?filePath={quote(path)}",
        {**BEARER, "Content-Type": "audio/wav", **(headers or {})},
        method="POST",
        body=content,
    )


def begin(edge: Edge, size: int, headers: dict[str, str] | None = None, **more: object) -> Answer:
    content = json.dumps({"size": size, "path": PATH, "protocol": "1.1", **more}).encode()
    return edge.send(f"{API}/uploads", headers or BEARER, method="POST", body=content)


def test_a_file_is_brought_transformed_replaced_and_deleted(server: Edge) -> None:
    first, second = sound(3), sound(2)
    brought = bring(server, first).json()
    raw = server.send(f"/{ACCOUNT}/raw{QUOTED}")
    job = server.audio(f"{QUOTED[1:]}?f=mp3", {"Prefer": "wait=30"}).json()
    artifact = job["summary"]["result"]["artifactUrl"].removeprefix("https://audio.example")

    assert brought["filePath"] == PATH
    assert brought["fileUrl"] == f"https://audio.example/{ACCOUNT}/raw{QUOTED}"
    assert raw.body == first
    assert raw.headers["ETag"] == f'"{brought["etag"]}"'
    assert raw.headers["Content-Type"].startswith("audio/")
    assert server.send(artifact).status == 200
    # Asked again, both are answered the short way; which must not outlive the file.
    assert server.send(f"/{ACCOUNT}/raw{QUOTED}").body == first

    bring(server, second)
    assert server.send(f"/{ACCOUNT}/raw{QUOTED}").body == second
    again = server.audio(f"{QUOTED[1:]}?f=mp3", {"Prefer": "wait=30"}).json()
    assert again["jobId"] != job["jobId"]
    assert again["transform"]["made"]["duration"] == 2

    gone = server.send(f"{API}/files?filePath={QUOTED}", BEARER, method="DELETE")
    assert gone.status == 200
    assert server.send(f"/{ACCOUNT}/raw{QUOTED}").status == 404
    assert server.send(artifact).status == 404
    assert server.api(f"/files/details?filePath={QUOTED}").status == 404
    assert server.api("/folders/list?folderPath=/talks").status == 404


def test_a_large_file_is_the_same_however_often_it_is_asked_for(server: Edge) -> None:
    content = sound(40)
    bring(server, content, "/large.wav")
    answers = [server.send(f"/{ACCOUNT}/raw/large.wav") for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4
    assert {answer.body for answer in answers} == {content}


def bring_form(
    edge: Edge, parts: list[tuple[str, bytes]], query: str = "", headers: dict[str, str] = BEARER
) -> Answer:
    """Send parts, each by what stands after form-data in its head, as curl -F does."""
    lines = [
        f"--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    ]
    return edge.send(
        f"{API}/uploads/form_data{query}",
        {**headers, "Content-Type": "multipart/form-data; boundary=cut"},
        method="POST",
        body=b"".join(lines) + b"--cut--\r\n",
    )


def test_a_form_brings_files(server: Edge) -> None:
    content = sound(3)
    typed = 'name="file"; filename="C:\\mine\\b \u00fc.wav"\r\nContent-Type: audio/x-wav'
    answer = bring_form(
        server,
        [(typed, content), ('name="nameless"', b"")],
        "?folderPath=/forms&fileName=%7BORIGINAL_FILE_NAME%7D-%7BUNIQUE_DIGITS_4%7D&tag=a&tag=b",
    )
    first, second = answer.json()["files"]
    details = server.api(f"/files/details?filePath={quote(first['filePath'])}").json()

    assert answer.status == 200
    assert answer.json()["errors"] == []
    assert first["formDataFieldName"] == "file"
    assert first["filePath"].startswith("/forms/b \u00fc-")
    assert first["fileUrl"] == f"https://audio.example/{ACCOUNT}/raw{quote(first['filePath'])}"
    assert server.send(f"/{ACCOUNT}/raw{quote(first['filePath'])}").body == content
    assert (details["mime"], details["originalFileName"]) == ("audio/x-wav", "b \u00fc.wav")
    assert (details["etag"], details["tags"]) == (first["etag"], ["a", "b"])
    assert second["formDataFieldName"] == "nameless"
    assert server.send(f"/{ACCOUNT}/raw{quote(second['filePath'])}").body == b""


def test_a_file_of_a_form_that_is_refused_does_not_keep_the_others_out(server: Edge) -> None:
    parts = [(f'name="{name}"; filename="{name}.bin"', name.encode()) for name in ("one", "two")]
    query = "?folderPath=/refused&fileName=%7BORIGINAL_FILE_NAME%7D.bin"
    bring(server, b"mine", "/refused/one.bin")

    told = bring_form(server, parts, query, PUBLIC).json()

    assert [file["filePath"] for file in told["files"]] == ["/refused/two.bin"]
    (refused,) = told["errors"]
    assert refused["formDataFieldName"] == "one"
    assert refused["error"]["code"] == "conflict"
    assert refused["error"]["details"] == {"filePath": "/refused/one.bin"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", refused["error"]["timestamp"])
    assert server.send(f"/{ACCOUNT}/raw/refused/one.bin").body == b"mine"


def test_a_form_that_is_none_brings_nothing(server: Edge) -> None:
    form = {**BEARER, "Content-Type": "multipart/form-data; boundary=cut"}
    part = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x.bin"\r\n\r\nx'
    sent = (
        ({**BEARER, "Content-Type": "audio/wav"}, b"x", (415, "unsupported_form")),
        (form, part, (400, "bad_form")),
        (form, b"--cut--\r\n", (400, "bad_request")),
    )
    for headers, body, expected in sent:
        answer = server.send(
            f"{API}/uploads/form_data?filePath=/none.bin", headers, method="POST", body=body
        )
        assert (answer.status, answer.problem["code"]) == expected
    assert server.send(f"/{ACCOUNT}/raw/none.bin").status == 404


def test_a_public_key_brings_files_and_harms_none(server: Edge) -> None:
    assert bring(server, b"mine", "/shared/x.bin", PUBLIC).status == 200

    refused = bring(server, b"yours", "/shared/x.bin", PUBLIC)
    assert (refused.status, refused.problem["code"]) == (409, "conflict")
    assert server.send(f"/{ACCOUNT}/raw/shared/x.bin").body == b"mine"
    for method, rest in (
        ("DELETE", "/files?filePath=/shared/x.bin"),
        ("GET", "/files/details?filePath=/shared/x.bin"),
        ("GET", "/folders/list"),
    ):
        assert server.send(API + rest, PUBLIC, method=method).status == 403


ROUTES = [
    ("POST", "/uploads"),
    ("POST", "/uploads/binary"),
    ("POST", "/uploads/form_data"),
    ("GET", "/uploads/{upload}/parts"),
    ("GET", "/uploads/{upload}/parts/0"),
    ("PUT", "/uploads/{upload}/parts/0"),
    ("GET", "/files/details?filePath=/mine.bin"),
    ("DELETE", "/files?filePath=/mine.bin"),
    ("GET", "/folders/list?folderPath=/"),
    ("GET", "/folders?folderPath=/"),
    ("PUT", "/folders"),
    ("POST", "/files/copy"),
    ("POST", "/uploads/url"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_another_account_has_no_way_in(server: Edge, method: str, route: str) -> None:
    bring(server, b"mine", "/mine.bin")
    upload = begin(server, 4).json()["uploadId"]
    made = server.command("keys", "create", "--account", "2222222", "--kind", "secret", "--json")
    stranger = {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"}
    body = b'{"size": 1}' if method in ("POST", "PUT") else None

    target = f"{API}{route.format(upload=upload)}"
    assert server.send(target, method=method, body=body).status == 401
    assert server.send(target, stranger, method=method, body=body).status == 403
    # Under its own name there is nothing of the other's.
    own = target.replace(ACCOUNT, "2222222")
    if "mine.bin" in own or upload in own:
        assert server.send(own, stranger, method=method, body=body).status == 404
    if "folders/list" in own:
        assert server.send(own, stranger, method=method).json()["items"] == []
    assert server.send(f"/{ACCOUNT}/raw/mine.bin").body == b"mine"


def test_an_upload_outlives_the_server_that_began_it(install: Install) -> None:
    edge = install()
    edge.start()
    content = sound(3) * 120
    told = begin(edge, len(content)).json()
    upload, count = told["uploadId"], told["uploadParts"]["count"]
    assert count > 1

    def put(number: int) -> str:
        part = edge.api(f"/uploads/{upload}/parts/{number}").json()
        span = part["range"]
        piece = content[span["inclusiveStart"] : span["inclusiveEnd"] + 1]
        # Without a key, as the SDK does.
        target = part["uploadUrl"][part["uploadUrl"].index("/v2/") :]
        return edge.send(target, method="PUT", body=piece).headers["ETag"]

    def complete(number: int, etag: str) -> dict[str, object]:
        answer = edge.api(f"/uploads/{upload}/parts/{number}", method="PUT", body={"etag": etag})
        return dict(answer.json())

    last = count - 1
    etag = put(last)
    assert complete(last, etag) == {"status": "Pending"}
    edge.kill()
    edge.start()
    missing = edge.api(f"/uploads/{upload}/parts").json()["remainingUploadParts"]
    assert missing == list(range(last))
    for number in missing[:-1]:
        complete(number, put(number))
    etag = put(missing[-1])
    edge.kill()
    edge.start()
    done = complete(missing[-1], etag)
    assert done["status"] == "Completed"
    assert complete(last, "whatever") == done
    assert edge.send(f"/{ACCOUNT}/raw{QUOTED}").body == content
    assert edge.api(f"/uploads/{upload}/parts").json() == {"remainingUploadParts": []}
    until(lambda: not list((edge.data / "files" / "parts").rglob("*")), "the parts to be gone")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"size": -1}, 400),
        ({"size": 1 << 50}, 400),
        ({"size": "4"}, 400),
        ({"size": 4, "path": "/a/../b"}, 400),
        ({"size": 4, "path": {"folderPath": "/a", "fileName": "{NOPE}"}}, 400),
        ({"size": 4, "metadata": {"x": "y" * 3000}}, 400),
        ({"size": 4, "tags": [""]}, 400),
        ({"size": 4, "mime": 7}, 400),
    ],
)
def test_what_cannot_be_begun_is_told_why(
    server: Edge, wrong: dict[str, object], status: int
) -> None:
    answer = server.send(f"{API}/uploads", BEARER, method="POST", body=json.dumps(wrong).encode())

    assert answer.status == status
    assert answer.problem["message"]


def test_a_part_is_taken_as_announced_or_not_at_all(server: Edge) -> None:
    upload = begin(server, 4).json()["uploadId"]
    parts = f"{API}/uploads/{upload}/parts"

    assert server.send(f"{parts}/0/bytes", method="PUT", body=b"shorter"[:3]).status == 400
    assert server.send(f"{parts}/0/bytes", method="PUT", body=b"longer").status == 413
    assert server.send(f"{parts}/1/bytes", method="PUT", body=b"here").status == 400
    assert server.send(f"{parts}/1", BEARER).status == 404
    nothing = server.api(f"/uploads/{upload}/parts/0", method="PUT", body={"etag": '"0"'})
    assert nothing.status == 400
    allowed = server.send(f"{parts}/0/bytes", method="OPTIONS").headers
    assert "PUT" in allowed["Access-Control-Allow-Methods"]
    assert "ETag" in allowed["Access-Control-Expose-Headers"]


def test_a_file_is_fetched_by_its_url(install: Install) -> None:
    edge = install(EDGE_ALLOW_NETWORKS="127.0.0.0/8")
    edge.start()
    with origin() as host:
        host.files["/pod%20casts/ep%201.wav"] = sound()
        url = f"{host.url}/pod%20casts/ep%201.wav"
        plain = edge.api("/uploads/url", method="POST", body={"url": url})
        where = {"folderPath": "/in", "fileName": "{ORIGINAL_FILE_NAME}{ORIGINAL_FILE_EXT}"}
        put = edge.api("/uploads/url", method="POST", body={"url": url, "path": where})
        missing = edge.api("/uploads/url", method="POST", body={"url": f"{host.url}/no.wav"})

    assert plain.json()["filePath"].endswith("-ep 1.wav")
    assert put.json()["filePath"] == "/in/ep 1.wav"
    assert edge.send(f"/{ACCOUNT}/raw/in/ep%201.wav").body == sound()
    assert (missing.status, missing.problem["code"]) == (502, "source_unreachable")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1:1/x.mp3", 403),
        ("http://169.254.169.254/latest/meta-data", 403),
        ("file:///etc/passwd", 403),
        ("ftp://example.com/x.mp3", 403),
        ("talk.mp3", 403),
    ],
)
def test_only_public_addresses_are_fetched_from(server: Edge, url: str, status: int) -> None:
    answer = server.api("/uploads/url", method="POST", body={"url": url})

    assert answer.status == status
    assert answer.problem["code"] == "source_forbidden"


def test_a_file_is_copied_with_what_is_known_of_it(server: Edge) -> None:
    bring(server, b"here", "/copy/a.bin", {"X-Upload-Metadata": '{"x": 1, "y": 2}'})

    def copied(**more: object) -> dict[str, object]:
        body = {"source": "/copy/a.bin", "destination": "/copy/to/b.bin", **more}
        answer = server.api("/files/copy", method="POST", body=body)
        assert answer.json() == {"status": "Copied"}
        return dict(server.api("/files/details?filePath=/copy/to/b.bin").json())

    assert copied()["metadata"] == {"x": 1, "y": 2}
    assert copied(metadata={"value": {"z": 3}})["metadata"] == {"z": 3}
    merged = copied(metadata={"merge": True, "value": {"y": 3}}, tags={"value": ["t"]})
    assert (merged["metadata"], merged["tags"]) == ({"x": 1, "y": 3}, ["t"])
    server.send(f"{API}/files?filePath=/copy/a.bin", BEARER, method="DELETE")
    assert server.send(f"/{ACCOUNT}/raw/copy/to/b.bin").body == b"here"
    nothing = {"source": "/copy/a.bin", "destination": "/copy/c.bin"}
    assert server.api("/files/copy", method="POST", body=nothing).status == 404


def test_folders_are_made_described_and_listed(server: Edge) -> None:
    wish = {
        "folderPath": "/made/here",
        "folderSettings": {"description": {"set": True, "value": "x"}},
    }
    made = server.api("/folders", method="PUT", body=wish).json()
    kept = server.api("/folders", method="PUT", body={"folderPath": "/made/here"}).json()
    bring(server, b"x", "/made/there/x.bin")

    assert made == kept == server.api("/folders?folderPath=/made/here").json()
    assert (made["virtual"], made["settings"]) == (True, {"description": "x"})

    def listed(query: str = "") -> list[str]:
        items = server.api(f"/folders/list?folderPath=/made{query}").json()["items"]
        return [item["folderPath"] for item in items]

    assert listed() == ["/made/here", "/made/there"]
    assert listed("&includeVirtualFolders=false") == ["/made/there"]
    assert listed("&includePhysicalFolders=false") == ["/made/here"]
    assert server.api("/folders?folderPath=/made/nowhere").status == 404
    assert server.api("/folders", method="PUT", body={"folderPath": "/made/../x"}).status == 400


def test_storage_has_a_quota_and_usage_tells_it(install: Install) -> None:
    edge = install(EDGE_STORAGE_QUOTA_BYTES="1MiB")
    edge.start()
    assert bring(edge, bytes(600_000), "/a.bin").status == 200

    refused = bring(edge, bytes(600_000), "/b.bin")
    assert (refused.status, refused.problem["code"]) == (402, "over_quota")
    assert refused.problem["details"] == {"usedBytes": 600_000, "quotaBytes": 1 << 20}
    usage = edge.api("/usage").json()
    assert (usage["storageBytes"], usage["storageQuotaBytes"]) == (600_000, 1 << 20)
    edge.send(f"{API}/files?filePath=/a.bin", BEARER, method="DELETE")
    assert edge.api("/usage").json()["storageBytes"] == 0
    assert bring(edge, bytes(600_000), "/b.bin").status == 200


def test_memory_does_not_grow_with_the_file(install: Install) -> None:
    edge = install()
    edge.start()
    bring(edge, bytes(1 << 20), "/small.bin")

    def peak() -> int:
        with open(f"/proc/{edge.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    before = peak()
    assert bring(edge, bytes(100 << 20), "/large.bin").status == 200
    assert peak() - before < 30_000
