"""What a tempo is; apart from how it is found, so that the server can speak of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """
    How fast a sound's beat is.

    ``bpm`` is in beats a minute, in steps of 0.1. ``confidence``, from 0 to 1, says how much the
    sound repeats itself after a beat; which of two tempos an octave apart is the one that people
    tap to, it does not say.
    """

    bpm: float
    confidence: float
