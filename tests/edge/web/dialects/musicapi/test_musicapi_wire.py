"""MusicAPI's JSON: the document's answers and what we settled beside them, in their order."""

from __future__ import annotations

import json
from fractions import Fraction

import msgspec
import pytest

from edge.fill.allowance import Balance
from edge.library.catalogue.entry import FileEntry
from edge.library.importing.task import ImportState, ImportTask
from edge.library.media.media import Media
from edge.web.dialects.musicapi import wire
from edge.web.dialects.musicapi.menu import left_out
from transforms.audio.tempo import Tempo

BASE = "https://audio.example"
CLIP = "cfbc3d3c-2add-4265-bcdf-924092096e3d"
CREATED_MS = 1_795_269_213_045

# seeds/003, "Examples" of "upload music".
DOCUMENT = """{
    "code": 200,
    "clip_id": "cfbc3d3c-2add-4265-bcdf-924092096e3d",
    "message": "success"
}"""


def spelled(body: object) -> str:
    return msgspec.json.encode(body).decode()


def clip(*, flaw: str | None = None, there: bool = True) -> Media:
    file = FileEntry(
        account="W142hJk",
        path=f"/clips/{CLIP}.mp3",
        blob="audio/W142hJk/2026-11/x.mp3",
        size_bytes=1000,
        digest="0" * 64,
        mime="audio/mpeg",
        original_name="My Song.mp3",
        media=CLIP,
        created_ms=CREATED_MS,
        modified_ms=CREATED_MS,
    )
    return Media(
        id=CLIP,
        account="W142hJk",
        title="Starts & Ends",
        tags=("pop", "slow"),
        duration_seconds=123.4567,
        flaw=flaw,
        thumbnail=None if flaw else f"thumbnails/{CLIP}.jpg",
        created_ms=CREATED_MS,
        updated_ms=CREATED_MS,
        file=file if there else None,
    )


def test_an_upload_is_answered_as_the_document_shows() -> None:
    assert json.dumps(json.loads(DOCUMENT), separators=(",", ":")) == (
        spelled(wire.clip_id_body(CLIP))
    )
    assert spelled(wire.task_id_body("t")) == '{"code":200,"task_id":"t","message":"success"}'
    assert spelled(wire.refused_body(400, "No.")) == '{"code":400,"message":"No."}'


def test_a_clip_is_written_as_get_music_does() -> None:
    expected = {
        "clip_id": CLIP,
        "state": "succeeded",
        "title": "Starts & Ends",
        "tags": "pop, slow",
        "lyrics": "",
        "image_url": f"{BASE}/W142hJk/raw/thumbnails/{CLIP}.jpg",
        "audio_url": f"{BASE}/W142hJk/raw/clips/{CLIP}.mp3",
        "video_url": "",
        "created_at": "2026-11-21T13:53:33.045Z",
        "mv": "",
        "gpt_description_prompt": None,
        "duration": 123.457,
    }

    assert spelled(expected) == spelled(wire.clip_body(clip(), BASE))


def test_what_is_no_sound_or_yet_to_come_says_so() -> None:
    flawed = wire.clip_body(clip(flaw="It is a picture."), BASE)
    announced = wire.clip_body(clip(there=False), BASE)

    assert (
        flawed["state"],
        flawed["error_message"],
        flawed["image_url"],
    ) == ("failed", "It is a picture.", "")
    assert (announced["state"], announced["audio_url"]) == ("pending", "")


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (ImportState.QUEUED, "pending"),
        (ImportState.RUNNING, "running"),
        (ImportState.FAILED, "failed"),
    ],
)
def test_a_clip_that_is_fetched_has_no_id_yet(state: ImportState, shown: str) -> None:
    body = wire.coming_body(
        ImportTask(
            id="t",
            account="W142hJk",
            url="https://a.example/a.mp3",
            callback_url="https://b.example/",
            media=CLIP,
            state=state,
            attempts=1,
            owner=None,
            error_code=None,
            error_message="It is not there." if state is ImportState.FAILED else None,
            created_ms=CREATED_MS,
            updated_ms=CREATED_MS,
        )
    )

    assert (None, shown, None) == (body["clip_id"], body["state"], body["duration"])
    failed = {"error_message": "It is not there."} if shown == "failed" else {}
    assert failed == {name: body[name] for name in body if name == "error_message"}


def test_a_tempo_may_be_none() -> None:
    assert (
        spelled(wire.bpm_body("c", Tempo(bpm=120.5, confidence=0.9)))
    ) == '{"clip_id":"c","bpm":120.5,"confidence":0.9}'
    assert spelled(wire.bpm_body("c", None)) == '{"clip_id":"c","bpm":null,"confidence":null}'


@pytest.mark.parametrize(
    ("quota", "shown"),
    [
        (None, '"credits":null,"extra_credits":0,"used_credits":22.5,"total_credits":null,'),
        (100, '"credits":67.5,"extra_credits":0,"used_credits":22.5,"total_credits":100,'),
        (30, '"credits":0,"extra_credits":0,"used_credits":22.5,"total_credits":30,'),
    ],
)
def test_credits_are_what_is_left_of_the_quota(quota: int | None, shown: str) -> None:
    unlimited = "true" if quota is None else "false"
    body = wire.credits_body(
        Balance(month="2026-11", quota_seconds=quota, used=Fraction(45, 2), promised=Fraction(10))
    )

    assert spelled(body) == (
        f'{{"code":200,{shown}"unlimited":{unlimited},"month":"2026-11","message":"success"}}'
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{}", "url has to be a URL."),
        ('{"url":null}', "url has to be a URL."),
        ('{"url":3}', "url has to be a URL, not '3'."),
        ('{"url":" "}', "url has to be a URL, not ' '."),
    ],
)
def test_a_field_that_will_not_do_is_named_with_its_value(body: str, said: str) -> None:
    with pytest.raises(wire.BadField) as refused:
        wire.text_in(wire.fields_of(body.encode()), "url", "a URL")

    assert said == str(refused.value)
    assert refused.value.name == "url"


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"\xff"])
def test_a_body_is_a_json_object(body: bytes) -> None:
    with pytest.raises(wire.BadBody, match="has to be a JSON object"):
        wire.fields_of(body)


@pytest.mark.parametrize(
    "path", ["create", "stems/basic", "upsample_tags", "Replace-Section/", "vox", "persona"]
)
def test_what_the_menu_names_is_known(path: str) -> None:
    assert left_out(path)


@pytest.mark.parametrize("path", ["", "nonsense", "upload/more", "task"])
def test_what_it_does_not_name_is_not(path: str) -> None:
    assert left_out(path) is None
