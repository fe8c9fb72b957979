"""Who sees what: every route for every viewer, for a public and a private file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import jwt
import pytest

from edge.accounts.signatures import Signer
from tests.e2e.credentials import COOKIE, PUBLIC, basic, bring, put_session, token
from tests.e2e.running import (
    ACCOUNT,
    BEARER,
    PUBLIC_KEY,
    PUBLIC_URL,
    SECRET_KEY,
    Answer,
    Edge,
    serving,
)
from tests.e2e.sounds import note

HOST = PUBLIC_URL.removeprefix("https://")
OTHER_ACCOUNT = "abcdefg"

# Each with how it begins; {} is the file's path without a slash before it.
ROUTES = {
    "raw": "raw/{}",
    "raw, by its parameters": "raw/{}!download=true",
    "job": "audio/{}?f=mp3",
    "artifact": "audio/{}!f=mp3&a=/audio.mp3",
    "artifact, asked for": "audio/{}?f=mp3&a=/audio.mp3",
    "meta": "audio/{}?f=meta",
    "peaks": "audio/{}?f=peaks",
    "waveform": "audio/{}?f=waveform",
    "page": "audio/{}?f=html-aac",
    "page, by nothing": "audio/{}",
    "stream": "audio/{}?f=hls-aac-rt",
    "media playlist": "audio/{}!f=hls-aac-rt&a=/0f/manifest.m3u8",
    "segment": "audio/{}!f=hls-aac-rt&a=/0f/0.ts",
    "whole stream": "audio/{}?f=hls-aac-rt&playlist=full",
    "MPD": "audio/{}!f=dash-aac&a=/audio.mpd",
    "DASH segment": "audio/{}!f=dash-aac&a=/0f/0.m4s",
    "appended": "audio/open/talk.wav?f=mp3&append=/{}",
    "appended artifact": "audio/open/talk.wav!f=mp3&append=/{}&a=/audio.mp3",
    "appended stream": "audio/open/talk.wav?f=hls-aac-rt&append=/{}",
    "listed": "audio/{}.m3u8?f=hls-aac-rt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of the installation under test."""

    secret_id: str
    other_secret: str
    without_read: str
    without_read_id: str


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with serving(tmp_path_factory.mktemp("edge"), EDGE_PUBLIC_URL=PUBLIC_URL) as edge:
        closed = {"folderSettings": {"publicPermissions": {"set": True, "value": []}}}
        made = edge.api("/folders", method="PUT", body={"folderPath": "/shut", **closed})
        assert made.status == 200, made.body
        playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n0.ts\n#EXT-X-ENDLIST\n"
        for folder in ("open", "shut"):
            bring(edge, f"/{folder}/talk.wav", note(1))
            bring(edge, f"/{folder}/talk.wav.m3u8", playlist)
        segment = edge.audio("open/talk.wav!f=hls-aac-rt&a=/0f/0.ts")
        assert segment.status == 200, segment.body
        for folder in ("open", "shut"):
            bring(edge, f"/{folder}/0.ts", segment.body)
        yield edge


@pytest.fixture(scope="module")
def keys(edge: Edge) -> Keys:
    def created(*words: str) -> dict[str, Any]:
        ran = edge.command("keys", "create", "--json", *words)
        assert ran.returncode == 0, ran.stderr
        return dict(json.loads(ran.stdout))

    listed = json.loads(edge.command("keys", "list", "--json").stdout)
    limited = created("--scope", "upload,write,jobs,usage")
    return Keys(
        secret_id=next(key["id"] for key in listed if key["kind"] == "secret"),
        other_secret=created("--account", OTHER_ACCOUNT)["key"],
        without_read=limited["key"],
        without_read_id=limited["id"],
    )


def target_of(route: str, path: str) -> str:
    return f"/{ACCOUNT}/{ROUTES[route].format(path)}"


def signed(target: str, keys: Keys, *, expires: str = "inf", secret: str = SECRET_KEY) -> str:
    signer = Signer(key_id=keys.secret_id, secret=secret, expires=expires)
    return target + signer.suffix(HOST + target)


def seeing(keys: Keys) -> dict[str, Mapping[str, str]]:
    """The fields of requests by those who may see the private folder."""
    return {
        "secret key": BEARER,
        "secret key, the SDK's other way": {"Authorization": basic(SECRET_KEY)},
        "token beside a public key": {**PUBLIC, "Authorization-Token": token()},
        "token alone": {"Authorization": f"Bearer {token()}"},
        "token that names its key": {"Authorization": f"Bearer {token(accountId=ACCOUNT)}"},
        "cookie": {"Cookie": f"theme=dark; {COOKIE}={token()}"},
    }


def blind(keys: Keys) -> dict[str, Mapping[str, str]]:
    """The fields of requests by those who may not."""
    origins = {"allowedOrigins": ["https://app.example"]}
    return {
        "nobody": {},
        "public key": PUBLIC,
        "wrong key": {"Authorization": f"Bearer {SECRET_KEY}x"},
        "another account": {"Authorization": f"Bearer {keys.other_secret}"},
        "key without read": {"Authorization": f"Bearer {keys.without_read}"},
        "token of another account": {"Authorization": f"Bearer {token(keys.other_secret)}"},
        "token for another account": {"Authorization": f"Bearer {token(accountId=OTHER_ACCOUNT)}"},
        "token for another folder": {"Authorization": f"Bearer {token(path='/open')}"},
        "token of a key without read": {"Authorization": f"Bearer {token(keys.without_read)}"},
        "token that is over": {"Authorization": f"Bearer {token(seconds=-1)}"},
        "token of a public key": {"Authorization": f"Bearer {token(PUBLIC_KEY)}"},
        "token from another origin": {
            "Authorization": f"Bearer {token(**origins)}",
            "Origin": "https://evil.example",
        },
        "cookie from another origin": {
            "Cookie": f"{COOKIE}={token(**origins)}",
            "Referer": "https://evil.example/page",
        },
        "cookie that is over": {"Cookie": f"{COOKIE}={token(seconds=-1)}"},
        "forged token": {"Authorization": f"Bearer {jwt.encode({'exp': 9**11}, '', 'none')}"},
    }


def told(answer: Answer, name: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """All of an answer that may not differ, whatever the file is called."""
    moving = ("date", "server-timing", "content-length")
    fields = [(n, v) for n, v in answer.headers.items() if n.lower() not in moving]
    return answer.status, fields, answer.body.replace(name.encode(), b"NAME")


def ready(edge: Edge, target: str, headers: Mapping[str, str]) -> Answer:
    """Ask until what is asked for has been made."""
    for _ in range(2):
        answer = edge.send(target, {**headers, "Prefer": "wait=60"})
        if answer.status != 404 or b'"Running"' not in answer.body:
            return answer
        # The artifact's own URL does not wait; the job's does.
        job = target.replace("!", "?").replace("&a=/", "&v-a=/").partition("&v-a")[0]
        edge.send(job, {**headers, "Prefer": "wait=60"})
    return answer


@pytest.mark.parametrize("route", ROUTES)
def test_a_private_file_is_seen_by_some_and_missing_for_others(
    edge: Edge, keys: Keys, route: str
) -> None:
    target, missing = target_of(route, "shut/talk.wav"), target_of(route, "shut/none.wav")
    nothing = told(edge.send(missing), "none")
    assert nothing[0] == 404
    # Before anything was made of it, and after.
    assert told(edge.send(target), "talk") == nothing
    for who, headers in seeing(keys).items():
        answer = ready(edge, target, headers)
        assert answer.status == 200, (who, answer.body)
        assert not answer.headers["Cache-Control"].startswith("public"), who
        if answer.headers["Cache-Control"] != "no-store":
            assert answer.headers["Cache-Control"].startswith("private"), who
        varied = {name.strip() for name in answer.headers["Vary"].split(",")}
        assert {"Authorization", "Authorization-Token", "Cookie"} <= varied, who
    for who, headers in blind(keys).items():
        assert told(edge.send(target, headers), "talk") == nothing, who
        assert told(edge.send(target, headers, method="HEAD"), "talk")[0] == 404, who


@pytest.mark.parametrize("route", ROUTES)
def test_a_public_file_is_seen_by_everybody(edge: Edge, keys: Keys, route: str) -> None:
    target = target_of(route, "open/talk.wav")
    first = ready(edge, target, {})
    assert first.status == 200, first.body
    for who, headers in {**seeing(keys), **blind(keys)}.items():
        answer = edge.send(target, headers)
        assert answer.status == 200, (who, answer.body)
        assert not answer.headers["Cache-Control"].startswith("private"), who
        assert "Authorization" not in answer.headers.get("Vary", ""), who


@pytest.mark.parametrize("route", ROUTES)
def test_a_signed_url_shows_a_private_file(edge: Edge, keys: Keys, route: str) -> None:
    target = target_of(route, "shut/talk.wav")
    answer = ready(edge, target, BEARER)
    assert answer.status == 200, answer.body
    url = signed(target, keys)
    answer = edge.send(url)

    assert answer.status == 200, answer.body
    assert not answer.headers["Cache-Control"].startswith("public")
    wrong = (
        signed(target, keys, secret=SECRET_KEY + "x"),
        url.replace("exp=inf", "exp=9999999999"),
    )
    for changed in (*wrong, url + "&te=1", url.replace("talk", "none"), url + "&v=2"):
        refused = edge.send(changed, BEARER)
        assert (refused.status, refused.problem["code"]) == (403, "bad_signature"), changed
    over = edge.send(signed(target, keys, expires="1"), BEARER)
    assert (over.status, over.problem["code"]) == (403, "expired")


def test_a_signature_needs_an_end_and_a_key_that_may_read(edge: Edge, keys: Keys) -> None:
    target = f"/{ACCOUNT}/raw/shut/talk.wav"
    limited = Signer(key_id=keys.without_read_id, secret=keys.without_read, expires="inf")
    unknown = Signer(key_id="01JD0000000000000000000000", secret=SECRET_KEY, expires="inf")
    for url in (
        target + limited.suffix(HOST + target),
        target + unknown.suffix(HOST + target),
        signed(target, keys).replace("exp=inf&", ""),
        f"{target}?exp=inf&sig=1.{keys.secret_id}.",
        f"{target}?exp=inf&sig=",
        # The host counts, and it is the one of EDGE_PUBLIC_URL.
        target + Signer(key_id=keys.secret_id, secret=SECRET_KEY, expires="inf").suffix(target),
    ):
        refused = edge.send(url)
        assert (refused.status, refused.problem["code"]) == (403, "bad_signature"), url


def test_a_signed_url_shows_nothing_of_another_account(edge: Edge, keys: Keys) -> None:
    target = f"/{OTHER_ACCOUNT}/raw/shut/talk.wav"
    refused = edge.send(signed(target, keys))

    assert (refused.status, refused.problem["code"]) == (403, "bad_signature")


@pytest.mark.parametrize("file", ["shut/talk.wav", "open/talk.wav"])
def test_a_revoked_key_signs_no_more(edge: Edge, file: str) -> None:
    made = json.loads(edge.command("keys", "create", "--json").stdout)
    signer = Signer(key_id=made["id"], secret=made["key"], expires="inf")
    targets = [target_of(route, file) for route in ("raw", "artifact")]
    urls = [target + signer.suffix(HOST + target) for target in targets]
    for url, target in zip(urls, targets, strict=True):
        ready(edge, target, BEARER)
        # So often that a public file would be kept to be given again.
        assert [edge.send(url).status for _ in range(4)] == [200] * 4
    edge.command("keys", "revoke", made["id"])

    assert [edge.send(url).problem["code"] for url in urls] == ["bad_signature"] * 2


def path_of(url: str) -> str:
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def get(edge: Edge, url: str) -> Answer:
    """Follow a URL as a player does, which has no credentials but those in it."""
    answer = edge.send(path_of(url))
    assert answer.status == 200, (url, answer.body)
    return answer


@pytest.mark.parametrize("query", ["f=hls-aac-rt", "f=hls-aac-rt&playlist=full&br=64&br=96"])
@pytest.mark.parametrize("mark", ["?", "!"])
def test_a_player_plays_a_signed_stream(edge: Edge, keys: Keys, query: str, mark: str) -> None:
    begin = PUBLIC_URL + signed(f"/{ACCOUNT}/audio/shut/talk.wav{mark}{query}", keys)
    playlists = [line for line in get(edge, begin).body.decode().splitlines() if line[0] != "#"]
    for playlist in playlists:
        url = urljoin(begin, playlist)
        text = get(edge, url).body.decode()
        segments = [line for line in text.splitlines() if line and line[0] != "#"]

        assert segments
        assert "SERVER-CONTROL" not in text
        for segment in segments:
            assert get(edge, urljoin(url, segment)).body[0] == 0x47
        bare = urljoin(url, segments[0].partition("&exp=")[0])
        assert edge.send(path_of(bare)).status == 404


def test_a_player_plays_a_signed_mpd(edge: Edge, keys: Keys) -> None:
    target = f"/{ACCOUNT}/audio/shut/talk.wav!f=dash-aac&a=/audio.mpd"
    assert ready(edge, target, BEARER).status == 200
    begin = PUBLIC_URL + signed(target, keys)
    text = get(edge, begin).body.decode().replace("&amp;", "&")
    (initialisation,) = re.findall(r'initialization="([^"]*)"', text)
    (media,) = re.findall(r'media="([^"]*)"', text)
    base = "".join(re.findall("<BaseURL>(.*)</BaseURL>", text)[:1])
    around = urljoin(begin, base)

    assert get(edge, urljoin(around, initialisation)).body[4:8] == b"ftyp"
    first = urljoin(around, media.replace("$Number$", "0"))
    assert b"moof" in get(edge, first).body[:200]
    assert edge.send(path_of(first).replace("shut", "open")).status == 403


def test_what_a_signed_page_and_a_signed_job_lead_to_is_signed(edge: Edge, keys: Keys) -> None:
    page = get(edge, signed(f"/{ACCOUNT}/audio/shut/talk.wav?f=html-aac", keys)).body.decode()
    urls = set(re.findall(rf'/{ACCOUNT}/audio/[^"\\]*sig=[\w.-]*', page.replace("&amp;", "&")))
    assert {"hls-aac-rt", "m4a"} <= {re.findall("f=([a-z0-9-]*)", url)[0] for url in urls}
    for url in urls:
        get(edge, url)

    target = f"/{ACCOUNT}/audio/shut/talk.wav?f=mp3"
    ready(edge, target, BEARER)
    job = get(edge, signed(target, keys)).json()
    artifact = job["summary"]["result"]["artifactUrl"]
    assert artifact.startswith(PUBLIC_URL)
    assert get(edge, artifact).headers["Content-Type"] == "audio/mpeg"


@pytest.mark.parametrize("folder", ["turning", "mounted"])
def test_what_becomes_private_is_missing_at_once(edge: Edge, folder: str) -> None:
    def show(value: object) -> None:
        settings = {"publicPermissions": {"set": True, "value": value}}
        body = {"folderPath": f"/{folder}", "folderSettings": settings}
        assert edge.api("/folders", method="PUT", body=body).status == 200

    if folder == "mounted":
        edge.put("/mounted/talk.wav", note(1))
    else:
        bring(edge, "/turning/talk.wav", note(1))
    targets = [target_of(route, f"{folder}/talk.wav") for route in ("raw", "artifact", "stream")]
    for target in targets:
        for _ in range(3):
            assert ready(edge, target, {}).status == 200
    show([])
    for target in targets:
        assert edge.send(target).status == 404, target
        assert edge.send(target, BEARER).status == 200, target
    everything = {"permissions": {"file": {"downloadFile": ["audio"]}}, "scope": "Children"}
    show([everything])

    assert [edge.send(target).status for target in targets] == [404, 200, 200]


def test_a_missing_file_is_kept_as_missing_for_the_like_only(edge: Edge) -> None:
    for name in ("talk", "none"):
        answer = edge.send(f"/{ACCOUNT}/raw/shut/{name}.wav?cache_ttl_404=60")

        assert answer.status == 404
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert answer.headers["Vary"].startswith("Authorization, Authorization-Token, Cookie")


def test_nothing_secret_is_logged(edge: Edge, keys: Keys) -> None:
    text = token()
    put_session(edge, text)
    edge.send(f"/{ACCOUNT}/raw/shut/talk.wav", {"Cookie": f"{COOKIE}={text}"})

    assert text not in edge.log
    assert SECRET_KEY not in edge.log
