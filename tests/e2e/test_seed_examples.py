from __future__ import annotations

import pytest

from tests.e2e.running import ACCOUNT, PUBLIC_URL, Edge
from tests.e2e.sounds import TALK_SECONDS
from tests.support.measure import decode

SEED_FIELDS = [
    "jobUrl",
    "jobDocs",
    "jobId",
    "jobType",
    "accountId",
    "created",
    "lastUpdated",
    "status",
    "summary",
]

EXAMPLES = [
    ("wav-riff", "/audio.wav", "audio/wav"),
    ("mp3", "/audio.mp3", "audio/mpeg"),
    ("aac", "/audio.aac", "audio/aac"),
]


@pytest.mark.parametrize(("output", "artifact", "media_type"), EXAMPLES)
def test_the_job_of_the_seed_s_example_and_its_artifact(
    server: Edge, output: str, artifact: str, media_type: str
) -> None:
    first = server.audio(f"example.mp3?f={output}")
    job = server.settled(f"example.mp3?f={output}")

    begun = first.json()
    assert first.status == 200
    assert first.headers["Content-Type"] == "application/json"
    assert list(begun)[: len(SEED_FIELDS)] == SEED_FIELDS
    assert begun["status"] == "Running"
    assert begun["summary"] == {}
    assert first.headers["Cache-Control"] == "no-store"

    assert list(job)[: len(SEED_FIELDS)] == SEED_FIELDS
    assert job["jobId"] == begun["jobId"]
    assert {name: job[name] for name in SEED_FIELDS} == {
        "jobUrl": f"{PUBLIC_URL}/v2/accounts/{ACCOUNT}/jobs/ProcessFileJob/{begun['jobId']}",
        "jobDocs": "https://www.bytescale.com/docs/job-api/GetJob",
        "jobId": begun["jobId"],
        "jobType": "ProcessFileJob",
        "accountId": ACCOUNT,
        "created": begun["created"],
        "lastUpdated": job["lastUpdated"],
        "status": "Succeeded",
        "summary": {
            "result": {
                "type": "Artifact",
                "artifact": artifact,
                "artifactUrl": (
                    f"{PUBLIC_URL}/{ACCOUNT}/audio/example.mp3!f={output}&a={artifact}"
                ),
            }
        },
    }
    assert job["lastUpdated"] > job["created"] > 1_600_000_000_000
    assert job["progress"] == 1

    file = server.audio(f"example.mp3!f={output}&a={artifact}")
    sound, rate = decode(file.body)
    assert file.status == 200
    assert file.headers["Content-Type"] == media_type
    assert rate == 48_000
    # ADTS has no place to say how much of its first and last frames is priming and padding.
    spare = 2 * 1024 if output == "aac" else 0
    assert 0 <= sound.shape[1] - TALK_SECONDS * rate <= spare


def test_the_audio_track_of_example_7(server: Edge) -> None:
    document = server.audio("example.mp4?f=meta").json()

    track = next(track for track in document["tracks"] if track["type"] == "Audio")
    assert track["duration"] == 2
    assert {
        name: track[name] for name in ("bitRateMode", "channels", "codec", "codecId", "type")
    } == {
        "bitRateMode": track["bitRateMode"],
        "channels": 2,
        "codec": "AAC",
        "codecId": "mp4a-40-2",
        "type": "Audio",
    }
    assert (track["frameRate"], track["samplingRate"]) == (46.875, 48_000)
    assert {"bitRate", "frameCount"} <= set(track)
    assert {entry["type"] for entry in document["tracks"]} == {"General", "Video", "Audio"}


def test_parameters_mean_the_same_after_a_question_mark_and_an_exclamation_mark(
    server: Edge,
) -> None:
    ids = {
        server.settled(spelling)["jobId"]
        for spelling in (
            "example.mp3?f=aac&br=128",
            "example.mp3!f=aac&br=128",
            "example.mp3!br=128?f=aac",
            "example.mp3?br=0128&f=aac&sr=48",
            "example%2Emp3?f=aac&br=128",
        )
    }

    assert len(ids) == 1


def test_an_exclamation_mark_in_a_name_is_percent_encoded(server: Edge) -> None:
    job = server.settled("music/a%20b%21c.wav?f=wav-riff")
    artifact = "music/a%20b%21c.wav!f=wav-riff&a=/audio.wav"

    assert job["summary"]["result"]["artifactUrl"] == f"{PUBLIC_URL}/{ACCOUNT}/audio/{artifact}"
    assert decode(server.audio(artifact).body)[0].shape == (1, 48_000)


def test_an_artifact_that_is_asked_for_first_is_missing_and_then_there(server: Edge) -> None:
    artifact = "example.mp3!f=mp3&br=40&a=/audio.mp3"
    missing = server.audio(artifact)

    assert missing.status == 404
    assert missing.headers["Cache-Control"] == "no-store"
    assert missing.json()["status"] == "Running"

    job = server.settled("example.mp3?f=mp3&br=40")
    assert job["jobId"] == missing.json()["jobId"]
    assert server.audio(artifact).status == 200


def test_an_artifact_that_no_format_has_is_missing(server: Edge) -> None:
    answer = server.audio("example.mp3!f=mp3&a=/audio.wav")

    assert (answer.status, answer.problem["code"]) == (404, "not_found")
    assert "/audio.wav" in answer.problem["message"]


def test_the_default_is_a_page_with_a_player(server: Edge) -> None:
    answer = server.audio("example.mp3?br=96")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<audio" in answer.body


def test_the_answer_says_what_was_asked_for_and_what_is_made(server: Edge) -> None:
    job = server.settled("example.mp3?br=16&f=aac&ts=1&te=2.0&sr=96")

    assert job["transform"] == {
        "requested": "br=16&f=aac&ts=1&te=2.0&sr=96",
        "made": {
            "url": job["transform"]["made"]["url"],
            "clips": [
                {
                    "path": "/example.mp3",
                    "start": {"samples": 44_100, "seconds": 1.0},
                    "end": {"samples": 88_200, "seconds": 2.0},
                    "repeat": 1,
                    "samplingRate": 44_100,
                }
            ],
            "variants": job["transform"]["made"]["variants"],
            "duration": 1.0,
            "durationEstimated": False,
        },
    }
    assert job["transform"]["made"]["variants"][0]["bitRate"] == 16_000
    assert job["transform"]["made"]["variants"][0]["samplingRate"] < 96_000
