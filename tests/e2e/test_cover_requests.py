from __future__ import annotations

from tests.e2e.running import ACCOUNT, Edge
from tests.support.pictures import FRONT, mp3_with, picture, seen

RED = (200, 30, 40)


def test_the_cover_of_a_file_is_a_jpeg_made_once_and_free(server: Edge) -> None:
    server.put("song.mp3", mp3_with((FRONT, picture("png", 900, 600, RED)), mime="image/png"))
    answer = server.audio("song.mp3?f=cover")
    again = server.audio("song.mp3?ts=0.5s&f=cover&append=/note.wav")
    meta = server.audio("song.mp3?f=meta").json()

    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert seen(answer.body)[:2] == (640, 427)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (again.body, again.headers["ETag"]) == (answer.body, answer.headers["ETag"])
    assert [job["status"] for job in server.jobs()] == ["Succeeded"]
    assert server.entries() == []
    assert meta["tracks"][0]["hasCover"] is True
    assert b'src="/W142hJk/audio/song.mp3?f=cover"' in server.audio("song.mp3").body


def test_a_file_without_a_cover_has_none(server: Edge) -> None:
    answer = server.audio("note.wav?f=cover")

    assert (answer.status, answer.problem["code"]) == (404, "no_cover")
    assert b"f=cover" not in server.send(f"/{ACCOUNT}/audio/note.wav").body
