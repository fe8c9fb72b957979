"""
The command line: one verb, one function, and one place that turns problems into exit statuses.

0 done, 1 it could not be done (and why, on standard error), 2 the command line was wrong.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence

from cache.source import SourceProblem
from edge.cli.parser import OVERRIDES, build_parser
from edge.fill.problems import FillProblem
from edge.records.problems import ForeignRecords, ForeignSeal, RecordsAway, WrongRevision
from edge.sandbox.problems import SandboxProblem
from edge.settings import Settings, SettingsInvalid, load_settings
from edge.telemetry import configure_logging
from transforms.problems import TransformProblem

_log = logging.getLogger(__name__)

_PROBLEMS = (
    *(TransformProblem, FillProblem, SourceProblem, SandboxProblem, OSError),
    *(RecordsAway, WrongRevision, ForeignSeal, ForeignRecords),
)

_Verb = Callable[[argparse.Namespace, Settings], int]


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    given = build_parser().parse_args(arguments)
    try:
        settings = load_settings(
            os.environ,
            config=given.config,
            overrides={name: getattr(given, name, None) for name in OVERRIDES},
        )
    except SettingsInvalid as invalid:
        print(f"audio-edge: {invalid}", file=sys.stderr)
        return 2
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    module, _, function = given.verb.partition(":")
    verb: _Verb = getattr(importlib.import_module(f"edge.cli.{module}"), function)
    try:
        return verb(given, settings)
    except _PROBLEMS as problem:
        print(f"audio-edge: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        _log.debug("the command failed", exc_info=fault)
        hint = "" if settings.log_level == "debug" else " (EDGE_LOG_LEVEL=debug shows where)"
        print(f"audio-edge: {type(fault).__name__}: {fault}{hint}", file=sys.stderr)
        return 1
