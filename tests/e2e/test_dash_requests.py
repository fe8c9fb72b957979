"""DASH by URL: a job, its MPD, and every segment that it names."""

from __future__ import annotations

import gzip
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest

from tests.e2e.running import ACCOUNT, PUBLIC_URL, Edge
from tests.e2e.sounds import TALK_SECONDS
from tests.support.measure import decode

QUERY = "f=dash-aac&br=64&br=128"
FILE = "example.mp3"
SPACE = {"": "urn:mpeg:dash:schema:mpd:2011"}


def segment_paths(mpd: bytes, path: str) -> list[list[str]]:
    """The paths of each Representation's files, found as a player finds them."""
    root = ElementTree.fromstring(mpd)
    base = urljoin(path, root.findtext("BaseURL", "", SPACE))
    found = []
    for template in root.iterfind(".//SegmentTemplate", SPACE):
        count = sum(1 + int(entry.get("r", "0")) for entry in template.iterfind(".//S", SPACE))
        media = template.attrib["media"]
        names = [media.replace("$Number$", str(number)) for number in range(count)]
        found.append([urljoin(base, name) for name in (template.attrib["initialization"], *names)])
    return found


@pytest.mark.parametrize("mark", ["!", "?"])
def test_the_mpd_of_a_finished_job_leads_to_every_segment(server: Edge, mark: str) -> None:
    server.settled(f"{FILE}?{QUERY}")
    path = f"/{ACCOUNT}/audio/{FILE}{mark}{QUERY}&a=/audio.mpd"
    mpd = server.send(path)
    representations = segment_paths(mpd.body, path)

    assert mpd.status == 200
    assert mpd.headers["Content-Type"] == "application/dash+xml"
    assert mpd.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(representations) == 2
    for paths in representations:
        parts = [server.send(part) for part in paths]
        sound, rate = decode(b"".join(part.body for part in parts))

        assert {(part.status, part.headers["Content-Type"]) for part in parts} == {
            (200, "audio/mp4")
        }
        assert sound.shape[1] / rate == pytest.approx(TALK_SECONDS, abs=1024 / rate)


def test_a_job_tells_where_its_mpd_is_and_is_billed_by_the_variant(server: Edge) -> None:
    query = f"{QUERY}&v=bill"
    early = server.audio(f"minute.wav!{query}&a=/audio.mpd")
    job = server.settled(f"minute.wav?{query}")
    (entry,) = [entry for entry in server.entries() if "v=bill" in entry["url"]]

    assert early.status == 404
    assert job["summary"]["result"] == {
        "type": "Artifact",
        "artifact": "/audio.mpd",
        "artifactUrl": f"{PUBLIC_URL}/{ACCOUNT}/audio/minute.wav!{query}&a=/audio.mpd",
    }
    assert (entry["seconds"], entry["multiplier"], entry["billedSeconds"]) == (120, 0.75, 90)


def test_an_mpd_is_kept_and_packed_like_a_playlist(server: Edge) -> None:
    server.settled(f"{FILE}?{QUERY}")
    path = f"/{ACCOUNT}/audio/{FILE}!{QUERY}&a=/audio.mpd"
    plain = server.send(path)
    packed = server.send(path, {"Accept-Encoding": "gzip"})
    again = server.send(path, {"If-None-Match": plain.headers["ETag"]})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert again.status == 304


def test_what_is_no_part_of_it_is_not_there(server: Edge) -> None:
    server.settled(f"{FILE}?{QUERY}")

    for path in ("/audio.m3u8", "/0f/manifest.m3u8", "/0f/0.ts", "/2f/init.mp4", "/0f/99.m4s"):
        assert server.audio(f"{FILE}!{QUERY}&a={path}").status == 404
    refused = server.audio(f"{FILE}?{QUERY}&container=ts")
    assert (refused.status, refused.json()["error"]["details"]["parameter"]) == (400, "container")
