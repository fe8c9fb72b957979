"""AIOZ's examples, field by field: what its document shows is what is answered."""

from __future__ import annotations

import json
from typing import Any

from edge.library.catalogue.entry import FileEntry
from edge.library.media.media import Media, Quality
from edge.library.media.qualities import Progress, Status
from edge.web.dialects.aioz import wire

ID = "0e3a5c1f-7a52-4c0e-9a4b-0c6f6d0f6a10"
BASE = "https://audio.example"
CREATED_MS, UPDATED_MS = 1_795_269_075_123, 1_795_269_080_000
QUALITIES = tuple(
    Quality(name=name, protocol="hls", container="ts", bitrate_bps=128_000)
    for name in ("highest", "standard")
)

# AIOZ, "Create audio object", with this edge's hosts and what the example leaves to be filled in.
EXAMPLE = """
{
    "data": {
          "id": "audio_id",
          "user_id": "user_id",
          "type": "audio",
          "title": "audio's title (required)",
          "description": "",
          "metadata": null,
          "tags": null,
          "qualities": [
              {"name": "highest", "status": "done", "type": "hls"},
              {"name": "standard", "status": "done", "type": "hls"}
          ],
          "captions": null,
          "chapters": null,
          "player_theme": null,
          "duration": 283.492426,
          "size": 5234567,
          "is_mp4": false,
          "is_public": true,
          "status": "done",
          "created_at": "created_at",
          "updated_at": "updated_at",
          "assets": {
              "source_url": "https://audio.example/api/media/audio_id/source",
              "thumbnail_url": "https://audio.example/api/media/audio_id/thumbnail?resolution=original",
              "hls_url": "https://audio.example/api/media/audio_id/m3u8",
              "hls_iframe": "\\u003ciframe src=\\"https://audio.example/vod/hls/audio_id\\" width=\\"100%\\" height=\\"100%\\" frameborder=\\"0\\" scrolling=\\"no\\" allowfullscreen=\\"true\\"\\u003e\\u003c/iframe\\u003e",
              "hls_player_url": "https://audio.example/vod/hls/audio_id",
              "dash_url": "https://audio.example/api/media/audio_id/manifest",
              "dash_iframe": "\\u003ciframe src=\\"https://audio.example/vod/dash/audio_id\\" width=\\"100%\\" height=\\"100%\\" frameborder=\\"0\\" scrolling=\\"no\\" allowfullscreen=\\"true\\"\\u003e\\u003c/iframe\\u003e",
              "dash_player_url": "https://audio.example/vod/dash/audio_id",
              "mp4_url": "https://audio.example/api/media/audio_id/mp4"
          },
          "player_theme_id": ""
      },
    "status": "success"
}
"""  # noqa: E501


def example() -> dict[str, Any]:
    text = (
        EXAMPLE.replace("audio_id", ID)
        .replace('"user_id": "user_id"', '"user_id": "W142hJk"')
        .replace('"created_at": "created_at"', '"created_at": "2026-11-21T13:51:15.123Z"')
        .replace('"updated_at": "updated_at"', '"updated_at": "2026-11-21T13:51:20.000Z"')
    )
    return dict(json.loads(text))


def media(**told: Any) -> Media:
    file = FileEntry(
        account="W142hJk",
        path=f"/media/{ID}.mp3",
        blob="audio/W142hJk/2026-11/abc.mp3",
        size_bytes=5_234_567,
        digest="00",
        mime="audio/mpeg",
        media=ID,
        created_ms=CREATED_MS,
        modified_ms=CREATED_MS,
    )
    known: dict[str, Any] = {
        "id": ID,
        "account": "W142hJk",
        "title": "audio's title (required)",
        "qualities": QUALITIES,
        "public": True,
        "described_ms": CREATED_MS,
        "duration_seconds": 283.492426,
        "created_ms": CREATED_MS,
        "updated_ms": UPDATED_MS,
        "file": file,
    }
    return Media(**{**known, **told})


def done(found: Media) -> Progress:
    return Progress(
        media=found, status=Status.DONE, qualities=tuple(Status.DONE for _ in found.qualities)
    )


def in_order(body: object) -> str:
    """Spell a body so that the order of its keys counts."""
    return json.dumps(body)


def test_what_was_created_is_answered_as_in_the_example() -> None:
    assert in_order(example()) == in_order(wire.created_body(wire.media_body(done(media()), BASE)))


def test_a_list_is_answered_as_in_the_example_and_under_its_own_name_too() -> None:
    one = example()["data"]
    expected = {
        "status": "success",
        "data": {"videos": [one], "total": 1, "media": [one]},
    }

    assert in_order(expected) == in_order(wire.list_body([done(media())], 1, BASE))


def test_details_are_answered_as_in_the_example_which_shows_no_mp4() -> None:
    one = example()["data"]
    del one["is_mp4"]
    del one["assets"]["mp4_url"]

    assert in_order({"status": "success", "data": one}) == in_order(
        wire.data_body(wire.detail_body(done(media()), BASE))
    )


def test_messages_and_refusals_are_answered_as_in_the_examples() -> None:
    said = json.loads('{"status":"success","message":"Upload part successfully."}')
    refused = json.loads('{"status":"fail","message":"There is nothing here."}')

    assert in_order(said) == in_order(wire.done_body("Upload part successfully."))
    assert in_order(refused) == in_order(wire.failed_body("There is nothing here."))


def test_what_is_known_of_media_is_told_where_the_example_has_nothing() -> None:
    told = media(
        description="About it",
        tags=("a", "b"),
        metadata={"genre": "podcast", "year": 2026},
        public=False,
        player_theme="theme-1",
        duration_seconds=None,
        file=None,
    )
    body = wire.detail_body(
        Progress(media=told, status=Status.NEW, qualities=(Status.NEW, Status.NEW)), BASE
    )

    assert body["description"] == "About it"
    assert body["tags"] == ["a", "b"]
    assert body["metadata"] == [
        {"key": "genre", "value": "podcast"},
        {"key": "year", "value": "2026"},
    ]
    assert [each["status"] for each in body["qualities"]] == ["new", "new"]
    assert (body["is_public"], body["player_theme_id"]) == (False, "theme-1")
    assert (body["duration"], body["size"], body["status"]) == (0.0, 0, "new")
