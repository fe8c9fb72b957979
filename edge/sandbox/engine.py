"""The jobs of production. Imports PyAV, so only a zygote may import it."""

from __future__ import annotations

from edge.sandbox.jobs import Jobs
from transforms.audio.cover_thumbnail import thumbnail
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey
from transforms.audio.tempo_beats import tempo_of
from transforms.render import render, warm

ENGINE = Jobs(
    warm=warm, survey=survey, probe=probe, picture=thumbnail, tempo=tempo_of, render=render
)
