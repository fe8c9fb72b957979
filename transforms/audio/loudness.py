"""
How loud a whole timeline is, as broadcasters measure it (ITU-R BS.1770-5, EBU R128).

libavfilter's ``ebur128`` does the measuring; it hangs its running result on every frame it lets
through, so the last one has the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter.graph import Graph

from transforms.audio.filters import Block

# EBU R128 section 3: the maximum true peak level in production.
HIGHEST_TRUE_PEAK_DB = -1.0

# The meter's own floor: nothing above its gate was heard.
_SILENCE_LUFS = -70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudness:
    """Integrated loudness in LUFS and true peak in dB below full scale."""

    integrated_lufs: float
    true_peak_db: float

    def gain_to(self, target_lufs: float) -> float:
        """
        Return the gain in dB that reaches a loudness without passing the true peak limit.

        Silence stays as it is.
        """
        if self.integrated_lufs <= _SILENCE_LUFS:
            return 0.0
        return min(target_lufs - self.integrated_lufs, HIGHEST_TRUE_PEAK_DB - self.true_peak_db)


def measure(blocks: Iterable[Block], *, sample_rate_hz: int, channels: int) -> Loudness:
    """Measure a timeline of float32 blocks."""
    layout = "mono" if channels == 1 else "stereo"
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=sample_rate_hz,
        format="fltp",
        layout=layout,
        time_base=Fraction(1, sample_rate_hz),
    )
    meter = graph.add("ebur128", "metadata=1:framelog=quiet:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    verdict: dict[str, str] = {}
    at = 0
    for block in blocks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", layout)
        frame.sample_rate = sample_rate_hz
        frame.pts = at
        at += block.shape[1]
        graph.push(frame)
        for metered in _pulled(graph):
            verdict = metered.metadata
    peak = float(verdict.get("lavfi.r128.true_peak", 0.0))
    return Loudness(
        integrated_lufs=float(verdict.get("lavfi.r128.I", _SILENCE_LUFS)),
        true_peak_db=20 * math.log10(peak) if peak > 0 else -math.inf,
    )


def _pulled(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame
