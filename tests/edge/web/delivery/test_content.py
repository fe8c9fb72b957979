"""How files present themselves: media types by allow-list, names that cannot break a header."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.delivery.content import MEDIA_TYPES, Content, content_of
from edge.web.delivery.disposition import Disposition, content_disposition, plain_file_name

INPUTS = (
    "wma asf fla flac mp3 ts m2ts aac mp4 m4a mka oga ogg opus wav m2v mpeg mpg 3g2 3gp wmv flv "
    "avi m3u8 mxf mkv m2p ps m2t tsv dat m1v mpv mpeg4 mov qt webm aiff caf amr ac3"
)


@pytest.mark.parametrize("extension", INPUTS.split())
def test_every_input_of_the_transforms_plays_in_place(extension: str) -> None:
    content = content_of(f"/music/song.{extension.upper()}")

    assert content == Content(media_type=MEDIA_TYPES[extension])
    assert content.media_type != "application/octet-stream"


@pytest.mark.parametrize(
    "name", ["x.html", "x.htm", "x.svg", "x.xml", "x.mpd", "x.js", "x.pdf", "x.json", "mp3", ".mp3"]
)
def test_what_a_browser_might_run_is_an_attachment_of_unknown_bytes(name: str) -> None:
    plain = name.lstrip(".")
    expected = Content(
        media_type="application/octet-stream",
        disposition=f"attachment; filename=\"{plain}\"; filename*=UTF-8''{plain}",
    )

    assert content_of(f"/a/{name}") == expected


def test_a_download_keeps_its_media_type_and_takes_the_name() -> None:
    expected = Content(
        media_type="audio/mpeg",
        disposition="attachment; filename=\"tune.mp3\"; filename*=UTF-8''tune.mp3",
    )

    assert content_of("/a/b.mp3", download_name="tune.mp3") == expected


def test_no_media_type_is_one_that_a_browser_runs() -> None:
    assert not [kind for kind in MEDIA_TYPES.values() if re.search(r"html|xml|svg|script", kind)]


NAMES = [
    ("a.mp3", "a.mp3", "a.mp3"),
    ('a"; filename="b.html', "a_; filename=_b.html", "a%22%3B%20filename%3D%22b.html"),
    ("a\r\nX-Evil: 1", "aX-Evil: 1", "aX-Evil%3A%201"),
    ("../../x.mp3", "x.mp3", "x.mp3"),
    ("..\\..\\x.mp3", "x.mp3", "x.mp3"),
    (".htaccess", "htaccess", "htaccess"),
    ("\u202egpj.exe", "gpj.exe", "gpj.exe"),
    ("x.mp3\x00.html", "x.mp3.html", "x.mp3.html"),
    ("Füße.mp3", "Fu_e.mp3", "F%C3%BC%C3%9Fe.mp3"),
    ("音.mp3", "_.mp3", "%E9%9F%B3.mp3"),
    ("100%25.mp3", "100_25.mp3", "100%2525.mp3"),
    ("\ud800.mp3", "mp3", "mp3"),
    ("", "download", "download"),
    ("../..", "download", "download"),
    ("<img src=x>.mp3", "<img src=x>.mp3", "%3Cimg%20src%3Dx%3E.mp3"),
]


@pytest.mark.parametrize(("name", "fallback", "encoded"), NAMES)
def test_a_name_is_told_in_ascii_and_in_full(name: str, fallback: str, encoded: str) -> None:
    expected = f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"

    assert content_disposition(Disposition.ATTACHMENT, name) == expected


def test_without_a_name_only_the_disposition_is_told() -> None:
    assert content_disposition(Disposition.INLINE) == "inline"


def test_a_long_name_keeps_its_extension() -> None:
    assert plain_file_name("a" * 5000 + ".mp3") == "a" * 120 + ".mp3"
    assert plain_file_name("a." + "b" * 5000) == "a." + "b" * 118


@given(st.text(alphabet=st.characters()))
def test_any_name_makes_one_well_formed_value(name: str) -> None:
    value = content_disposition(Disposition.ATTACHMENT, name)

    match = re.fullmatch(
        r"attachment; filename=\"[ !#$&-\[\]-~]+\"; filename\*=UTF-8''([\w!#$&+.^`|~%-]+)",
        value,
        re.ASCII,
    )
    assert match is not None
    assert unquote(match[1], errors="strict") == plain_file_name(name)
