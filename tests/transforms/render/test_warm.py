"""After the warm-up nothing is loaded any more: workers can open no file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

# The files are made first and in another process, since making them loads what reading must not.
SCRIPT = """
import encodings, json, sys
from transforms.render.warm import warm
import edge.sandbox.worker
from tests.support.engine import LIMITS, read
from tests.support.memory import MemorySink, MemorySource
from transforms.audio.cover_thumbnail import thumbnail
from transforms.audio.describe.probe import probe
from transforms.audio.survey import survey
from transforms.audio.timeline import resolve
from transforms.problems import TransformProblem
from transforms.render import render

files = [bytes.fromhex(line) for line in sys.stdin.read().split()]
warm()
modules, codecs = set(sys.modules), set(encodings._cache)
for content in files:
    source = MemorySource(content)
    for look in (probe, thumbnail):
        try:
            look(source)
        except TransformProblem:
            pass
    for query in sys.argv[1:]:
        try:
            plan = resolve(read(query).plan, [survey(source, track=1, exact=True)], LIMITS).render
            render(plan, [source], MemorySink())
        except TransformProblem:
            pass
print(json.dumps([sorted(set(sys.modules) - modules), sorted(set(encodings._cache) - codecs)]))
"""

QUERIES = (
    *("f=mp3", "f=aac&gain=3&fi=0.1&fo=0.1", "f=m4a", "f=opus", "f=flac", "f=wav-riff&norm=-16"),
    *("f=hls-aac&br=64&br=128", "f=hls-aac&container=mp4", "f=peaks", "f=waveform", "f=cover"),
)


def test_nothing_is_loaded_after_the_warm_up() -> None:
    from tests.fuzz.corpus import corpus

    files = "\n".join(content.hex() for content in corpus().values())
    # RIFF's tags have no idea of an encoding.
    latin = corpus()["wav-16"].replace("Émile".encode(), "Émilie".encode("latin-1"))
    files += "\n" + latin.hex()
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *QUERIES],
        input=files,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [[], []]


def test_libav_starts_no_threads_of_its_own() -> None:
    script = """
import os
from tests.support import synth
from transforms.audio.stretches import encode_whole
from transforms.plan import Encoding
from transforms.render.warm import warm

warm()
encoding = Encoding(
    bitrate_bps=96000, average=False, sample_rate_hz=48000, channels=2, bit_depth=None
)
packets = encode_whole(encoding, [synth.noise(2_000_000, channels=2)])
next(packets)
print(len(os.listdir("/proc/self/task")))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) == 1
