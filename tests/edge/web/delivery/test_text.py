from __future__ import annotations

import gzip

import pytest

from edge.web.delivery.caching import CachePolicy
from edge.web.delivery.text import Text, accepts_gzip
from tests.edge.web.conftest import Answered, Call

TEXT = "#EXTM3U\n" * 100
ASKED = CachePolicy(shared=True, max_age_seconds=0)


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("xgzip", False),
    ],
)
def test_gzip_is_used_if_it_is_asked_for(field: str, accepted: bool) -> None:
    assert accepts_gzip(field) is accepted


async def ask(call: Call, method: str = "GET", **headers: str) -> Answered:
    text = Text(TEXT, media_type="text/plain")
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def app(scope: object, receive: object, send: object) -> None:
        await text.delivery(scope, ASKED)(scope, receive, send)  # type: ignore[arg-type]

    return await call(app, method, headers=named)


async def test_each_coding_has_its_own_validator(call: Call) -> None:
    plain = await ask(call)
    packed = await ask(call, accept_encoding="gzip")
    head = await ask(call, "HEAD", accept_encoding="gzip")

    assert plain.body == gzip.decompress(packed.body) == TEXT.encode()
    assert plain.headers["etag"] != packed.headers["etag"]
    assert head.headers == packed.headers
    assert head.body == b""
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    for answer, headers in ((plain, {}), (packed, {"accept_encoding": "gzip"})):
        again = await ask(call, if_none_match=answer.headers["etag"], **headers)
        assert again.status == 304


async def test_equal_texts_have_equal_validators(call: Call) -> None:
    first = await ask(call, accept_encoding="gzip")
    second = await ask(call, accept_encoding="gzip")

    assert first.headers["etag"] == second.headers["etag"]
