"""Sessions of a browser: begun with a token, kept in a cookie, ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.credentials import COOKIE, bring, put_session, token
from tests.e2e.running import (
    ACCOUNT,
    PUBLIC_URL,
    Edge,
    serving,
)
from tests.e2e.sounds import note


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with serving(tmp_path_factory.mktemp("sessions"), EDGE_PUBLIC_URL=PUBLIC_URL) as edge:
        closed = {"folderSettings": {"publicPermissions": {"set": True, "value": []}}}
        made = edge.api("/folders", method="PUT", body={"folderPath": "/shut", **closed})
        assert made.status == 200, made.body
        bring(edge, "/shut/talk.wav", note(1))
        yield edge


def test_a_session_begins_with_a_token_and_ends(edge: Edge) -> None:
    text = token(allowedOrigins=["https://app.example"])
    begun = put_session(edge, text, query="?set-cookie=true")
    cookie = begun.headers["Set-Cookie"]

    assert begun.status == 200, begun.body
    assert begun.json() == {"accessToken": text, "ttlSeconds": begun.json()["ttlSeconds"]}
    assert 590 <= begun.json()["ttlSeconds"] <= 600
    assert begun.headers["Cache-Control"] == "no-store"
    assert begun.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert begun.headers["Access-Control-Allow-Credentials"] == "true"
    assert begun.headers["Vary"] == "Origin"
    assert {part.strip() for part in cookie.split(";")} == {
        f"{COOKIE}={text}",
        f"Path=/{ACCOUNT}/",
        f"Max-Age={begun.json()['ttlSeconds']}",
        *("HttpOnly", "Secure", "SameSite=None", "Partitioned"),
    }
    page = {"Cookie": cookie.partition(";")[0], "Origin": "https://app.example"}
    seen = edge.send(f"/{ACCOUNT}/raw/shut/talk.wav", page)
    assert seen.status == 200
    assert seen.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert seen.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in seen.headers["Vary"]

    ended = edge.send(
        f"/api/v1/access_tokens/{ACCOUNT}?set-cookie=true",
        {"Origin": "https://app.example"},
        method="DELETE",
    )
    assert ended.status == 204
    assert "Max-Age=0" in ended.headers["Set-Cookie"]


def test_pages_may_read_with_a_cookie_only_where_its_token_says_so(edge: Edge) -> None:
    page = {"Cookie": f"{COOKIE}={token()}", "Origin": "https://any.example"}
    seen = edge.send(f"/{ACCOUNT}/raw/shut/talk.wav", page)

    assert seen.status == 200
    assert seen.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in seen.headers


def test_a_session_without_a_cookie_and_one_that_is_refused(edge: Edge) -> None:
    assert "Set-Cookie" not in put_session(edge, token(), query="?set-cookie=false").headers
    for text, code in (
        (token(seconds=-1), "unauthorized"),
        (token("secret_W142hJkSomeOtherSecretKeyThatIsLong"), "unauthorized"),
        (token(allowedOrigins=["https://other.example"]), "unauthorized"),
        ("nonsense", "unauthorized"),
        (token(sub="x" * 4200), "bad_request"),
    ):
        refused = put_session(edge, text)
        assert refused.problem["code"] == code, text
        assert "Set-Cookie" not in refused.headers
        assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
    unknown = edge.send("/api/v1/access_tokens/nobody", method="PUT", body=b"{}")
    assert unknown.status == 404
    asked = edge.send(
        f"/api/v1/access_tokens/{ACCOUNT}",
        {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"},
        method="OPTIONS",
    )
    assert asked.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PUT" in asked.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in asked.headers["Access-Control-Allow-Headers"]


def test_a_cookie_opens_no_api(edge: Edge) -> None:
    cookie = {"Cookie": f"{COOKIE}={token()}"}

    assert edge.send(f"/v2/accounts/{ACCOUNT}/jobs", cookie).status == 401
    details = f"/v2/accounts/{ACCOUNT}/files/details?filePath=/shut/talk.wav"
    assert edge.send(details, cookie).status == 401
