"""One playlist and one MPD over several artifacts, whole."""

from __future__ import annotations

from edge.library.catalogue.entry import FileEntry
from edge.library.media.media import Media, Quality
from edge.library.media.qualities import placed
from edge.web.dialects.aioz.playlists import Made, mpd, multivariant_playlist
from transforms.manifests import dash, hls
from transforms.plan import Container, Segment

ACCOUNT = "W142hJk"
BASE = f"/{ACCOUNT}/audio/media/a.mp3!f="
RATE = 44_100


def segments(variant: int, kilobytes: int, name: str) -> list[Segment]:
    return [
        Segment(
            variant=variant,
            path=f"/{variant}f/0.{name}",
            first_sample=0,
            samples=2 * RATE,
            sample_rate_hz=RATE,
            size_bytes=kilobytes * 1000,
        )
    ]


def playlist(*kilobytes: int, container: Container = Container.TS) -> str:
    streams = [
        hls.Stream(variant=number, bitrate_bps=0, segments=segments(number, size, "ts"))
        for number, size in enumerate(kilobytes)
    ]
    return hls.multivariant_playlist(streams, container=container, target_seconds=6, complete=True)


def manifest(*kilobytes: int) -> str:
    return dash.mpd(
        [
            dash.Representation(variant=number, channels=2, segments=segments(number, size, "m4s"))
            for number, size in enumerate(kilobytes)
        ]
    )


def made(*qualities: Quality, manifests: dict[tuple[str, str, int], str]) -> list[Made]:
    """Place qualities, with the manifest of each artifact by protocol, container and track."""
    file = FileEntry(
        account=ACCOUNT,
        path="/media/a.mp3",
        blob="b",
        size_bytes=1,
        digest="",
        mime="audio/mpeg",
        media="a",
        created_ms=1,
        modified_ms=1,
    )
    media = Media(
        id="a",
        account=ACCOUNT,
        title="A",
        qualities=qualities,
        created_ms=1,
        updated_ms=1,
        file=file,
    )
    return [
        Made(
            placed=each,
            manifest=manifests[each.quality.protocol, each.quality.container, each.quality.track],
        )
        for each in placed(media)
    ]


def of(name: str, kbps: int, **told: object) -> Quality:
    known = {"protocol": "hls", "container": "ts", "sample_rate_hz": RATE}
    return Quality(name=name, bitrate_bps=kbps * 1000, **{**known, **told})  # type: ignore[arg-type]


def test_qualities_of_one_language_are_variants_in_their_order() -> None:
    found = made(
        of("standard", 128),
        of("highest", 320, container="mp4"),
        of("good", 192),
        manifests={("hls", "ts", 0): playlist(32, 48), ("hls", "mp4", 0): playlist(80)},
    )

    assert multivariant_playlist(found, str) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:3\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"\n'
        f"{BASE}hls-aac&container=ts&br=128&sr=44.1&br=192&sr=44.1&a=/0f/manifest.m3u8\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=320000,AVERAGE-BANDWIDTH=320000,CODECS="mp4a.40.2"\n'
        f"{BASE}hls-aac&container=mp4&br=320&sr=44.1&a=/0f/manifest.m3u8\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=192000,AVERAGE-BANDWIDTH=192000,CODECS="mp4a.40.2"\n'
        f"{BASE}hls-aac&container=ts&br=128&sr=44.1&br=192&sr=44.1&a=/1f/manifest.m3u8\n"
    )


def test_the_version_is_the_greatest_that_one_of_them_needs() -> None:
    found = made(
        of("standard", 128),
        of("highest", 320, container="mp4"),
        manifests={
            ("hls", "ts", 0): playlist(32),
            ("hls", "mp4", 0): playlist(80, container=Container.MP4),
        },
    )

    assert multivariant_playlist(found, str).splitlines()[1] == "#EXT-X-VERSION:7"


def test_tracks_in_other_languages_are_renditions_and_the_first_is_the_usual_one() -> None:
    found = made(
        of("standard", 128, language="en"),
        of("standard", 128, language="ja", track=1),
        of("standard", 128, track=2),
        manifests={("hls", "ts", track): playlist(32) for track in range(3)},
    )
    first, second, third = (
        f"{BASE}hls-aac&container=ts{track}&br=128&sr=44.1&a=/0f/manifest.m3u8"
        for track in ("", "&track=2", "&track=3")
    )
    group = 'TYPE=AUDIO,GROUP-ID="standard-ts-128k"'

    assert multivariant_playlist(found, str) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:3\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        f'#EXT-X-MEDIA:{group},NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="{first}"\n'
        f'#EXT-X-MEDIA:{group},NAME="ja 2",LANGUAGE="ja",DEFAULT=NO,AUTOSELECT=YES,'
        f'URI="{second}"\n'
        f'#EXT-X-MEDIA:{group},NAME="Track 3",DEFAULT=NO,AUTOSELECT=YES,URI="{third}"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2",'
        'AUDIO="standard-ts-128k"\n'
        f"{first}\n"
    )


def test_each_uri_is_signed() -> None:
    found = made(of("standard", 128), manifests={("hls", "ts", 0): playlist(32)})
    lines = multivariant_playlist(found, lambda uri: f"{uri}&sig=1").splitlines()

    assert lines[-1].endswith("a=/0f/manifest.m3u8&sig=1")


def test_each_artifact_is_an_adaptation_set_with_its_language() -> None:
    dash_of = {"protocol": "dash", "container": "mp4"}
    found = made(
        of("standard", 128, language="en", **dash_of),
        of("highest", 320, language="en", **dash_of),
        of("standard", 128, language="ja", track=1, **dash_of),
        manifests={("dash", "mp4", 0): manifest(32, 80), ("dash", "mp4", 1): manifest(32)},
    )
    text = mpd(found, lambda parts: f"&sig={len(parts)}")
    sets = text.split("    <AdaptationSet ")[1:]
    english = "dash-aac&amp;container=mp4&amp;br=128&amp;sr=44.1&amp;br=320&amp;sr=44.1&amp;a=/"
    japanese = "dash-aac&amp;container=mp4&amp;track=2&amp;br=128&amp;sr=44.1&amp;a=/"

    assert len(sets) == 2
    assert sets[0].startswith('id="0" lang="en" contentType="audio"')
    assert sets[1].startswith('id="1" lang="ja" contentType="audio"')
    assert sets[0].splitlines()[1] == f"      <BaseURL>{BASE}{english}</BaseURL>"
    assert sets[1].splitlines()[1] == f"      <BaseURL>{BASE}{japanese}</BaseURL>"
    assert sets[0].count("<Representation ") == 2
    assert text.count("&amp;sig=") == 6
    assert text.endswith("    </AdaptationSet>\n  </Period>\n</MPD>\n")


def test_one_artifact_is_listed_as_in_its_own_mpd_but_for_where_it_is() -> None:
    own = manifest(32, 80)
    dash_of = {"protocol": "dash", "container": "mp4"}
    found = made(
        of("standard", 128, **dash_of),
        of("highest", 320, **dash_of),
        manifests={("dash", "mp4", 0): own},
    )
    text = mpd(found, lambda _: "")
    base = next(line for line in text.splitlines() if "<BaseURL>" in line)

    assert text.replace(f"{base}\n", "") == own
