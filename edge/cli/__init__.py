"""
The command line: one verb, one function, and one place that turns problems into exit statuses.

0 done, 1 it could not be done (and why, on standard error), 2 the command line was wrong.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cache.source import SourceProblem
from edge.cli import doctor, keeping, making, serving
from edge.fill.problems import FillProblem
from edge.sandbox.problems import SandboxProblem
from edge.settings import Settings, SettingsInvalid, load_settings
from edge.telemetry import configure_logging
from transforms.problems import TransformProblem

_log = logging.getLogger(__name__)

_Verb = Callable[[argparse.Namespace, Settings], int]


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        settings = load_settings(
            os.environ,
            config=given.config,
            overrides={name: getattr(given, name, None) for name in _OVERRIDES},
        )
    except SettingsInvalid as invalid:
        print(f"audio-edge: {invalid}", file=sys.stderr)
        return 2
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    verb: _Verb = given.verb
    try:
        return verb(given, settings)
    except (TransformProblem, FillProblem, SourceProblem, SandboxProblem, OSError) as problem:
        print(f"audio-edge: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        _log.debug("the command failed", exc_info=fault)
        hint = "" if settings.log_level == "debug" else " (EDGE_LOG_LEVEL=debug shows where)"
        print(f"audio-edge: {type(fault).__name__}: {fault}{hint}", file=sys.stderr)
        return 1


_OVERRIDES = ("root", "data", "host", "port", "workers", "public_url")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="audio-edge",
        description="A CDN edge that transforms audio by URL parameters.",
        epilog="Settings come from EDGE_* variables or a TOML file as well; "
        "'audio-edge doctor' lists them.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, metavar="DIR", help="folder of media to serve")
    common.add_argument("--data", type=Path, metavar="DIR", help="folder for what is kept")
    common.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for module in (serving, making, keeping, doctor):
        module.add_verbs(verbs, common)
    return parser
