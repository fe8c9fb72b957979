"""
What a worker says that it has made, held against what its plan can make.

A worker that was taken over by a crafted file must not be able to name files as it likes, to fill
the disk with them, to call them what browsers would run, or to have more billed than can be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cache.staging import Staging
from edge.sandbox.problems import SentGarbage
from transforms.contents import media_type_of
from transforms.formats import FORMATS
from transforms.plan import RenderedFile, RenderPlan, RenderReport, Segment

# What a file may have beyond what the plan allows: headers, tables, tags.
SPARE_FILE_BYTES = 1 << 20
# No segment is half as long, and no manifest of the most hours and variants is.
_MOST_PART_BYTES = 32 << 20
# What MPEG-TS takes for itself at the lowest bitrates, and more.
_CONTAINER_FACTOR = 2
# Initialisation sections and manifests of ten variants, and what as many threads are writing.
_MOST_UNANNOUNCED = 128
# What was flushed of the last frame or of a resampler may stand over the limit.
_SPARE_SECONDS = 1
_MOST_ENCODER_CHARACTERS = 80


class Claims:
    """What one worker has said of its files; the first thing that cannot be raises."""

    def __init__(self, plan: RenderPlan, staging: Staging, *, max_files: int) -> None:
        self._plan = plan
        self.staging = staging
        self._spec = FORMATS[plan.format]
        self._max_files = max_files if self._spec.segmented else 1
        self._created: set[str] = set()
        self._announced: set[str] = set()
        self._announced_bytes = 0
        self._files: dict[str, RenderedFile] = {}

    @property
    def file_bytes(self) -> int:
        """Tell how long a file may be."""
        most = self._plan.limits.file_bytes
        return SPARE_FILE_BYTES + (min(most, _MOST_PART_BYTES) if self._spec.segmented else most)

    def create(self, path: str) -> None:
        """Take note that a file is wanted."""
        if media_type_of(self._plan, path) is None:
            raise SentGarbage(f"an illegal path: {path[:200]!r}")
        if path in self._created:
            raise SentGarbage("a file that was created before")
        self._created.add(path)
        if len(self._created) > self._max_files:
            raise SentGarbage(f"more than {self._max_files} files")
        if len(self._created) > len(self._announced) + _MOST_UNANNOUNCED:
            raise SentGarbage("files that are not announced")

    def announce(self, segment: Segment) -> None:
        """Take note that a segment's file is whole."""
        if not 0 <= segment.variant < len(self._plan.encodings) or not self._spec.segmented:
            raise SentGarbage("a segment of no variant")
        if segment.path not in self._created or segment.path in self._announced:
            raise SentGarbage("a segment that was not created")
        if segment.samples <= 0 or segment.first_sample < 0:
            raise SentGarbage("a segment of no length")
        if segment.sample_rate_hz != self._plan.encodings[segment.variant].sample_rate_hz:
            raise SentGarbage("a segment of another rate")
        if segment.size_bytes != self.staging.size_of(segment.path):
            raise SentGarbage("a segment of another size")
        self._announced.add(segment.path)
        self._announced_bytes += segment.size_bytes
        most = _CONTAINER_FACTOR * len(self._plan.encodings) * self._plan.limits.file_bytes
        if self._announced_bytes > most + SPARE_FILE_BYTES:
            raise SentGarbage(f"more than {most} bytes of segments")

    def list(self, files: Sequence[RenderedFile]) -> None:
        """Take note of some of the files that the report is of."""
        for file in files:
            if file.path not in self._created or file.path in self._files:
                raise SentGarbage("other files than were created")
            if file.media_type != media_type_of(self._plan, file.path):
                raise SentGarbage(f"a file that is no {file.media_type[:200]!r}")
            self._files[file.path] = file

    def settle(self, report: RenderReport) -> RenderReport:
        """Return the report with its files, if the plan can have led to it."""
        rates = {encoding.sample_rate_hz for encoding in self._plan.encodings}
        if self._spec.of_file:
            sane = (report.samples, report.sample_rate_hz) == (0, 1)
        else:
            sane = report.samples > 0 and report.sample_rate_hz in rates
        if not sane or report.duration > self._plan.limits.duration_ms / 1000 + _SPARE_SECONDS:
            raise SentGarbage(f"{report.samples} samples at {report.sample_rate_hz} Hz")
        if len(report.encoder) > _MOST_ENCODER_CHARACTERS or not report.encoder.isprintable():
            raise SentGarbage("no name of an encoder")
        return dataclasses.replace(report, files=tuple(self._files.values()))
