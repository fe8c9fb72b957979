"""JSON, pages and preflights."""

from __future__ import annotations

from edge.web.responses import (
    COMMON_HEADERS,
    html_response,
    json_response,
    new_nonce,
    preflight_response,
)

COMMON = {name.lower(): value for name, value in COMMON_HEADERS.items()}


def test_json_is_compact_utf_8_and_not_stored() -> None:
    response = json_response({"title": "Füße", "tracks": [1, 2]})
    expected = {
        **COMMON,
        "cache-control": "no-store",
        "content-length": "33",
        "content-type": "application/json",
    }

    assert response.status_code == 200
    assert response.body == '{"title":"Füße","tracks":[1,2]}'.encode()
    assert dict(response.headers) == expected


def test_json_takes_another_status_and_headers() -> None:
    response = json_response(
        [], status=201, cache_control="private, max-age=5", headers={"Location": "/a"}
    )

    assert response.status_code == 201
    assert response.headers["cache-control"] == "private, max-age=5"
    assert response.headers["location"] == "/a"


def test_a_page_runs_only_its_own_scripts() -> None:
    response = html_response("<p>Hi", nonce="n0nce")
    policy = (
        "default-src 'none'; script-src 'nonce-n0nce'; style-src 'nonce-n0nce'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; media-src 'self' blob:; "
        "worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    expected = {
        "x-content-type-options": "nosniff",
        "content-security-policy": policy,
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "content-length": "5",
        "content-type": "text/html; charset=utf-8",
    }

    assert dict(response.headers) == expected
    assert response.body == b"<p>Hi"


def test_an_embeddable_page_may_be_framed() -> None:
    response = html_response("", nonce=new_nonce(), embeddable=True)

    assert response.headers["content-security-policy"].endswith("; frame-ancestors *")


def test_every_nonce_is_new() -> None:
    assert new_nonce() != new_nonce()


def test_a_preflight_allows_reading_with_ranges() -> None:
    response = preflight_response()
    expected = {
        **COMMON,
        "allow": "GET, HEAD, OPTIONS",
        "access-control-allow-methods": "GET, HEAD, OPTIONS",
        "access-control-allow-headers": (
            "Authorization, Authorization-Token, Cache-Control, Content-Range, Content-Type, "
            "If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Prefer, "
            "Range, Stream-Public-Key, Stream-Secret-Key, X-Upload-Metadata"
        ),
        "access-control-max-age": "86400",
    }

    assert response.status_code == 204
    assert dict(response.headers) == expected


def test_a_preflight_names_the_methods_of_its_resource() -> None:
    response = preflight_response(("POST", "OPTIONS"))

    assert response.headers["access-control-allow-methods"] == "POST, OPTIONS"
