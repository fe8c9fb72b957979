"""
Logging: one line per event, for people or for machines, and never a secret in it.

Secrets are struck out of the finished line, not of the arguments: a key may as well come in a
URL, in an exception's text or in a library's message, and all of them end here.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

LogFormat = Literal["human", "json"]

_STRUCK: Final = "***"

# No word boundaries: after an escaped line break, "\nsig=" would not have one.
_SECRETS: Final = (
    (re.compile(r"secret_[A-Za-z0-9_-]+"), f"secret_{_STRUCK}"),
    (re.compile(r"(?i)sig(=|%3D)[^\s&\"'\\]+"), rf"sig\g<1>{_STRUCK}"),
    (re.compile(r"(?i)(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\g<1> {_STRUCK}"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), f"jwt {_STRUCK}"),
    (re.compile(r"(://[^\s/:@\"']*):[^\s/@\"']+@"), rf"\g<1>:{_STRUCK}@"),
)

# Line separators of any kind would let a request write lines of its own into the log.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_STANDARD_FIELDS: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
)

# uvicorn installs handlers of its own; its events belong in the same stream.
_SERVER_LOGGERS: Final = ("uvicorn", "uvicorn.access", "uvicorn.error")

# They tell their own story at "info", which is nobody's event.
_TALKATIVE: Final = ("alembic", "asyncio", "botocore", "uvicorn.error")

_INNERMOST_FRAMES: Final = 6


def configure_logging(
    *, level: str, log_format: LogFormat, stream: TextIO | None = None
) -> logging.Handler:
    """
    Send every log record of the process to one stream, standard error by default.

    Args:
        level: "debug", "info", "warning" or "error".

    Returns:
        The handler that was installed, so that it can be taken off again.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else HumanLines())
    root = logging.getLogger()
    for previous in [old for old in root.handlers if isinstance(old.formatter, _Lines)]:
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    if level == "info":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def new_incident_id() -> str:
    """Make an id that joins what a client was told with what was logged."""
    return secrets.token_hex(6)


def redact(text: str) -> str:
    """Strike out secret keys, signatures, credentials and passwords."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class _Lines(logging.Formatter):
    """What both formats share: the moment, the fields, and the striking out."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(self.line(record))

    def line(self, record: logging.LogRecord) -> str:
        """Spell a record as one line, secrets included."""
        raise NotImplementedError


class HumanLines(_Lines):
    """``2026-11-20T22:19:13.042Z WARNING edge.jobs: lease lost job=01J… epoch=3``"""

    def line(self, record: logging.LogRecord) -> str:
        """Spell a record for people; an exception becomes its chain of innermost frames."""
        fields = dict(_fields(record))
        if record.exc_info and record.exc_info[1] is not None:
            fields.update(_exception_fields(record.exc_info[1]))
        words = (
            _moment(record),
            record.levelname,
            f"{record.name}:",
            record.getMessage(),
            *(f"{name}={_quoted(str(value))}" for name, value in fields.items()),
        )
        return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], " ".join(words))


class JsonLines(_Lines):
    """One JSON object per line: time, level, logger, message, then the event's own fields."""

    def line(self, record: logging.LogRecord) -> str:
        """Spell a record for machines, with the whole trace of an exception."""
        event: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **dict(_fields(record)),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, default=str, separators=(",", ":"))


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    """List what was given as ``extra``."""
    return (item for item in vars(record).items() if item[0] not in _STANDARD_FIELDS)


def _exception_fields(exception: BaseException) -> Mapping[str, str]:
    frames = traceback.extract_tb(exception.__traceback__)[-_INNERMOST_FRAMES:]
    places = (f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return {
        "exception": "".join(traceback.format_exception_only(exception)).strip(),
        "at": " < ".join(places),
    }


def _quoted(text: str) -> str:
    """Quote a value that would not be one word."""
    return text if text and not re.search(r'[\s"=]', text) else json.dumps(text, ensure_ascii=False)
