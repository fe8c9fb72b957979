"""What Picora's door reads out of each format: title, duration, bitrate, cover or icon."""

from __future__ import annotations

import pytest

from tests.e2e.picora import bring, path_of
from tests.e2e.running import Edge
from tests.support.media import make
from tests.support.pictures import FRONT, flac_with, mp3_with, picture, seen
from tests.support.synth import tone

RED = (200, 30, 40)
SECONDS = 4
TAGS = {"title": "Grüße, Welt", "artist": "The Wolves", "album": "Howl"}


def song(kind: str) -> bytes:
    rate = 48_000
    sound = tone(SECONDS * rate, rate=rate, channels=2)
    return make(kind, sound, rate=rate, tags=TAGS)


def hue(colour: tuple[float, ...]) -> str:
    """Name a colour by its share of red, green and blue."""
    red, green, blue = colour
    if max(colour) - min(colour) < 20:
        return "grey"
    if red > green > blue and green - blue > (red - blue) / 5:
        return "orange"
    if min(red, blue) > green and blue > red / 2:
        return "purple"
    return {red: "red", green: "green", blue: "blue"}[max(colour)]


@pytest.mark.parametrize(
    ("kind", "extension", "mime", "bitrate", "colour"),
    [
        ("mp3", "mp3", "audio/mpeg", range(128, 129), "orange"),
        ("m4a", "m4a", "audio/mp4", range(90, 150), "blue"),
        ("wav-16", "wav", "audio/wav", range(1536, 1537), "grey"),
        ("flac", "flac", "audio/flac", range(50, 1500), "green"),
        ("vorbis", "ogg", "audio/ogg", range(30, 200), "purple"),
        ("opus", "ogg", "audio/ogg", range(30, 200), "purple"),
    ],
)
def test_a_format_has_its_numbers_its_title_and_its_icon(
    server: Edge, kind: str, extension: str, mime: str, bitrate: range, colour: str
) -> None:
    # Neither what the file is called nor what the client says of it counts.
    told = bring(server, song(kind), "upload.bin")
    thumbnail = server.send(path_of(told["thumbnail_url"]))

    assert told["url"].endswith(f".{extension}")
    assert (told["format"], told["mimeType"]) == (extension, mime)
    assert {name: told[name] for name in TAGS} == TAGS
    assert told["durationSeconds"] == SECONDS
    assert told["bitrate"] in bitrate
    assert thumbnail.headers["Content-Type"] == "image/jpeg"
    assert hue(seen(thumbnail.body)[2]) == colour


def test_bare_aac_is_hosted_as_such(server: Edge) -> None:
    told = bring(server, make("adts", tone(96_000, rate=48_000), rate=48_000), "voice.m4a")

    assert told["url"].endswith(".aac")
    assert (told["format"], told["durationSeconds"], told["title"]) == ("aac", 2, "voice")


def test_what_the_form_says_comes_before_what_the_tags_say(server: Edge) -> None:
    assert bring(server, song("mp3"), title="Mine")["title"] == "Mine"


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_a_cover_is_the_thumbnail(server: Edge, kind: str) -> None:
    cover = picture("png", 300, 200, RED)
    content = (
        mp3_with((FRONT, cover), mime="image/png") if kind == "mp3" else flac_with(cover, 300, 200)
    )
    told = bring(server, content, f"song.{kind}")
    width, height, colour = seen(server.send(path_of(told["thumbnail_url"])).body)

    assert (width, height) == (300, 200)
    assert hue(colour) == "red"


def test_a_cover_that_cannot_be_read_leaves_the_icon(server: Edge) -> None:
    told = bring(server, mp3_with((FRONT, b"no picture at all"), mime="image/png"))

    assert hue(seen(server.send(path_of(told["thumbnail_url"])).body)[2]) == "orange"
