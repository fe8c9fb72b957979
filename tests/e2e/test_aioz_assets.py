"""What AIOZ's media are played by: files, pictures, playlists, MPDs and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.aioz import DASH, HLS, PAIR, ask, brought, create, failed, got, send, sound
from tests.e2e.running import ACCOUNT, BEARER, PUBLIC_URL, Edge, serving, until


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("aioz-assets")
    with serving(folder, EDGE_PUBLIC_URL=PUBLIC_URL, EDGE_WORKERS="2") as opened:
        yield opened


def test_all_that_media_are_played_by_can_be_had_by_everybody(edge: Edge) -> None:
    content = sound()
    high = {**HLS, "resolution": "highest"}
    created = brought(edge, content, qualities=[high, HLS, DASH])
    assets = created["assets"]
    playlist = got(edge, assets["hls_url"])
    media = [line for line in playlist.body.decode().splitlines() if not line.startswith("#")]
    first = got(edge, media[0])
    folder = media[0].rpartition("/")[0]
    segments = [line for line in first.body.decode().splitlines() if not line.startswith("#")]
    mpd = got(edge, assets["dash_url"])
    picture = got(edge, assets["thumbnail_url"])
    m4a = got(edge, f"{assets['source_url'].removesuffix('source')}mp4")

    assert got(edge, assets["source_url"]).body == content
    assert got(edge, assets["source_url"], {"Range": "bytes=0-3"}).body == b"RIFF"
    assert playlist.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert playlist.headers["Access-Control-Allow-Origin"] == "*"
    assert len(media) == 2
    assert got(edge, f"{folder}/{segments[0]}").headers["Content-Type"] == "video/mp2t"
    assert (mpd.status, mpd.headers["Content-Type"]) == (200, "application/dash+xml")
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")
    assert (m4a.status, m4a.headers["Content-Type"]) == (200, "audio/mp4")
    for page in (assets["hls_player_url"], assets["dash_player_url"]):
        assert got(edge, page).headers["Content-Type"].startswith("text/html")


def uris(playlist: bytes) -> list[str]:
    return [line for line in playlist.decode().splitlines() if not line.startswith("#")]


def test_media_play_in_real_time_while_no_quality_is_there(edge: Edge) -> None:
    done = brought(edge, sound(20), qualities=[])
    playlist = got(edge, done["assets"]["hls_url"])
    (media,) = uris(playlist.body)
    whole = got(edge, media)
    last = uris(whole.body)[-1]

    assert done["qualities"] == []
    assert "f=hls-aac-rt&br=128&sr=44.1&playlist=full" in media
    assert whole.body.endswith(b"#EXT-X-ENDLIST\n")
    assert got(edge, f"{media.rpartition('/')[0]}/{last}").status == 200


def test_an_mpd_is_made_for_media_without_a_dash_quality(edge: Edge) -> None:
    done = brought(edge, qualities=[])
    mpd = got(edge, done["assets"]["dash_url"])

    assert mpd.status == 200
    assert b"!f=dash-aac&amp;br=128&amp;sr=44.1&amp;a=/</BaseURL>" in mpd.body


def test_qualities_in_several_languages_are_renditions_of_one_another(edge: Edge) -> None:
    def spoken(language: str) -> dict[str, object]:
        return {**HLS, "audio_config": {"language": language, "bitrate": 128_000}}

    low = {**HLS, "container_type": "mp4", "audio_config": {"language": "en", "bitrate": 64_000}}
    done = brought(edge, qualities=[spoken("en"), spoken("ja"), low])
    lines = got(edge, done["assets"]["hls_url"]).body.decode().splitlines()
    choices = [line for line in lines if line.startswith("#EXT-X-MEDIA")]
    streams = [line for line in lines if line.startswith("#EXT-X-STREAM-INF")]

    assert [each.rpartition(",URI=")[0] for each in choices] == [
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="standard-ts-128k",NAME="en",LANGUAGE="en",DEFAULT=YES,'
        "AUTOSELECT=YES",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="standard-ts-128k",NAME="ja",LANGUAGE="ja",DEFAULT=NO,'
        "AUTOSELECT=YES",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="standard-mp4-64k",NAME="en",LANGUAGE="en",DEFAULT=YES,'
        "AUTOSELECT=YES",
    ]
    assert [each.rpartition(",")[2] for each in streams] == [
        'AUDIO="standard-ts-128k"',
        'AUDIO="standard-mp4-64k"',
    ]
    assert [got(edge, uri).status for uri in uris("\n".join(lines).encode())] == [200, 200]


def test_what_has_not_come_is_told_in_words(edge: Edge) -> None:
    media = create(edge)["id"]
    for asset in ("source", "thumbnail", "m3u8", "manifest", "mp4"):
        answer = failed(got(edge, f"/api/media/{media}/{asset}"))
        assert answer == (404, "The file of these media has not come yet."), asset
    page = got(edge, f"/vod/hls/{media}")

    assert (page.status, b"has not come yet" in page.body) == (404, True)
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]
    for path in ("/vod/dash/nothing", "/vod/hls/0e3a5c1f-7a52-4c0e-9a4b-0c6f6d0f6a10"):
        missing = got(edge, path)
        assert (missing.status, b"There are no such media" in missing.body) == (404, True)


def test_another_size_of_a_picture_is_refused(edge: Edge) -> None:
    media = create(edge)["id"]

    assert failed(got(edge, f"/api/media/{media}/thumbnail?resolution=640")) == (
        400,
        "resolution cannot be '640': expected original.",
    )


def test_deleted_media_are_missing_everywhere(edge: Edge) -> None:
    done = brought(edge)
    url = done["assets"]["hls_url"]
    assert got(edge, url).status == 200
    artifact = uris(got(edge, url).body)[0]
    ask(edge, f"/{done['id']}", method="DELETE")

    assert failed(got(edge, url))[0] == 404
    assert failed(got(edge, done["assets"]["source_url"]))[0] == 404
    assert got(edge, done["assets"]["hls_player_url"]).status == 404
    assert edge.send(artifact).status == 404


ASSETS = ("source", "thumbnail", "m3u8", "manifest", "mp4")


def test_private_media_are_missing_for_others_and_there_for_the_account(edge: Edge) -> None:
    done = brought(edge, qualities=[HLS, DASH], is_public=False)
    media = done["id"]
    missing = failed(got(edge, "/api/media/0e3a5c1f-7a52-4c0e-9a4b-0c6f6d0f6a10/m3u8"))

    for asset in ASSETS:
        assert failed(got(edge, f"/api/media/{media}/{asset}")) == missing
        for headers in (BEARER, PAIR):
            answer = got(edge, f"/api/media/{media}/{asset}", headers)
            assert answer.status == 200, (asset, answer.body)
            assert answer.headers["Cache-Control"].startswith(("private", "no-store"))
            assert "Authorization" in answer.headers["Vary"]
    assert got(edge, f"/vod/hls/{media}").status == 404
    assert not done["is_public"]


def test_the_keys_of_others_show_no_private_media_and_hide_no_public_ones(edge: Edge) -> None:
    private, public = (brought(edge, is_public=shown)["id"] for shown in (False, True))
    waiting = create(edge, is_public=False)["id"]
    made = edge.command("keys", "create", "--account", "X242hJk", "--kind", "secret", "--json")
    others = {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"}
    nobodys = {"Authorization": "Bearer secret_W142hJkNobodyHasThis"}
    no_pair = {"stream-public-key": "public_W142hJkNo", "stream-secret-key": "secret_W142hJkNo"}

    for asset in ASSETS:
        for headers in (others, nobodys, no_pair):
            assert got(edge, f"/api/media/{public}/{asset}", headers).status == 200
        for headers in (others, nobodys):
            for media in (private, waiting):
                answer = failed(got(edge, f"/api/media/{media}/{asset}", headers))
                assert answer == (404, "There are no such media, or they are private.")
    told = failed(got(edge, f"/api/media/{waiting}/m3u8", BEARER))
    assert told == (404, "The file of these media has not come yet.")


def test_what_private_manifests_lead_to_is_signed(edge: Edge) -> None:
    done = brought(edge, qualities=[HLS, DASH], is_public=False)
    media = done["id"]
    playlist = got(edge, f"/api/media/{media}/m3u8", BEARER)
    (child,) = uris(playlist.body)
    segments = got(edge, child)
    segment = uris(segments.body)[0]
    mpd = got(edge, f"/api/media/{media}/manifest", BEARER).body.decode()
    base = mpd.partition("<BaseURL>")[2].partition("</BaseURL>")[0].replace("&amp;", "&")
    start = mpd.partition('initialization="')[2].partition('"')[0].replace("&amp;", "&")
    page = got(edge, f"/vod/hls/{media}", BEARER).body.decode()
    stream = page.partition('data-stream="')[2].partition('"')[0].replace("&amp;", "&")

    assert got(edge, child.partition("&exp=")[0]).status == 404
    assert got(edge, child.rpartition("/")[0] + "/" + segment).status == 200
    assert got(edge, base + start).status == 200
    assert got(edge, stream).status == 200
    assert failed(got(edge, stream.replace("m3u8", "mp4")))[0] == 403


def test_private_media_without_qualities_play_in_real_time_by_signed_urls(edge: Edge) -> None:
    done = brought(edge, sound(20), qualities=[], is_public=False)
    (child,) = uris(got(edge, f"/api/media/{done['id']}/m3u8", BEARER).body)
    segment = uris(got(edge, child).body)[-1]

    assert got(edge, child.rpartition("/")[0] + "/" + segment).status == 200


def test_public_media_of_any_door_are_played_as_well(edge: Edge) -> None:
    headers = {**BEARER, "Content-Type": "audio/wav"}
    target = f"/v2/accounts/{ACCOUNT}/uploads/binary?filePath=/x/other.wav"
    edge.send(target, headers, method="POST", body=sound())
    body = {"search": "other"}
    (found,) = until(
        lambda: ask(edge, "", method="POST", body=body).json()["data"]["media"], "its description"
    )

    assert (found["title"], found["qualities"], found["status"]) == ("other", [], "done")
    assert got(edge, found["assets"]["hls_url"]).status == 200
    assert got(edge, found["assets"]["mp4_url"]).status == 200


def test_a_file_without_an_extension_is_told_by_what_is_in_it(edge: Edge) -> None:
    media = create(edge)
    send(edge, media["id"], sound(), filename="part.00")
    ask(edge, f"/{media['id']}/complete")
    source = got(edge, media["assets"]["source_url"])
    found = ask(edge, f"/{media['id']}").json()["data"]

    assert source.headers["Content-Type"] == "audio/wav"
    assert "Content-Disposition" not in source.headers
    assert found["updated_at"] > found["created_at"]


@pytest.mark.parametrize("target", ["/vod/hls/{id}", "/api/media/{id}/m3u8"])
def test_a_url_of_private_media_is_signed_by_the_operator(edge: Edge, target: str) -> None:
    media = brought(edge, is_public=False)["id"]
    path = target.replace("{id}", media)
    signed = edge.command("sign", PUBLIC_URL + path).stdout.strip()
    nobody = edge.command("sign", PUBLIC_URL + path.replace(media[:4], "0000"))

    assert got(edge, path).status == 404
    assert got(edge, signed).status == 200
    assert got(edge, signed[:-3]).status == 403
    assert "there are no media" in nobody.stderr
