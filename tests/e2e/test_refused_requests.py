from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.running import ACCOUNT, BEARER, Edge
from tests.e2e.sounds import TALK_SECONDS, long_silence


def work_of(edge: Edge) -> tuple[list[Any], list[Any]]:
    return edge.jobs(), edge.entries()


@pytest.mark.parametrize("rest", ["gone.mp3?f=mp3", "gone.mp3!f=mp3&a=/audio.mp3", "gone?f=meta"])
def test_a_missing_file(server: Edge, rest: str) -> None:
    before = work_of(server)
    answer = server.audio(rest)

    assert (answer.status, answer.problem["code"]) == (404, "not_found")
    assert "/gone" in answer.problem["message"]
    assert work_of(server) == before


def test_a_missing_append_is_named(server: Edge) -> None:
    answer = server.audio("note.wav?f=mp3&append=/example.mp3&append=/music/gone.mp3")

    assert answer.status == 404
    assert answer.problem["message"] == "The appended file /music/gone.mp3 does not exist."


@pytest.mark.parametrize(
    ("query", "parameter", "value"),
    [
        ("f=mp4", "f", "mp4"),
        ("f=mp3&br=100", "br", "100"),
        ("f=aac&br=72", "br", "72"),
        ("f=mp3&sr=8", "sr", "8"),
        ("f=wav-riff&sr=12", "sr", "12"),
        ("f=mp3&sr=48000", "sr", "48000"),
        ("f=mp3&ts=-1", "ts", "-1"),
        ("f=mp3&ts=86400", "ts", "86400"),
        ("f=mp3&ts=1.234", "ts", "1.234"),
        ("f=mp3&te=1,5", "te", "1,5"),
        ("f=mp3&te=0", "te", "0"),
        ("f=mp3&ts=2&te=1", "te", "1"),
        ("f=mp3&tm=never", "tm", "never"),
        ("f=mp3&rp=0", "rp", "0"),
        ("f=mp3&rp=21", "rp", "21"),
        ("f=mp3&rp=%D9%A3", "rp", "٣"),
        ("f=mp3&append=gone.mp3", "append", "gone.mp3"),
        ("f=mp3&br=96&br=128", "br", "128"),
        ("f=mp3&download=yes", "download", "yes"),
        ("f=mp3&cache_ttl=soon", "cache_ttl", "soon"),
        ("f=mp3&exp=soon", "exp", "soon"),
        ("f=mp3&f=mp3", "f", "mp3,mp3"),
        (
            "f=hls-aac&"
            + "&".join(f"br={br}" for br in (16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96)),
            "br",
            "96",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_parameter_and_what_is_allowed(
    server: Edge, query: str, parameter: str, value: str
) -> None:
    before = work_of(server)
    answer = server.audio(f"note.wav?{query}")

    assert (answer.status, answer.problem["code"]) == (400, "bad_parameter")
    details = answer.problem["details"]
    assert (details["parameter"], details["value"]) == (parameter, value)
    assert details["expected"] in answer.problem["message"]
    assert work_of(server) == before


def test_lists_of_values_are_told(server: Edge) -> None:
    details = server.audio("note.wav?f=mp3&sr=8").problem["details"]

    assert details["allowed"] == ["22.05", "32", "44.1", "48"]


def test_an_unknown_parameter_is_told_the_nearest_known_one(server: Edge) -> None:
    problem = server.audio("note.wav?f=mp3&bitrat=96").problem

    assert problem["code"] == "unknown_parameter"
    assert problem["details"]["parameter"] == "bitrat"
    assert "nearest" in problem["message"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("f=mp3&ts=9", "ts"),
        # MP3 at 44.1 kHz has 38.28 frames a second.
        ("f=mp3&ts=1.39", "ts"),
        ("f=mp3&te=0.99", "te"),
    ],
)
def test_a_point_that_the_source_does_not_have(server: Edge, query: str, parameter: str) -> None:
    before = work_of(server)
    answer = server.audio(f"example.mp3?{query}")

    assert answer.status == 400
    assert answer.problem["details"]["parameter"] == parameter
    assert work_of(server) == before


def test_a_frame_number_that_does_not_exist_is_answered_with_how_many_there_are(
    server: Edge,
) -> None:
    message = server.audio("example.mp3?f=mp3&ts=1.39").problem["message"]

    assert "from 0 to 38" in message


def test_an_end_past_the_end_changes_nothing(server: Edge) -> None:
    job = server.settled("example.mp3?f=aac&te=86399")

    assert job["transform"]["made"]["duration"] == TALK_SECONDS


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("broken.mp3?f=mp3", "unsupported_media"),
        ("silent.mp4?f=mp3", "no_audio"),
    ],
)
def test_media_that_cannot_be_decoded_is_a_failed_job_that_is_not_tried_again(
    server: Edge, rest: str, code: str
) -> None:
    job = server.settled(rest)

    assert (job["status"], job["error"]["code"]) == ("Failed", code)
    assert job["error"]["message"].endswith(".")
    assert job["summary"] == {}
    again = server.settled(rest)
    assert (again["jobId"], again["lastUpdated"]) == (job["jobId"], job["lastUpdated"])
    assert server.api(f"/jobs/ProcessFileJob/{job['jobId']}").json()["error"] == job["error"]
    assert server.audio(rest.replace("?", "!") + "&a=/audio.mp3").status == 404


def test_metadata_of_what_cannot_be_decoded(server: Edge) -> None:
    answers = [server.audio("broken.mp3?f=meta") for _ in range(2)]

    for answer in answers:
        assert (answer.status, answer.problem["code"]) == (422, "unsupported_media")


def test_a_film_without_sound_still_has_metadata(server: Edge) -> None:
    document = server.audio("silent.mp4?f=meta").json()

    assert [track["type"] for track in document["tracks"]] == ["General", "Video"]


def test_more_than_a_day_of_sound_is_refused_before_work(server: Edge) -> None:
    long_silence(server.root / "two-hours.wav", 7200)
    before = work_of(server)
    answer = server.audio("two-hours.wav?f=mp3&rp=20")

    assert (answer.status, answer.problem["code"]) == (400, "output_too_large")
    assert answer.problem["details"] == {"seconds": 144_000, "mostSeconds": 86_400}
    assert work_of(server) == before


def test_a_riff_file_past_four_gigabytes_is_told_of_rf64(server: Edge) -> None:
    long_silence(server.root / "hour.wav", 3600)
    before = work_of(server)
    answer = server.audio("hour.wav?f=wav-riff&sr=192&rp=20")

    assert answer.status == 400
    assert "wav-rf64" in answer.problem["message"]
    assert work_of(server) == before


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"/{ACCOUNT}/image/note.wav?f=mp3", 404),
        (f"/{ACCOUNT}/audio", 400),
        (f"/{ACCOUNT}/audio/", 400),
        (f"/{ACCOUNT}/raw/", 400),
        (f"/{ACCOUNT}/", 400),
        (f"/{ACCOUNT}", 404),
        ("/somewhere/else", 404),
        ("/v2/accounts", 404),
        ("/v3/accounts/x", 404),
        ("/favicon.ico", 404),
        ("//", 404),
        ("/%00", 404),
        ("/W142hJ%6b/raw/note.wav", 404),
        (f"/{ACCOUNT}/raw/.hidden", 404),
        (f"/{ACCOUNT}/raw/music", 404),
    ],
)
def test_paths_that_lead_nowhere(server: Edge, target: str, status: int) -> None:
    server.put(".hidden", b"secret")
    answer = server.send(target)

    assert answer.status == status
    assert set(answer.problem) == {"code", "message", "details"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    "target",
    [f"/{ACCOUNT}/raw/note.wav", f"/{ACCOUNT}/audio/note.wav?f=mp3", "/healthz", "/"],
)
def test_methods_that_are_not_answered(server: Edge, method: str, target: str) -> None:
    answer = server.send(target, method=method)

    assert (answer.status, answer.problem["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("rest", ["/jobs", "/jobs/a/b", "/usage", "/usage/entries", "/cache/reset"])
def test_no_method_of_the_api_is_a_server_error(server: Edge, method: str, rest: str) -> None:
    answer = server.send(f"/v2/accounts/{ACCOUNT}{rest}", BEARER, method=method)

    assert answer.status in (200, 400, 404, 405)


def test_nothing_is_left_in_the_log_but_events(server: Edge) -> None:
    assert "Traceback" not in server.log
    assert "incident" not in server.log
    assert " ERROR " not in server.log
    assert " WARNING " not in server.log
    assert "Warning" not in server.log


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/uploads/binary?originalFileName=a%00b", "x"),
        ("/uploads/binary?tag=a%00b", "x"),
        ("/uploads/a%00b/parts", None),
        ("/folders/list?folderPath=/&cursor=%00", None),
        ("/uploads", '{"size":1,"originalFileName":"a\\u0000b"}'),
        ("/uploads", '{"size":1,"tags":["a\\u0000b"]}'),
        ("/uploads", '{"size":1,"mime":"' + "a" * 256 + '"}'),
    ],
)
def test_what_no_database_can_keep_is_refused(server: Edge, target: str, body: str | None) -> None:
    content = None if body is None else body.encode()
    method = "GET" if body is None else "POST"
    answer = server.send(f"/v2/accounts/{ACCOUNT}{target}", BEARER, method=method, body=content)

    assert answer.status == 400
    assert answer.problem["message"]
