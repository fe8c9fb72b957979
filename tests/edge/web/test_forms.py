"""Forms as browsers, curl and Node send them, as they might be cut, and as nobody should."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.types import Message

from edge.web.forms.form import FilePart, form_of
from edge.web.forms.parser import Limits, TextField
from edge.web.problems import Problem
from tests.edge.web.conftest import never
from tests.edge.web.forming import (
    BOUNDARY,
    FILE,
    LIMITS,
    PICORAS,
    TEXT,
    Client,
    Taken,
    body,
    form,
    part,
    read,
    refusal,
    request,
)


async def test_a_file_comes_first_and_its_fields_after_it() -> None:
    assert await read(form(PICORAS)) == [
        Taken(
            name="file", filename="track.mp3", content_type="audio/mpeg", content=b"ID3\r\n--\r\n"
        ),
        TextField(name="title", value="My n\u00e9w song"),
        TextField(name="isPublic", value="true"),
    ]


async def test_a_door_goes_on_to_the_later_fields_while_it_holds_the_file() -> None:
    coming = form(*(PICORAS[at : at + 7] for at in range(0, len(PICORAS), 7)))
    file = await anext(coming)
    assert isinstance(file, FilePart)
    content = b"".join([piece async for piece in file])
    later = await coming.texts()

    assert content == b"ID3\r\n--\r\n"
    assert [each.name for each in later] == ["title", "isPublic"]
    # Taken to its end, it stays ended.
    assert [piece async for piece in file] == []


@pytest.mark.parametrize("taken", [0, 1])
async def test_a_file_that_is_not_taken_is_passed_over_and_cannot_be_taken_later(
    taken: int,
) -> None:
    coming = form(*(PICORAS[at : at + 7] for at in range(0, len(PICORAS), 7)))
    file = await anext(coming)
    assert isinstance(file, FilePart)
    for _ in range(taken):
        await anext(file)

    assert await anext(coming) == TextField(name="title", value="My n\u00e9w song")
    with pytest.raises(RuntimeError, match="'file'"):
        await anext(file)


async def test_no_more_is_read_than_is_taken() -> None:
    head = PICORAS[: PICORAS.index(b"ID3")]
    client = Client(pieces=[head, *[bytes(100)] * 9], stays=False)
    coming = form_of(request(client), LIMITS)

    file = await anext(coming)
    assert isinstance(file, FilePart)
    assert client.asked == 1
    assert (await anext(file), client.asked) == (bytes(100), 2)
    assert (await anext(file), client.asked) == (bytes(100), 3)


async def test_the_last_boundary_ends_the_form_though_the_client_says_more() -> None:
    async def receive() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        return await never()

    pieces = [PICORAS]
    sent = request(Client(pieces=[]))

    assert len(await read(form_of(Request(sent.scope, receive), LIMITS))) == 3


SPELLINGS = [
    # Chrome, Firefox, Safari and Node's fetch, which do as HTML has it.
    ('name="file"; filename="a \u00fc%22b%22.mp3"', "file", 'a \u00fc"b".mp3'),
    ('name="a%0D%0Ab"; filename="x"', None, None),
    ('name="file"; filename="100%25 %41.mp3"', "file", "100%25 %41.mp3"),
    ('name="file"; filename="new\\tracks.mp3"', "file", "tracks.mp3"),
    ('name="file"; filename=""', "file", None),
    # curl before 7.81, and PHP's libraries.
    (r'name="f\"i\"le"; filename="a\\b\"c\".mp3"', 'f"i"le', 'b"c".mp3'),
    # Internet Explorer.
    (r'name="file"; filename="C:\Users\me\track.mp3"', "file", "track.mp3"),
    # aiohttp, old requests, Go and .NET.
    ("name=file; filename=track.mp3; filename*=utf-8''tr%C3%A4ck.mp3", "file", "tr\u00e4ck.mp3"),
    ("name=\"file\"; filename*=ISO-8859-1'de'tr%E4ck.mp3", "file", "tr\u00e4ck.mp3"),
    ('NAME="file" ;FileName = "track.mp3";', "file", "track.mp3"),
    ('name="file"; filename="a;name=b.mp3"; size=3', "file", "a;name=b.mp3"),
    # Nobody's friend.
    ('name="file"; filename="../../etc/passwd"', "file", "passwd"),
    ('name="file"; filename=".."', "file", None),
    ('name="file"; filename="/"', "file", None),
    ("name=\"file\"; filename*=UTF-8''..%2F..%2Fetc%2fpasswd", "file", "passwd"),
]


@pytest.mark.parametrize(("disposition", "name", "filename"), SPELLINGS)
async def test_names_are_read_as_clients_spell_them(
    disposition: str, name: str | None, filename: str | None
) -> None:
    coming = form(body(part(disposition, b"x")))
    if name is None:
        assert (await refusal(coming))[:2] == (400, "bad_form")
        return

    assert await read(coming) == [
        Taken(name=name, filename=filename, content_type=None, content=b"x")
    ]


@pytest.mark.parametrize(
    "boundary",
    ["------------------------d74496d66958873e", "a", "=_b'o(u)n+d/a:r?y", "a b", "x" * 70],
)
async def test_boundaries_are_any_that_may_be(boundary: str) -> None:
    sent = body(part('name="a"', b"b"), boundary=boundary)
    client = Client(pieces=[sent])
    headers = {"content-type": f'Multipart/Form-Data; charset=utf-8; Boundary="{boundary}"'}

    assert await read(form_of(request(client, **headers), LIMITS)) == [
        TextField(name="a", value="b")
    ]


@pytest.mark.parametrize(
    ("content_type", "status", "told"),
    [
        ("", 415, "has to be multipart/form-data"),
        ("application/x-www-form-urlencoded", 415, "has to be multipart/form-data"),
        ("multipart/mixed; boundary=a", 415, "has to be multipart/form-data"),
        ("multipart/form-data", 400, "has no boundary"),
        ("multipart/form-data; boundary=", 400, "1 to 70 characters"),
        (f"multipart/form-data; boundary={'a' * 71}", 400, "1 to 70 characters"),
        ('multipart/form-data; boundary="a\u00e9"', 400, "1 to 70 characters"),
        ("multipart/form-data; boundary=a; boundary=b", 400, "boundary is there twice"),
        ('multipart/form-data; boundary="a', 400, "malformed"),
    ],
)
def test_what_is_no_form_is_refused_before_it_is_read(
    content_type: str, status: int, told: str
) -> None:
    client = Client(pieces=[b""])

    with pytest.raises(Problem, match=told) as caught:
        form_of(request(client, **{"content-type": content_type}), LIMITS)
    assert (caught.value.status, client.asked) == (status, 0)


def test_a_compressed_or_too_long_body_is_refused_before_it_is_read() -> None:
    for header, status in (
        ({"content_encoding": "gzip"}, 415),
        ({"content_length": "9999999"}, 413),
    ):
        with pytest.raises(Problem) as caught:
            form_of(request(Client(pieces=[b""]), **header), LIMITS)
        assert caught.value.status == status


HOSTILE = {
    "empty": (b"", 400, "before its last boundary"),
    "no boundary": (b"a=b&c=d", 400, "not divided"),
    "preamble": (b"hello\r\n" + body(TEXT), 400, "not divided"),
    "preamble on its own line": (b"\r\nhello\r\n" + body(TEXT), 400, "not divided"),
    "no last boundary": (body(TEXT, end=b""), 400, "before its last boundary"),
    "truncated text": (body(TEXT)[:-60], 400, "before its last boundary"),
    "truncated file": (body(FILE)[:-45], 400, "before its last boundary"),
    "truncated head": (body(TEXT)[:70], 400, "before its last boundary"),
    "bare line feeds": (body(TEXT).replace(b"\r\n", b"\n"), 400, "not divided"),
    "no head": (body(b"\r\nb"), 400, "Content-Disposition: form-data"),
    "no name": (body(part('filename="x"', b"b")), 400, "Content-Disposition: form-data"),
    "attachment": (
        body(b'Content-Disposition: attachment; name="a"\r\n\r\nb'),
        400,
        "Content-Disposition: form-data",
    ),
    "two names": (body(part('name="a"; name="b"', b"b")), 400, "name is there twice"),
    "two dispositions": (
        body(part('name="a"', b"b", 'content-disposition: form-data; name="b"')),
        400,
        "content-disposition twice",
    ),
    "open quotes": (body(part('name="a', b"b")), 400, "malformed"),
    "no header": (body(b"what is this\r\n\r\nb"), 400, "not divided"),
    "folded header": (body(part('name="a";\r\n filename="b"', b"b")), 400, "not divided"),
    "NUL in a name": (body(part('name="a"; filename="x.mp3\0.exe"')), 400, "control characters"),
    "line feed in a name": (body(part('name="a"; filename="x\ny"')), 400, "control characters"),
    "head not UTF-8": (
        body(b'Content-Disposition: form-data; name="\xff"\r\n\r\nb'),
        400,
        "not UTF-8",
    ),
    "text not UTF-8": (body(part('name="a"', b"\xff\xfe")), 400, "'a' is not UTF-8 text"),
    "text in another charset": (
        body(part('name="a"', b"\xe4", "Content-Type: text/plain; charset=ISO-8859-1")),
        415,
        "'iso-8859-1'",
    ),
    "filename* in another charset": (
        body(part("name=a; filename*=utf-16''%00a")),
        400,
        "RFC 8187",
    ),
    "filename* not in its charset": (
        body(part("name=a; filename*=utf-8''%ff")),
        400,
        "not in the charset",
    ),
    "content type that is none": (
        body(part('name="f"; filename="f"', b"b", "Content-Type: audio\n/mpeg")),
        400,
        "media type",
    ),
    "nested": (
        body(part('name="f"', b"--x\r\n", "Content-Type: Multipart/Mixed; boundary=x")),
        415,
        "multipart body itself",
    ),
    "base64": (
        body(part('name="f"; filename="f"', b"c291bmQ=", "Content-Transfer-Encoding: BASE64")),
        415,
        "'base64'",
    ),
    "too many files": (body(FILE, FILE, FILE), 400, "more files than the 2"),
    "too many fields": (body(*[TEXT] * 6), 413, "more than 5 fields"),
    "too long a text": (body(part('name="a"', bytes(101))), 413, "more than 100 bytes"),
    "too long a file": (
        body(part('name="f"; filename="f"', bytes(1001))),
        413,
        "more than 1000 bytes",
    ),
    "too many headers": (
        body(part('name="a"', b"b", *[f"X-{number}: y" for number in range(8)])),
        400,
        "more than 8 headers",
    ),
    "too long a header": (body(part(f'name="{"a" * 9000}"')), 400, "more than 8192 bytes"),
    "a header without end": (
        b"--" + BOUNDARY.encode() + b"\r\n" + b"a" * 9000,
        400,
        "more than 8192 bytes",
    ),
    "a head that is all white": (
        b"--" + BOUNDARY.encode() + b"\r\nX:" + b" " * 100_000,
        413,
        "longer than",
    ),
    "a boundary that is all white": (
        body(FILE, end=b" " * 100_000),
        413,
        "longer than",
    ),
}


@pytest.mark.parametrize("cut", [1, 1 << 20])
@pytest.mark.parametrize("kind", HOSTILE)
async def test_what_is_malformed_is_refused_and_said_why(kind: str, cut: int) -> None:
    sent, status, told = HOSTILE[kind]
    if cut == 1 and len(sent) > 10_000:
        cut = 1000
    coming = form(*(sent[at : at + cut] for at in range(0, len(sent), cut)), b"")

    found = await refusal(coming)

    assert found[0] == status
    assert told in found[2]
    # What went wrong stays wrong.
    assert await refusal(coming) == found


async def test_a_client_that_goes_away_is_a_form_that_ended() -> None:
    client = Client(pieces=[body(FILE)[:-45]], stays=False)

    status, _, told = await refusal(form_of(request(client), LIMITS))

    assert (status, told) == (400, "The body ended before its last boundary.")


async def test_a_transparent_encoding_and_a_line_break_before_all_do_no_harm() -> None:
    sent = part('name="f"; filename="f"', b"b\0", "Content-Transfer-Encoding: Binary")

    assert await read(form(b"\r\n" + body(sent) + b"epilogue")) == [
        Taken(name="f", filename="f", content_type=None, content=b"b\0")
    ]


async def test_a_door_may_take_every_part_for_a_file() -> None:
    sent = body(part('name="a"', b"\xff", "Content-Type: text/plain; charset=latin1"))
    limits = Limits(most_file_bytes=1000, nameless_files=True)

    assert await read(form(sent, limits=limits)) == [
        Taken(name="a", filename=None, content_type="text/plain; charset=latin1", content=b"\xff")
    ]
