"""AIOZ's requests: its examples are understood, and every mistake is told with its field."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from edge.library.media.media import Change, Draft, Quality
from edge.library.media.qualities import Status
from edge.library.media.store import Search, Sort
from edge.settings import Settings
from edge.web.dialects.aioz import costs, wishes
from transforms.problems import BadParameter

AUDIO_CONFIG = {
    "codec": "aac",
    "bitrate": 320000,
    "channels": "2",
    "sample_rate": 44100,
    "language": "en",
    "index": 0,
}
HIGHEST = {
    "resolution": "highest",
    "type": "hls",
    "container_type": "mpegts",
    "audio_config": AUDIO_CONFIG,
}
STANDARD = {
    "resolution": "standard",
    "type": "hls",
    "container_type": "mpegts",
    "audio_config": {**AUDIO_CONFIG, "bitrate": 128000},
}
DASH = {**STANDARD, "type": "dash", "container_type": "fmp4"}
MADE = Quality(
    name="highest",
    protocol="hls",
    container="ts",
    bitrate_bps=320_000,
    sample_rate_hz=44_100,
    channels=2,
    language="en",
    track=0,
)


def quality(**told: Any) -> dict[str, Any]:
    """Ask for media with one quality, of the example but for what is told."""
    config = {**AUDIO_CONFIG, **told.pop("audio_config", {})}
    one = {**HIGHEST, **told, "audio_config": config}
    return {"type": "audio", "title": "A talk", "qualities": [one]}


def refusal(raw: object) -> str:
    with pytest.raises(BadParameter) as refused:
        wishes.draft_of(raw)
    return str(refused.value)


def test_the_first_example_asks_for_two_hls_qualities() -> None:
    raw = {"title": "My Podcast Episode", "type": "audio", "qualities": [HIGHEST, STANDARD]}
    standard = Quality(
        name="standard",
        protocol="hls",
        container="ts",
        bitrate_bps=128_000,
        sample_rate_hz=44_100,
        channels=2,
        language="en",
    )

    assert wishes.draft_of(raw) == Draft(
        title="My Podcast Episode", public=True, qualities=(MADE, standard)
    )


def test_the_second_example_asks_for_dash() -> None:
    raw = {"title": "My Audio Track", "type": "audio", "qualities": [DASH]}
    (made,) = wishes.draft_of(raw).qualities

    assert (made.name, made.protocol, made.container) == ("standard", "dash", "mp4")


def test_all_fields_of_the_body_are_read() -> None:
    raw = {
        "type": "audio",
        "title": "string",
        "description": "string",
        "is_public": False,
        "metadata": [{"key": "genre", "value": "podcast"}],
        "qualities": [],
        "tags": ["string"],
    }

    assert wishes.draft_of(raw) == Draft(
        title="string",
        description="string",
        public=False,
        metadata={"genre": "podcast"},
        tags=("string",),
    )


def test_the_simplified_body_gets_the_qualities_of_the_document_s_answer() -> None:
    draft = wishes.draft_of({"title": "My Audio Title", "type": "audio"})

    assert [(each.name, each.protocol, each.bitrate_bps) for each in draft.qualities] == [
        ("highest", "hls", 320_000),
        ("standard", "hls", 128_000),
    ]


@pytest.mark.parametrize(
    ("resolution", "bitrate_bps", "sample_rate_hz"),
    [
        ("standard", 128_000, 44_100),
        ("good", 192_000, 44_100),
        ("highest", 320_000, 44_100),
        ("lossless", 576_000, 48_000),
    ],
)
def test_a_preset_settles_what_is_left_out(
    resolution: str, bitrate_bps: int, sample_rate_hz: int
) -> None:
    raw = {"type": "audio", "title": "A", "qualities": [{"resolution": resolution, "type": "hls"}]}
    (made,) = wishes.draft_of(raw).qualities

    assert (made.container, made.bitrate_bps, made.sample_rate_hz, made.channels) == (
        "ts",
        bitrate_bps,
        sample_rate_hz,
        None,
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"title": "A"}, "Parameter 'type' cannot be '': expected audio."),
        ({"title": "A", "type": "video"}, "Parameter 'type' cannot be 'video': expected audio."),
        ({"type": "audio"}, "Parameter 'title' cannot be '': expected a title."),
        ({"type": "audio", "title": " "}, "Parameter 'title' cannot be ' ': expected a title."),
        (
            {"type": "audio", "title": 3},
            "Parameter 'title' cannot be '3': expected a string or null.",
        ),
        (
            {"type": "audio", "title": "A", "is_public": "yes"},
            "Parameter 'is_public' cannot be 'yes': expected true or false or null.",
        ),
        (
            {"type": "audio", "title": "A", "tags": ["a", 1]},
            "Parameter 'tags[1]' cannot be '1': expected a text that is not empty.",
        ),
        (
            {"type": "audio", "title": "A", "metadata": [{"key": "a"}]},
            "Parameter 'metadata[0].value' cannot be '': expected a value.",
        ),
        (
            {"type": "audio", "title": "A", "metadata": [{"key": "a", "value": "b"}] * 2},
            "Parameter 'metadata[1].key' cannot be 'a': expected a key that is not there yet.",
        ),
        (
            {"type": "audio", "title": "A", "tags": ["a\x00b"]},
            r"Parameter 'tags[0]' cannot be 'a\x00b': "
            "expected a text without the character U+0000.",
        ),
        ([], "Parameter 'body' cannot be '[]': expected an object."),
        (
            {"type": "audio", "title": "A", "qualities": [{"resolution": "good"}]},
            "Parameter 'qualities[0].type' cannot be '': expected a value.",
        ),
        (
            {"type": "audio", "title": "A", "qualities": [HIGHEST] * 11},
            "Parameter 'qualities' cannot be 'a list of 11': expected a list of at most 10.",
        ),
        (
            quality(resolution="720p"),
            "Parameter 'qualities[0].resolution' cannot be '720p': "
            "expected standard or good or highest or lossless.",
        ),
        (
            quality(type="rtmp"),
            "Parameter 'qualities[0].type' cannot be 'rtmp': expected hls or dash.",
        ),
        (
            quality(container_type="fmp4"),
            "Parameter 'qualities[0].container_type' cannot be 'fmp4': expected mpegts or mp4.",
        ),
        (
            quality(type="dash", container_type="mpegts"),
            "Parameter 'qualities[0].container_type' cannot be 'mpegts': expected fmp4.",
        ),
        (
            quality(audio_config={"codec": "mp3"}),
            "Parameter 'qualities[0].audio_config.codec' cannot be 'mp3': expected aac.",
        ),
        (
            quality(audio_config={"bitrate": 0}),
            "Parameter 'qualities[0].audio_config.bitrate' cannot be '0': "
            "expected a whole number from 1 to 2147483647.",
        ),
        (
            quality(audio_config={"bitrate": "128k"}),
            "Parameter 'qualities[0].audio_config.bitrate' cannot be '128k': "
            "expected a whole number or null.",
        ),
        (
            quality(audio_config={"channels": "6"}),
            "Parameter 'qualities[0].audio_config.channels' cannot be '6': expected 1 or 2.",
        ),
        (
            quality(audio_config={"channels": "1", "bitrate": 576_000}),
            "Parameter 'qualities[0].audio_config.channels' cannot be '1': "
            "expected 2, because one channel cannot carry 576000 bits/s.",
        ),
        (
            quality(audio_config={"sample_rate": 44_000}),
            "Parameter 'qualities[0].audio_config.sample_rate' cannot be '44000': expected 8000 "
            "or 11025 or 16000 or 22050 or 32000 or 44100 or 48000 or 88200 or 96000.",
        ),
        (
            quality(audio_config={"language": "english!"}),
            "Parameter 'qualities[0].audio_config.language' cannot be 'english!': "
            "expected a BCP 47 tag such as en, es or pt-BR.",
        ),
        (
            quality(audio_config={"index": -1}),
            "Parameter 'qualities[0].audio_config.index' cannot be '-1': "
            "expected a whole number from 0 to 99.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_field_its_value_and_what_would_do(
    raw: object, message: str
) -> None:
    assert message == refusal(raw)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000])
def test_every_sample_rate_of_the_document_is_taken(rate: int) -> None:
    (made,) = wishes.draft_of(quality(audio_config={"sample_rate": rate})).qualities

    assert made.sample_rate_hz == rate


def test_the_example_of_a_change_is_read_and_what_is_left_out_stays() -> None:
    raw = {
        "description": "string",
        "player_theme_id": "string",
        "is_public": True,
        "metadata": [{"key": "string", "value": "string"}],
        "tags": ["string"],
        "title": "string",
    }

    assert wishes.change_of(raw) == Change(
        title="string",
        description="string",
        tags=("string",),
        metadata={"string": "string"},
        public=True,
        player_theme="string",
    )
    assert wishes.change_of({"tags": []}) == Change(tags=())


def test_the_example_of_a_list_is_read() -> None:
    raw = {"limit": 10, "offset": 0, "sort_by": "created_at", "order_by": "desc", "type": "audio"}
    listing = wishes.listing_of(raw)

    assert listing == wishes.Listing(
        search=Search(broken=True),
        statuses=frozenset(),
        sort=Sort.CREATED,
        descending=True,
        offset=0,
        limit=10,
    )
    assert wishes.listing_of({}) == wishes.Listing(
        search=Search(broken=True),
        statuses=frozenset(),
        sort=Sort.CREATED,
        descending=False,
        offset=0,
        limit=25,
    )


def test_a_list_may_be_narrowed_in_every_way_of_the_document() -> None:
    pairs: list[object] = [{"genre": "podcast"}, [{"key": "genre", "value": "podcast"}]]
    for metadata in pairs:
        for tags in ("podcast,music", ["podcast", "music"]):
            raw = {"tags": tags, "metadata": metadata, "status": "new,done", "search": "talk"}
            listing = wishes.listing_of(raw)

            assert listing.search == Search(
                words="talk", tags=("podcast", "music"), pairs={"genre": "podcast"}, broken=True
            )
            assert listing.statuses == {Status.NEW, Status.DONE}


@pytest.mark.parametrize(
    ("status", "deleted"), [("deleted", True), (["deleted", "done"], None), ("done", False)]
)
def test_deleted_media_are_looked_for_only_when_asked_for(
    status: object, deleted: bool | None
) -> None:
    assert wishes.listing_of({"status": status}).search.deleted is deleted


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"limit": 101}, "'limit' cannot be '101': expected a whole number from 1 to 100."),
        ({"limit": 0}, "'limit' cannot be '0': expected a whole number from 1 to 100."),
        ({"offset": -1}, "'offset' cannot be '-1': expected a whole number from 0 to 2147483647."),
        ({"offset": "1"}, "'offset' cannot be '1': expected a whole number or null."),
        (
            {"sort_by": "name"},
            "'sort_by' cannot be 'name': expected created_at or updated_at or title or size.",
        ),
        ({"order_by": "up"}, "'order_by' cannot be 'up': expected asc or desc."),
        ({"type": "video"}, "'type' cannot be 'video': expected audio."),
        (
            {"status": "ready"},
            "'status' cannot be 'ready': expected new or transcoding or done or fail or deleted.",
        ),
    ],
)
def test_a_wrong_wish_for_a_list_is_told(raw: object, message: str) -> None:
    with pytest.raises(BadParameter) as refused:
        wishes.listing_of(raw)

    assert f"Parameter {message}" == str(refused.value)


def test_the_example_of_a_price_is_what_it_costs_by_default() -> None:
    prices = {each.quality: each.usd_a_minute for each in Settings().transcode_prices}
    qualities = wishes.presets_of("highest,standard")

    assert costs.price_usd(qualities, costs.read_duration("60"), prices) == 0.45
    assert costs.price_usd(["lossless"], Fraction(1), prices) == 0.0075
    assert costs.billed_seconds(qualities, Fraction(60)) == 90
    assert costs.billed_seconds(["good"], Fraction(1)) == Fraction(15, 2)


@pytest.mark.parametrize("text", ["", "-1", "nan", "1e9", "1000001", "a minute"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="seconds from 0 to 1000000"):
        costs.read_duration(text)


@pytest.mark.parametrize("text", ["", ",", "best"])
def test_presets_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="standard"):
        wishes.presets_of(text)
