from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from edge.ids import audio_id
from edge.library.catalogue.entry import FileEntry
from edge.library.media.media import Change, Draft, Media
from edge.web.dialects.picora import wire

BASE = "https://media.picora.me"
ID = "0b6dd2f9-6e4c-4be6-9e43-b0f0be6a4ac4"
AUDIO = audio_id(ID)
CREATED_MS = 1_777_276_800_999
FILE = FileEntry(
    account="W142hJk",
    path=f"/audio/{AUDIO}.mp3",
    blob="audio/W142hJk/2026-04/x.mp3",
    size_bytes=4_194_304,
    digest="0" * 64,
    mime="audio/mpeg",
    original_name="track.mp3",
    media=ID,
    created_ms=CREATED_MS,
    modified_ms=CREATED_MS,
)
MEDIA = Media(
    id=ID,
    account="W142hJk",
    title="My new song",
    tags=("live", "blue"),
    described_ms=CREATED_MS,
    artist="The Wolves",
    duration_seconds=244.6,
    bitrate_bps=320_000,
    format="mp3",
    thumbnail=f"thumbnails/{ID}.jpg",
    created_ms=CREATED_MS,
    updated_ms=CREATED_MS,
    file=FILE,
)


def test_a_file_that_was_brought_is_the_seed_s_example() -> None:
    body = wire.told(wire.audio_body(MEDIA, BASE))

    # The document's own fields and order; its ids are shorter, its URLs name no account.
    expected = {
        "id": AUDIO,
        "url": f"{BASE}/W142hJk/raw/audio/{AUDIO}.mp3",
        "thumbnail_url": f"{BASE}/W142hJk/raw/thumbnails/{AUDIO}.jpg",
        "title": "My new song",
        "filename": "track.mp3",
        "sizeBytes": 4_194_304,
        "durationSeconds": 245,
        "bitrate": 320,
        "isPublic": True,
        "createdAt": "2026-04-27T08:00:00Z",
    }
    further = {
        "updatedAt": "2026-04-27T08:00:00Z",
        "thumbnailUrl": expected["thumbnail_url"],
        "duration_seconds": 245,
        "is_public": True,
        "artist": "The Wolves",
        "album": None,
        "type": "audio",
        "format": "mp3",
        "mimeType": "audio/mpeg",
        "description": "",
        "tags": ("live", "blue"),
    }
    assert body == {"success": True, "data": {**expected, **further}}
    assert list(body) == ["success", "data"]
    assert list(wire.audio_body(MEDIA, BASE)) == [*expected, *further]


def test_what_nobody_could_find_out_is_zero() -> None:
    unknown = replace(MEDIA, duration_seconds=None, bitrate_bps=None, thumbnail=None, title="")
    body = wire.audio_body(unknown, BASE)
    short = wire.audio_body(replace(MEDIA, duration_seconds=0.2), BASE)

    assert (body["durationSeconds"], body["bitrate"]) == (0, 0)
    assert (body["thumbnail_url"], body["thumbnailUrl"]) == (None, None)
    assert body["title"] == "track"
    assert short["durationSeconds"] == 1


def test_a_file_of_another_door_has_its_own_path_and_name() -> None:
    file = replace(FILE, path="/talks/a b?.ogg", original_name=None, grants=())
    body = wire.audio_body(replace(MEDIA, file=file), BASE)

    assert body["url"] == f"{BASE}/W142hJk/raw/talks/a%20b%3F.ogg"
    assert (body["filename"], body["isPublic"]) == ("a b?.ogg", False)


def test_fields_are_read_by_all_of_their_names() -> None:
    said = [
        ("title", " My song "),
        ("description", "Two takes.\nOne kept."),
        ("is_public", "FALSE"),
        ("tags", "live, blue,,live"),
        ("tags[]", "slow"),
    ]

    assert wire.draft_of(said, note="x") == Draft(
        title="My song",
        description="Two takes.\nOne kept.",
        tags=("live", "blue", "slow"),
        public=False,
        note="x",
    )
    assert wire.draft_of([("isPublic", "1"), ("is_public", "true")]) == Draft(public=True)
    assert wire.draft_of([("title", " ")]) == Draft()


@pytest.mark.parametrize(
    ("said", "field", "told"),
    [
        ([("isPublic", "maybe")], "isPublic", "true or false"),
        ([("isPublic", "")], "isPublic", "true or false"),
        ([("isPublic", "true"), ("is_public", "false")], "isPublic", "different things"),
        ([("title", "a"), ("title", "b")], "title", "more than one"),
        ([("title", "x" * 256)], "title", "up to 255"),
        ([("title", "x\0")], "title", "NUL"),
        ([("description", "x" * 5001)], "description", "up to 5000"),
        ([("tags", ",".join("abcdefghijk"))], "tags", "up to 10 tags"),
        ([("tags", "x" * 65)], "tags", "up to 64"),
        ([("tags", "a\nb")], "tags", "printable"),
    ],
)
def test_a_value_that_is_none_is_told_by_its_field(
    said: list[tuple[str, str]], field: str, told: str
) -> None:
    with pytest.raises(wire.BadField, match=told) as refused:
        wire.draft_of(said)

    assert refused.value.field == field


def test_a_patch_changes_what_it_says_and_nothing_else() -> None:
    def change(text: str) -> Change:
        return msgspec.json.decode(text, type=wire.Patch).change()

    assert change("{}") == Change()
    assert change('{"title": "New", "isPublic": false}') == Change(title="New", public=False)
    assert change('{"is_public": true, "description": null}') == Change(public=True, description="")
    assert change('{"tags": ["a,b", "c"]}') == Change(tags=("a,b", "c"))
    assert change('{"tags": "a,b"}') == Change(tags=("a", "b"))
    assert change('{"tags": []}') == Change(tags=())
    with pytest.raises(wire.BadField, match="not empty"):
        change('{"title": ""}')
    with pytest.raises(wire.BadField, match="different things"):
        change('{"isPublic": true, "is_public": false}')
    with pytest.raises(msgspec.ValidationError, match="titel"):
        change('{"titel": "New"}')


def test_a_name_is_the_last_part_of_a_path() -> None:
    assert wire.name_of("C:\\mine\\a b.mp3") == "a b.mp3"
    assert wire.name_of("music/") is None
    assert wire.name_of(None) is None
    with pytest.raises(wire.BadField, match="up to 255"):
        wire.name_of("x" * 256)


def test_a_page_says_where_the_list_goes_on() -> None:
    assert wire.page_body((), None, BASE) == {
        "success": True,
        "data": [],
        "nextCursor": None,
        "hasMore": False,
    }
    page = wire.page_body((MEDIA,), "next", BASE)
    assert page["data"] == [wire.audio_body(MEDIA, BASE)]
    assert (page["nextCursor"], page["hasMore"]) == ("next", True)


def test_a_refusal_has_details_only_if_there_are_any() -> None:
    assert wire.refused("not_found", "Nothing.", {}) == {
        "success": False,
        "error": {"code": "not_found", "message": "Nothing."},
    }
    assert wire.refused("x", "y", {"z": 1})["error"] == {
        "code": "x",
        "message": "y",
        "details": {"z": 1},
    }
