"""
The same comparison by another model of the ear, ViSQOL, which was trained on other listeners.

``python -m bench.quality.second_opinion`` needs ``pip install visqol-python`` in an environment of
its own: the bench does without, as it brings SciPy, libsvm and a trained model and is slow.
ViSQOL in audio mode hears one channel, so both are mixed: it knows nothing of the stereo image.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.quality import contenders, material, tables
from bench.quality.coder import Coded, code
from bench.quality.compare import Case
from bench.quality.ear import RATE_HZ
from bench.quality.measure import resampled
from bench.report import table

_BITRATES_KBPS = (16, 24, 48, 64, 80, 96, 128)
_SAME_BITRATE = 0.01
_TRIES = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade the default, the fast search and the policy from 1 to 5, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.second_opinion")
    parser.add_argument("--samples", type=Path, help="folder of recordings, to add to what is made")
    parser.add_argument("--kbps", type=int, nargs="+", default=_BITRATES_KBPS)
    parser.add_argument("--channels", type=int, nargs="+", default=[2], choices=[1, 2])
    given = parser.parse_args(arguments)
    # Any: the package is not installed where this is type-checked.
    visqol: Any = importlib.import_module("visqol").VisqolApi()
    visqol.create(mode="audio")
    items = material.items(given.samples)
    rows: list[Sequence[str]] = [("asked for", "what", "options", "MOS")]
    for case in contenders.cases(given.kbps, given.channels, 48000):
        sets = {"default": {}, **contenders.main_ones(case)}
        grades: dict[str, list[float]] = {name: [] for name in sets}
        for item in items:
            sound = item.prepared(case.rate_hz, case.channels)
            wanted_kbps: float | None = None
            for name, options in sets.items():
                coded = _coded(sound, case, options, wanted_kbps)
                wanted_kbps = wanted_kbps or coded.kbps
                mixed = [_mixed(one, case.rate_hz) for one in (sound, coded.sound)]
                grades[name].append(visqol.measure_from_arrays(*mixed, RATE_HZ).moslqo)
        for name, found in grades.items():
            told = _told(found, grades["default"] if name != "default" else None)
            rows.append((str(case), name, tables.spelled(sets[name]), told))
        print(table(rows), flush=True)
    return 0


def _coded(
    sound: NDArray[np.float32], case: Case, options: Mapping[str, str], wanted_kbps: float | None
) -> Coded:
    """Encode at the nominal bitrate, or so that it costs what the default did."""
    bitrate_bps = case.kbps * 1000.0
    for _ in range(_TRIES):
        coded = code(sound, rate_hz=case.rate_hz, bitrate_bps=round(bitrate_bps), options=options)
        if wanted_kbps is None or abs(coded.kbps / wanted_kbps - 1) <= _SAME_BITRATE:
            break
        bitrate_bps *= wanted_kbps / coded.kbps
    return coded


def _mixed(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    return np.asarray(resampled(sound.astype(np.float64), rate_hz, RATE_HZ).mean(axis=0))


def _told(grades: Sequence[float], base: Sequence[float] | None) -> str:
    if base is None:
        return f"{fmean(grades):.2f}"
    gaps = [one - other for one, other in zip(grades, base, strict=True)]
    return f"{fmean(gaps):+.2f} ± {2 * stdev(gaps) / len(gaps) ** 0.5:.2f}"


if __name__ == "__main__":
    sys.exit(main())
