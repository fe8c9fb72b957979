"""
MusicAPI's JSON: what is asked for, and what is answered.

Pure mapping. The answers of ``upload`` are the document's, names and order; a clip has the fields
of MusicAPI's published "get music", those that only made music has are empty.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from edge.fill.allowance import Balance
from edge.library.importing.task import ImportState, ImportTask
from edge.library.media.media import THUMBNAIL_PATH, Media
from transforms.audio.tempo import Tempo

SUCCESS = "success"
_OK = 200
_MOST_SHOWN = 200

Body: TypeAlias = dict[str, object]

PENDING, RUNNING, SUCCEEDED, FAILED = "pending", "running", "succeeded", "failed"
_STATES = {
    ImportState.QUEUED: PENDING,
    ImportState.RUNNING: RUNNING,
    ImportState.DONE: SUCCEEDED,
    ImportState.FAILED: FAILED,
}
# A source that cannot be decoded is what the document calls a bad request.
_STATUS = {422: 400, 413: 400}


class BadField(ValueError):
    """A field of a request that is missing or no text; the text says what it has to be."""

    def __init__(self, name: str, expected: str, value: object) -> None:
        given = "" if value is None else f", not {str(value)[:_MOST_SHOWN]!r}"
        super().__init__(f"{name} has to be {expected}{given}.")
        self.name = name


class BadBody(ValueError):
    """A request's body that is no JSON object."""


def fields_of(body: bytes) -> dict[str, object]:
    """
    Read a request's body.

    Raises:
        BadBody: It is no JSON object.
    """
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
        raise BadBody(f"The body has to be a JSON object: {mistake}.") from mistake
    except RecursionError:
        raise BadBody("The body is nested too deeply.") from None


def text_in(fields: dict[str, object], name: str, expected: str) -> str:
    """
    Return a field that has to be there.

    Raises:
        BadField: It is not there, empty, or no text.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadField(name, expected, value)
    return value.strip()


def optional_text_in(fields: dict[str, object], name: str, expected: str) -> str | None:
    """Return a field that may be left out or null; raises as ``text_in``."""
    return None if fields.get(name) is None else text_in(fields, name, expected)


def clip_id_body(media_id: str) -> Body:
    """Answer an upload that was waited for (the document's example)."""
    return {"code": _OK, "clip_id": media_id, "message": SUCCESS}


def task_id_body(task_id: str) -> Body:
    """Answer with a task that is told of later, or asked for."""
    return {"code": _OK, "task_id": task_id, "message": SUCCESS}


def data_body(data: object) -> Body:
    """Answer with something found."""
    return {"code": _OK, "data": data, "message": SUCCESS}


def refused_body(status: int, message: str) -> Body:
    """Write a refusal; its code is the answer's status."""
    return {"code": status, "message": message}


def status_of(status: int) -> int:
    """Give a problem the status that the document has for it."""
    return _STATUS.get(status, status)


def clip_body(media: Media, base_url: str) -> Body:
    """Write a clip: one that is there, one that is yet to come, or a file that is no sound."""
    state = PENDING if media.file is None else FAILED if media.flaw is not None else SUCCEEDED
    raw = f"{base_url}/{media.account}/raw"
    picture = THUMBNAIL_PATH.format(id=media.id)
    body = _clip(
        clip_id=media.id,
        state=state,
        title=media.name,
        tags=", ".join(media.tags),
        image_url=raw + picture if media.thumbnail is not None else "",
        audio_url="" if media.file is None else raw + quote(media.file.path, safe="/"),
        created_ms=media.created_ms,
        duration=None if media.duration_seconds is None else _rounded(media.duration_seconds),
    )
    return body if media.flaw is None else {**body, "error_message": media.flaw}


def coming_body(task: ImportTask) -> Body:
    """Write the clip that a task is to bring, or has not brought."""
    body = _clip(clip_id=None, state=_STATES[task.state], created_ms=task.created_ms)
    if task.state is not ImportState.FAILED:
        return body
    return {**body, "error_message": task.error_message or ""}


def wav_body(clip_id: str, wav_url: str) -> Body:
    """Write where a clip is to be had as WAV."""
    return {"clip_id": clip_id, "wav_url": wav_url}


def bpm_body(clip_id: str, tempo: Tempo | None) -> Body:
    """Write a clip's tempo; null for one without a beat."""
    return {
        "clip_id": clip_id,
        "bpm": None if tempo is None else tempo.bpm,
        "confidence": None if tempo is None else tempo.confidence,
    }


def credits_body(balance: Balance) -> Body:
    """Write what is left of this month's quota, in seconds of processing."""
    return {
        "code": _OK,
        "credits": None if balance.left is None else number(balance.left),
        "extra_credits": 0,
        "used_credits": number(balance.used),
        "total_credits": balance.quota_seconds,
        "unlimited": balance.quota_seconds is None,
        "month": balance.month,
        "message": SUCCESS,
    }


def number(value: Fraction) -> int | float:
    """Write a fraction as JSON readers expect it: whole numbers without a point."""
    return int(value) if value.denominator == 1 else float(value)


def _clip(
    *,
    clip_id: str | None,
    state: str,
    created_ms: int,
    title: str = "",
    tags: str = "",
    image_url: str = "",
    audio_url: str = "",
    duration: int | float | None = None,
) -> Body:
    return {
        "clip_id": clip_id,
        "state": state,
        "title": title,
        "tags": tags,
        "lyrics": "",
        "image_url": image_url,
        "audio_url": audio_url,
        "video_url": "",
        "created_at": _moment(created_ms),
        "mv": "",
        "gpt_description_prompt": None,
        "duration": duration,
    }


def _rounded(seconds: float) -> int | float:
    return number(Fraction(round(seconds * 1000), 1000))


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
