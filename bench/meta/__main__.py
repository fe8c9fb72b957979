"""``python -m bench.meta FOLDER`` compares ``f=meta`` with MediaInfo, file by file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.meta import mediainfo
from bench.meta.compare import Row, compare, describe, files_of
from bench.meta.document import markdown


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the report, and say by the exit code whether all of it is explained."""
    parser = argparse.ArgumentParser(prog="python -m bench.meta", description=__doc__)
    parser.add_argument("folder", type=Path, help="what to compare: every file in and below it")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    parser.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}", help="of the report")
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    read: list[str] = []
    neither: list[str] = []
    for file in files_of(given.folder):
        name = file.relative_to(given.folder).as_posix()
        ours, theirs = describe(file), mediainfo.describe(file)
        (read if ours or theirs else neither).append(name)
        rows += compare(name, ours, theirs)
    report = markdown(
        rows,
        read=read,
        neither=neither,
        date=given.date,
        versions=f"MediaInfoLib {mediainfo.version()}, PyAV {version('av')}",
    )
    print(report)
    if given.out:
        given.out.write_text(report)
    return int(any(row.unexplained for row in rows))


if __name__ == "__main__":
    sys.exit(main())
