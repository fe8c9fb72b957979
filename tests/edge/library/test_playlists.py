"""What a playlist may list, and what comes of everything else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.library.playlists import MOST_BYTES, Folder, Place, Stretch, is_playlist, read
from edge.library.tags import attributes
from transforms.problems import UnsupportedMedia

HERE = Folder(path="/shows/one/", url="http://folder.invalid/shows/one/")
FAR = Folder(path="/ext/one/", url="https://origin.example/media/one/")
END = "#EXT-X-ENDLIST"


def text(*lines: str) -> bytes:
    head = ("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:6")
    return "\n".join((*head, *lines)).encode()


def listed(*lines: str, folder: Folder = HERE, name: str = "a.m3u8") -> object:
    return read(text(*lines), folder.path + name, folder)


def at(name: str, query: str = "") -> Place:
    return Place(path=HERE.path + name, query=query)


def paths(*names: str) -> tuple[Stretch, ...]:
    return tuple(Stretch(place=Place(path=HERE.path + name)) for name in names)


def refusal(*lines: str, folder: Folder = HERE) -> str:
    with pytest.raises(UnsupportedMedia) as caught:
        listed(*lines, folder=folder)
    assert caught.value.code == "bad_playlist"
    return caught.value.message


def test_segments_come_in_order() -> None:
    assert listed("#EXTINF:6,", "0.ts", "#EXTINF:6,", "b/1%20.ts", END) == paths("0.ts", "b/1 .ts")


def test_a_section_comes_before_its_segments_once() -> None:
    found = listed('#EXT-X-MAP:URI="i.mp4"', "#EXTINF:6,", "0.m4s", "#EXTINF:6,", "1.m4s", END)

    assert found == paths("i.mp4", "0.m4s", "1.m4s")


def test_what_follows_a_discontinuity_begins_a_file() -> None:
    lines = (
        "#EXTINF:6,",
        "0.ts",
        "#EXT-X-DISCONTINUITY",
        "#EXTINF:6,",
        "1.ts",
        "#EXTINF:6,",
        "2.ts",
    )

    zero, one, two = paths("0.ts", "1.ts", "2.ts")
    expected = (zero, replace(one, apart=True), two)
    assert listed(*lines, END) == expected
    # Before the first segment there is nothing that it could follow.
    assert listed("#EXT-X-DISCONTINUITY", *lines, END) == expected


def test_each_file_begins_with_its_section() -> None:
    a, b = '#EXT-X-MAP:URI="a.mp4"', '#EXT-X-MAP:URI="b.mp4"'
    found = listed(
        *(a, "#EXTINF:6,", "0.m4s", a, "#EXTINF:6,", "1.m4s"),
        *("#EXT-X-DISCONTINUITY", "#EXTINF:6,", "2.m4s", b, "#EXTINF:6,", "3.m4s", END),
    )

    first, *rest = paths("a.mp4", "0.m4s", "1.m4s", "a.mp4", "2.m4s", "b.mp4", "3.m4s")
    apart = {"/shows/one/a.mp4", "/shows/one/b.mp4"}
    assert found == (first, *(replace(each, apart=each.place.path in apart) for each in rest))


def test_byte_ranges_follow_one_another() -> None:
    """RFC 8216 section 4.3.2.2: without an offset a range begins where the last one ended."""
    found = listed(
        '#EXT-X-MAP:URI="a.mp4",BYTERANGE="700@0"',
        "#EXT-X-BYTERANGE:100@700",
        "#EXTINF:6,",
        "a.mp4",
        "#EXT-X-BYTERANGE:50",
        "#EXTINF:6,",
        "a.mp4",
        "#EXTINF:6,",
        "b.mp4",
        END,
    )

    assert found == (
        Stretch(place=at("a.mp4"), length=700),
        Stretch(place=at("a.mp4"), offset=700, length=100),
        Stretch(place=at("a.mp4"), offset=800, length=50),
        Stretch(place=at("b.mp4")),
    )


def test_a_range_that_follows_nothing_is_refused() -> None:
    lines = ("#EXTINF:6,", "a.ts", "#EXT-X-BYTERANGE:50", "#EXTINF:6,", "a.ts", END)

    assert "neither says where it begins" in refusal(*lines)
    assert "a byte range '5x'" in refusal("#EXT-X-BYTERANGE:5x", "#EXTINF:6,", "a.ts", END)


def test_the_best_variant_is_chosen() -> None:
    assert listed(
        "#EXT-X-STREAM-INF:BANDWIDTH=64000",
        "low/a.m3u8",
        "#EXT-X-STREAM-INF:BANDWIDTH=128000",
        "high/a.m3u8",
        "#EXT-X-STREAM-INF:BANDWIDTH=96000",
        "mid/a.m3u8",
    ) == at("high/a.m3u8")


def test_of_a_film_only_the_sound_is_fetched() -> None:
    assert listed(
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="lo",NAME="en",DEFAULT=YES,URI="lo/en.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="de",URI="hi/de.m3u8"',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="en",DEFAULT=YES,URI="hi/en.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=800000,AUDIO="lo"',
        "v1.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=2800000,AUDIO="hi"',
        "v2.m3u8",
    ) == at("hi/en.m3u8")


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        ("DEFAULT=YES", 'DEFAULT=NO,URI="fr.m3u8"', "film"),
        ("DEFAULT=NO", 'DEFAULT=YES,URI="fr.m3u8"', "fr"),
        ('URI="fr.m3u8"', "DEFAULT=YES,AUTOSELECT=YES", "film"),
        ("DEFAULT=NO", 'AUTOSELECT=YES,URI="fr.m3u8"', "fr"),
        ("DEFAULT=NO", 'URI="fr.m3u8"', "film"),
    ],
)
def test_a_rendition_without_a_uri_is_in_the_variant(first: str, second: str, chosen: str) -> None:
    """RFC 8216 section 4.3.4.2.1."""
    found = listed(
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="one",{first}',
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="two",{second}',
        '#EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO="a"',
        "film.m3u8",
    )

    assert found == at(f"{chosen}.m3u8")


def test_absolute_references_to_the_own_folder_are_understood() -> None:
    found = listed(
        "#EXTINF:6,",
        "https://origin.example/media/one/0.ts",
        "#EXTINF:6,",
        "/media/one/1.ts",
        "#EXTINF:6,",
        "b/../2.ts",
        END,
        folder=FAR,
    )

    assert found == tuple(Stretch(place=Place(path=f"/ext/one/{number}.ts")) for number in range(3))


def test_a_media_playlist_resolves_from_where_it_stands() -> None:
    found = read(text("#EXTINF:6,", "0.ts", END), "/shows/one/0f/manifest.m3u8", HERE)

    assert found == paths("0f/0.ts")


@pytest.mark.parametrize(
    "reference",
    [
        "../two/0.ts",
        "/etc/passwd/",
        "//evil.example/0.ts",
        "http://127.0.0.1:18099/0.ts",
        "https://origin.example:8443/media/one/0.ts",
        "https://origin.example/media/one.evil/0.ts",
        "https://origin.example@evil.example/media/one/0.ts",
        "http://origin.example/media/one/0.ts",
        "file:///etc/passwd",
        "concat:a.ts|b.ts",
        "data:audio/mp4;base64,AAAA",
        "%2e%2e/two/0.ts",
        "b/%2e%2e/%2e%2e/0.ts",
        "https://user@origin.example/media/one/0.ts",
        "http://[::1/0.ts",
        "https://origin.example:99999/media/one/0.ts",
    ],
)
def test_what_lies_elsewhere_is_refused_by_name(reference: str) -> None:
    for folder in (HERE, FAR):
        told = refusal("#EXTINF:6,", reference, END, folder=folder)

        assert told == (
            f"The playlist names {reference!r}, which is not a file of its own folder "
            "or of one below it."
        )
        assert "which is not a file" in refusal(
            f'#EXT-X-MAP:URI="{reference}"', "#EXTINF:6,", "0.m4s", END, folder=folder
        )
        assert "which is not a file" in refusal(
            "#EXT-X-STREAM-INF:BANDWIDTH=1", reference, folder=folder
        )


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("a0.ts?token=abc", at("a0.ts", "token=abc")),
        ("b/a0.ts?X=a%2Fb&Y=c+d/?e#t=1", at("b/a0.ts", "X=a%2Fb&Y=c+d/?e")),
        ('0.ts?q="é x\\', at("0.ts", "q=%22%C3%A9%20x%5C")),
        ("0.ts?", at("0.ts")),
        ("0.ts#part", at("0.ts")),
        ("0%3F1%23.ts", at("0?1#.ts")),
    ],
)
def test_a_query_is_kept_for_whoever_is_asked(reference: str, place: Place) -> None:
    assert listed("#EXTINF:6,", reference, END) == (Stretch(place=place),)
    assert listed("#EXT-X-STREAM-INF:BANDWIDTH=1", reference) == place
    if '"' not in reference:
        found = listed(f'#EXT-X-MAP:URI="{reference}"', "#EXTINF:6,", "1.m4s", END)
        assert found == (Stretch(place=place), *paths("1.m4s"))


def test_the_same_name_with_another_query_is_another_file() -> None:
    lines = ("#EXT-X-BYTERANGE:5@0", "#EXTINF:6,", "a.ts?1", "#EXT-X-BYTERANGE:5", "#EXTINF:6,")

    assert "neither says where it begins" in refusal(*lines, "a.ts?2", END)


@pytest.mark.parametrize(
    "reference",
    [
        "https://origin.example/a%20(x)/%C3%A9/0.ts",
        "https://origin.example/a%20%28x%29/%c3%a9/0.ts",
        "HTTPS://Origin.Example:443/a (x)/é/0.ts",
        "/%61 %28x)/%C3%A9/%30.ts",
        "0.ts",
        "./b/../0.ts",
    ],
)
def test_however_its_folder_is_spelled_a_reference_leads_there(reference: str) -> None:
    folder = Folder(path="/ext/", url="https://origin.example/a%20(x)/%C3%A9/")

    found = listed("#EXTINF:6,", reference, END, folder=folder, name="what? #1.m3u8")

    assert found == (Stretch(place=Place(path="/ext/0.ts")),)


@pytest.mark.parametrize("reference", ["%ff.ts", "b/", "%2e/0.ts", "a%00.ts", "%5c.ts"])
def test_what_cannot_be_a_file_is_refused_as_that(reference: str) -> None:
    told = refusal("#EXTINF:6,", f"{reference}?token=secret", END)

    assert told == f"The playlist names {reference!r}, which is not the name of a file."


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("#EXTINF:6,", "0.ts"), "no EXT-X-ENDLIST"),
        ((END,), "lists no segments"),
        (("#EXT-X-KEY:METHOD=AES-128,URI=k", "#EXTINF:6,", "0.ts", END), "encrypted"),
        (("#EXT-X-GAP", "#EXTINF:6,", "0.ts", END), "is missing"),
        (("#EXT-X-I-FRAMES-ONLY", "#EXTINF:6,", "0.ts", END), "pictures only"),
        (("#EXT-X-DISCONTINUITY\n#EXTINF:6,\n0.ts\n" * 1001, END), "1000 discontinuities"),
        (("#EXTINF:6,", "a" * 9000, END), "8192 characters"),
        (("#EXTINF:x,", "0.ts", END), "Line 4 of the playlist cannot be parsed: 'x' is no number"),
        (("#EXTINF:", "0.ts", END), "Line 4 of the playlist cannot be parsed: '' is no number"),
        (("#EXT-X-MAP:", "#EXTINF:6,", "0.ts", END), "an EXT-X-MAP without a URI"),
        (("#EXTINF:6,", "0.ts", "1.ts", END), "Line 6 of the playlist names a file without"),
        (("#EXT-X-STREAM-INF:BANDWIDTH=nan", "0.m3u8"), "'nan' is no number"),
        (("#EXTINF:1,\n0.ts\n" * 10_001, END), "more than 10000 segments"),
        (("a\n" * 100_000, END), "more than 100000 lines"),
        (("#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n" * 1001,), "more than 1000 variants"),
        ((("#EXT-X-MAP:" + "URI=," * 1500 + "\n") * 134,), "more than 200000 attributes"),
        (("#EXT-X-MEDIA:TYPE=AUDIO\n" * 1001,), "more than 1000 audio renditions"),
    ],
)
def test_other_playlists_are_refused_with_a_reason(lines: tuple[str, ...], told: str) -> None:
    assert told in refusal(*lines)


def test_a_key_that_is_none_is_no_key() -> None:
    assert listed("#EXT-X-KEY:METHOD=NONE", "#EXTINF:6,", "0.ts", END) == paths("0.ts")


def test_ten_hours_with_a_tag_for_everything_are_read() -> None:
    signed = "?Policy=" + "x" * 600
    segment = (
        *("#EXTINF:3.6,", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z", "#EXT-X-BITRATE:128"),
        "{}.ts" + signed.replace("?", "-"),
    )
    lines = [line.format(number) for number in range(10_000) for line in segment]

    found = listed(*lines, END)

    assert isinstance(found, tuple)
    assert len(found) == 10_000
    assert len(text(*lines, END)) <= MOST_BYTES


def test_attributes_are_read_wherever_they_stand() -> None:
    said = attributes(' A=1, B="x,y=z",C="" ,D=e f,A=2,NONE,F="open,G=1')

    assert said == {"A": "1", "B": "x,y=z", "C": "", "D": "e f", "NONE,F": "open,G=1"}


@pytest.mark.parametrize("content", ["", "ID3", "<html>", "\n#EXTM3U"])
def test_what_is_no_playlist_is_refused(content: str) -> None:
    with pytest.raises(UnsupportedMedia, match="does not begin with #EXTM3U"):
        read(content.encode(), "/a.m3u8", Folder(path="/", url="http://folder.invalid/"))


@given(
    st.lists(
        st.text(max_size=60)
        | st.sampled_from(
            [
                *(
                    "#EXTINF:6,",
                    "#EXTINF:",
                    "0.ts",
                    END,
                    "#EXT-X-BYTERANGE:1@1",
                    "#EXT-X-KEY:METHOD=NONE",
                ),
                *(
                    '#EXT-X-MAP:URI="i.mp4"',
                    "#EXT-X-MAP:",
                    "#EXT-X-STREAM-INF:BANDWIDTH=1",
                    "v.m3u8",
                ),
                *(
                    "#EXT-X-MEDIA:TYPE=AUDIO",
                    "#EXT-X-DATERANGE:ID=",
                    "#EXT-X-SKIP:",
                    "#EXT-X-PART:",
                ),
                *("#EXT-X-PROGRAM-DATE-TIME:x", "#EXT-X-SESSION-DATA:", "#EXT-X-DISCONTINUITY"),
            ]
        ),
        max_size=12,
    )
)
def test_any_text_is_a_list_or_a_refusal(lines: list[str]) -> None:
    try:
        found = listed(*lines)
    except UnsupportedMedia as problem:
        assert problem.message.endswith(".")
        return
    named = [found] if isinstance(found, Place) else [each.place for each in found]
    assert named
    assert all(place.path.startswith(HERE.path) for place in named)


@pytest.mark.parametrize(
    ("path", "so"), [("/a.m3u8", True), ("/A.M3U", True), ("/a.mp3", False), ("/m3u8", False)]
)
def test_playlists_are_known_by_name(path: str, so: bool) -> None:
    assert is_playlist(path) is so
