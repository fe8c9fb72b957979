"""Log lines: one per event, for people or machines, never with a secret."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from edge.telemetry import LogFormat, configure_logging, new_incident_id, redact


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    level = root.level
    before = list(root.handlers)
    yield io.StringIO()
    root.setLevel(level)
    root.handlers[:] = before


def logger_to(stream: io.StringIO, log_format: LogFormat) -> logging.Logger:
    configure_logging(level="info", log_format=log_format, stream=stream)
    return logging.getLogger("edge.test")


def test_a_line_for_people(stream: io.StringIO) -> None:
    logger_to(stream, "human").warning("lease lost", extra={"job": "01J", "why": "too late"})

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING edge\.test: lease lost "
        r'job=01J why="too late"\n',
        stream.getvalue(),
    )


def test_a_line_for_machines(stream: io.StringIO) -> None:
    logger_to(stream, "json").info("served %d bytes", 7, extra={"path": "/ä"})
    event = json.loads(stream.getvalue())
    expected = {
        "time": event["time"],
        "level": "info",
        "logger": "edge.test",
        "message": "served 7 bytes",
        "path": "/ä",
    }

    assert event == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])


@pytest.mark.parametrize("log_format", ["human", "json"])
def test_an_event_is_one_line_whatever_it_holds(stream: io.StringIO, log_format: LogFormat) -> None:
    logger = logger_to(stream, log_format)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("a\r\nb\u2028c\x1b[31m", extra={"name_given": "x\ny"})

    assert len(stream.getvalue().splitlines()) == 1
    assert "ValueError" in stream.getvalue()
    assert "test_telemetry.py" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["human", "json"])
def test_secrets_are_struck_out_wherever_they_are(
    stream: io.StringIO, log_format: LogFormat
) -> None:
    logger = logger_to(stream, log_format)
    try:
        raise ValueError("\nsecret_W142hJkAAAA at\nsig=1.key.c2ln")
    except ValueError:
        logger.exception("GET /a?sig=1.key.c2ln", extra={"key": "secret_W142hJkAAAA"})

    assert "AAAA" not in stream.getvalue()
    assert "c2ln" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key secret_W142hJkabc, used", "key secret_***, used"),
        ("/a.mp3?f=mp3&sig=1.k.aGk&exp=9", "/a.mp3?f=mp3&sig=***&exp=9"),
        ("/a.mp3%3Fsig%3D1.k.aGk", "/a.mp3%3Fsig%3D***"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"),
        ("authorization: basic YXBpa2V5OnNlY3JldA==", "authorization: basic ***"),
        ("token eyJhbGciOiJI.eyJzdWIi.c2ln end", "token jwt *** end"),
        ("postgresql://edge:hunter2@db/edge", "postgresql://edge:***@db/edge"),
        ("http://host:8000/a@b", "http://host:8000/a@b"),
        ("public_W142hJkabc", "public_W142hJkabc"),
    ],
)
def test_redaction(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_configuring_again_replaces_the_handler(stream: io.StringIO) -> None:
    logger_to(stream, "human")
    logger = logger_to(stream, "human")
    logger.info("once")
    logger.debug("never")

    assert stream.getvalue().count("once") == 1
    assert "never" not in stream.getvalue()


def test_the_server_logs_into_the_same_stream(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").addHandler(logging.NullHandler())
    logger_to(stream, "human")
    logging.getLogger("uvicorn.access").info('%s - "%s %s"', "192.0.2.1", "GET", "/a?sig=x.y.z")

    assert logging.getLogger("uvicorn.access").handlers == []
    assert stream.getvalue().endswith('uvicorn.access: 192.0.2.1 - "GET /a?sig=***"\n')


def test_incidents_are_short_and_different() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", new_incident_id())
    assert new_incident_id() != new_incident_id()
