"""
Settings of the encoder against FFmpeg's default ones: who sounds better with the same bits.

Encoders miss the bitrate they are asked for, each in its own way, and whoever spends more sounds
better. So each sound is encoded again until it costs what the default really spent on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, stdev
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.quality.coder import Coded, code, code_mp3
from bench.quality.material import Item
from bench.quality.measure import Measured, Reference

_View: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_Encode: TypeAlias = Callable[[float], tuple[Coded, Measured]]  # At a bitrate in bit/s.

_SAME_BITRATE = 0.01
_TRIES = 3
# Outside of what was made, a line through two points says little.
_FURTHEST = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was asked for."""

    kbps: int
    channels: int
    rate_hz: int
    coding: Literal["aac", "mp3"] = "aac"

    def __str__(self) -> str:
        sides = "mono" if self.channels == 1 else "stereo"
        return f"{self.kbps} kbps {sides}, {self.rate_hz / 1000:g} kHz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One sound with one set of options."""

    item: str
    kbps: float  # Made when the nominal bitrate is asked for.
    cpu_s: float
    seconds: float
    asked: Measured  # At the nominal bitrate, whatever it became.
    equal: Measured  # At the bitrate that the default made of this sound.


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mean of paired differences with twice its standard error; negative is better."""

    mean: float
    doubt: float

    @property
    def sure(self) -> bool:
        """Tell whether the difference stands out from the differences between sounds."""
        return abs(self.mean) > self.doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One set of options against the default, over all sounds."""

    case: Case
    name: str
    options: Mapping[str, str]
    trials: tuple[Trial, ...]
    nmr_db: Difference
    segmental_nmr_db: Difference
    grade: Difference  # Turned round, so that negative is better here too.
    kbps: float
    cpu_ratio: float  # CPU of the default by that of these options: how many times as fast.
    worst_item: str  # The sound that loses most, and what, as a segmental ratio.
    worst_db: float


def run(
    case: Case,
    contenders: Mapping[str, Mapping[str, str]],
    items: Iterable[Item],
    *,
    sum_and_difference: bool = False,
) -> list[Outcome]:
    """
    Encode every sound with every set of options; the default comes first in the answer.

    With *sum_and_difference*, these are measured instead of left and right. BS.1387 does not ask
    for it, but it shows what joint stereo does to the image and to who hears both as one.
    """
    heard = _sum_and_difference if sum_and_difference else _as_it_is
    base: list[Trial] = []
    others: dict[str, list[Trial]] = {name: [] for name in contenders}
    for item in items:
        sound = item.prepared(case.rate_hz, case.channels)
        encode = partial(_encode, sound, Reference(heard(sound), case.rate_hz), case, heard)
        first = _trial(item, sound, case, None, partial(encode, {}))
        base.append(first)
        for name, options in contenders.items():
            others[name].append(_trial(item, sound, case, first.kbps, partial(encode, options)))
    outcomes = [_outcome(case, "default", {}, base, base)]
    return outcomes + [
        _outcome(case, name, contenders[name], trials, base) for name, trials in others.items()
    ]


def difference(
    trials: Sequence[Trial], base: Sequence[Trial], of: Callable[[Measured], float]
) -> Difference:
    """Compare two rows of trials sound by sound, at equal bitrate."""
    gaps = [of(one.equal) - of(two.equal) for one, two in zip(trials, base, strict=True)]
    doubt = 2 * stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("inf")
    return Difference(mean=fmean(gaps), doubt=doubt)


def _outcome(
    case: Case,
    name: str,
    options: Mapping[str, str],
    trials: Sequence[Trial],
    base: Sequence[Trial],
) -> Outcome:
    worst_db, worst_item = max(
        (one.equal.segmental_nmr_db - two.equal.segmental_nmr_db, one.item)
        for one, two in zip(trials, base, strict=True)
    )
    return Outcome(
        case=case,
        name=name,
        options=options,
        trials=tuple(trials),
        nmr_db=difference(trials, base, lambda measured: measured.nmr_db),
        segmental_nmr_db=difference(trials, base, lambda measured: measured.segmental_nmr_db),
        grade=difference(trials, base, lambda measured: -measured.grade),
        kbps=_mean_kbps(trials),
        cpu_ratio=sum(one.cpu_s for one in base) / sum(one.cpu_s for one in trials),
        worst_item=worst_item,
        worst_db=worst_db,
    )


def _mean_kbps(trials: Sequence[Trial]) -> float:
    return sum(t.kbps * t.seconds for t in trials) / sum(t.seconds for t in trials)


def _encode(
    sound: NDArray[np.float32],
    reference: Reference,
    case: Case,
    heard: _View,
    options: Mapping[str, str],
    bitrate_bps: float,
) -> tuple[Coded, Measured]:
    bps = round(bitrate_bps)
    encode = code if case.coding == "aac" else code_mp3
    coded = encode(sound, rate_hz=case.rate_hz, bitrate_bps=bps, options=options)
    return coded, reference.measure(heard(coded.sound))


def _as_it_is(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    return sound


def _sum_and_difference(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([sound[0] + sound[1], sound[0] - sound[1]]).astype(np.float32) / np.float32(2)


def _trial(
    item: Item, sound: NDArray[np.float32], case: Case, wanted_kbps: float | None, at: _Encode
) -> Trial:
    coded, asked = at(case.kbps * 1000)
    equal = asked
    if wanted_kbps is not None:
        equal = _at_equal_bitrate(case.kbps * 1000, coded.kbps, asked, wanted_kbps, at)
    return Trial(
        item=item.name,
        kbps=coded.kbps,
        cpu_s=coded.cpu_s,
        seconds=sound.shape[1] / case.rate_hz,
        asked=asked,
        equal=equal,
    )


def _at_equal_bitrate(
    asked_bps: float,
    made_kbps: float,
    measured: Measured,
    wanted_kbps: float,
    at: _Encode,
) -> Measured:
    """Ask for more or less until what is made is what is wanted, or a line can be drawn to it."""
    points = [(made_kbps, measured)]
    for _ in range(_TRIES - 1):
        if abs(points[-1][0] / wanted_kbps - 1) <= _SAME_BITRATE:
            break
        asked_bps *= wanted_kbps / points[-1][0]
        coded, measured = at(asked_bps)
        points.append((coded.kbps, measured))
    return between(points, wanted_kbps)


def between(points: Sequence[tuple[float, Measured]], wanted_kbps: float) -> Measured:
    """Read off what two encodings next to a bitrate say of it, along the bitrate's logarithm."""
    near, *rest = sorted(points, key=lambda point: abs(np.log(point[0] / wanted_kbps)))
    other = next((point for point in rest if abs(point[0] / near[0] - 1) > _SAME_BITRATE), None)
    if other is None or abs(near[0] / wanted_kbps - 1) <= _SAME_BITRATE:
        return near[1]
    part = np.log(wanted_kbps / near[0]) / np.log(other[0] / near[0])
    part = float(np.clip(part, -_FURTHEST, 1.0))

    def along(of: Callable[[Measured], float]) -> float:
        return (1 - part) * of(near[1]) + part * of(other[1])

    return Measured(
        nmr_db=along(lambda m: m.nmr_db),
        segmental_nmr_db=along(lambda m: m.segmental_nmr_db),
        disturbed=along(lambda m: m.disturbed),
        grade=along(lambda m: m.grade),
    )
