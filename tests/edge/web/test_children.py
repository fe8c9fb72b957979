from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import m3u8
import pytest

from edge.accounts.signatures import Signer, message_of, read_signature, verify
from edge.web.children import Children
from edge.web.streams import relative
from transforms.formats import DASH_MEDIA_TYPE, HLS_MEDIA_TYPE
from transforms.manifests import dash, hls
from transforms.plan import Container, Segment

HOST = "audio.example"
SECRET = "secret_W142hJkSecretForTestsOnly"
CHILDREN = Children(signer=Signer(key_id="key", secret=SECRET, expires="inf"), host=HOST)
ARTIFACT = "/W142hJk/audio/talk.mp3!f=hls-aac&a="

BASES = [
    "/W142hJk/audio/talk.mp3",
    f"{ARTIFACT}/0f/manifest.m3u8&exp=inf&sig=1.key.mac",
    "/W142hJk/audio/talk.mp3!f=hls-aac&exp=inf&sig=1.key.mac&a=/0f/manifest.m3u8",
    "/W142hJk/audio/talk.mp3!exp=inf&sig=1.key.mac",
]


def segments(container: Container) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            variant=0,
            path=f"/0f/{number}.{'m4s' if container is Container.MP4 else 'ts'}",
            first_sample=number * 48_000,
            samples=48_000,
            sample_rate_hz=48_000,
            size_bytes=1000,
        )
        for number in range(3)
    )


def is_good(url: str) -> bool:
    """Check a URL as a server does that was asked for it."""
    pieces = urlsplit(url)
    found = re.search(r"[?&!]sig=([^&]*)", url)
    signature = read_signature(found[1]) if found else None
    if signature is None:
        return False
    message = message_of(HOST, pieces.path, pieces.query, of_parts=signature.of_parts)
    return verify(message, signature, SECRET)


def asked(base: str, reference: str) -> str:
    return urljoin(f"https://{HOST}{base}", reference)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("container", Container)
def test_every_segment_of_a_signed_playlist_is_signed(base: str, container: Container) -> None:
    text = hls.media_playlist(
        segments(container), container=container, target_seconds=1, event=True, ended=False
    )
    prefix = relative(base, f"{ARTIFACT}/0f/")
    told = m3u8.loads(CHILDREN.manifest(text, HLS_MEDIA_TYPE, base=base, prefix=prefix))
    uris = [*told.segments.uri, *(each.uri for each in told.segment_map if each)]
    urls = [asked(base, uri) for uri in uris]

    names = ["0", "1", "2"]
    ends = ["ts"] * 3 if container is Container.TS else ["m4s"] * 3 + ["mp4"]
    names += [] if container is Container.TS else ["init"]
    assert [
        f"https://{HOST}{ARTIFACT}/0f/{name}.{end}&exp=inf"
        for name, end in zip(names, ends, strict=True)
    ] == [url.partition("&sig=")[0] for url in urls]
    assert all(map(is_good, urls))
    # With it, a player would add parameters that are not signed.
    assert "SERVER-CONTROL" not in CHILDREN.manifest(text, HLS_MEDIA_TYPE, base=base, prefix=prefix)


@pytest.mark.parametrize("base", BASES)
def test_every_variant_of_a_signed_playlist_is_signed(base: str) -> None:
    streams = [hls.Stream(variant=n, bitrate_bps=96_000, segments=()) for n in range(2)]
    text = hls.multivariant_playlist(
        streams, container=Container.TS, target_seconds=2, complete=False
    )
    prefix = relative(base, f"{ARTIFACT}/")
    told = m3u8.loads(CHILDREN.manifest(text, HLS_MEDIA_TYPE, base=base, prefix=prefix))
    urls = [asked(base, playlist.uri) for playlist in told.playlists]

    assert [f"https://{HOST}{ARTIFACT}/{n}f/manifest.m3u8&exp=inf" for n in range(2)] == [
        url.partition("&sig=")[0] for url in urls
    ]
    assert all(map(is_good, urls))


@pytest.mark.parametrize("base", BASES)
def test_the_template_of_a_signed_mpd_is_good_for_every_segment(base: str) -> None:
    shown = dash.Representation(variant=0, channels=2, segments=segments(Container.MP4))
    prefix = relative(base, f"{ARTIFACT}/")
    text = CHILDREN.manifest(dash.mpd([shown]), DASH_MEDIA_TYPE, base=base, prefix=prefix)
    (initialisation,) = re.findall(r'initialization="([^"]*)"', text)
    (media,) = re.findall(r'media="([^"]*)"', text)
    around = re.findall("<BaseURL>(.*)</BaseURL>", text)
    begin = asked(base, unescape(around[0])) if around else f"https://{HOST}{base}"
    urls = [
        urljoin(begin, unescape(initialisation)),
        *(urljoin(begin, unescape(media).replace("$Number$", str(n))) for n in range(3)),
    ]

    assert [
        f"https://{HOST}{ARTIFACT}/0f/{name}&exp=inf"
        for name in ("init.mp4", "0.m4s", "1.m4s", "2.m4s")
    ] == [url.partition("&sig=")[0] for url in urls]
    assert all(map(is_good, urls))
    assert not is_good(urls[1].replace("talk", "other"))


def test_a_path_is_signed_as_browsers_will_ask_for_it() -> None:
    path = CHILDREN.path('/W142hJk/audio/a "b"{c}.mp3?append=/x|y\'s.mp3')

    assert path.startswith(
        "/W142hJk/audio/a%20%22b%22%7Bc%7D.mp3?append=/x%7Cy%27s.mp3&exp=inf&sig=1."
    )
    assert is_good(f"https://{HOST}{path}")
