"""What a process does once, so that those forked from it start warm."""

from __future__ import annotations

import codecs
import ctypes
import importlib
import io
from pathlib import Path

import av
import numpy as np
from av.codec import CodecContext

from transforms.audio import lame
from transforms.audio.cover import warm_covers
from transforms.audio.decode import decode
from transforms.audio.describe.probe import probe
from transforms.audio.filters import Conformer
from transforms.audio.open import DECODERS
from transforms.mux import wav
from transforms.plan import Encoding
from transforms.render.single import FileSource

# More than any header of an honest file takes in one piece; a few bytes may claim much more.
LARGEST_ALLOCATION_BYTES = 128 << 20


def warm() -> None:
    """
    Load every codec once, so that a process forked from this one starts warm.

    After a fork nothing may be loaded lazily: the sandbox forbids it.
    """
    # PyAV loads these when it first meets such a stream.
    for kind in ("audio", "video", "subtitles"):
        importlib.import_module(f"av.{kind}.codeccontext")
    # And Python these, for the tags of old files.
    for charset in ("cp1252", "latin-1"):
        codecs.lookup(charset)
    _bound_libav()
    for name in (*DECODERS, "libmp3lame", "libopus"):
        if name in av.codecs_available:
            CodecContext.create(name, "w" if name == "libmp3lame" else "r")
    warm_covers()
    lame.load()
    file = io.BytesIO()
    encoding = Encoding(
        bitrate_bps=None, average=False, sample_rate_hz=44100, channels=1, bit_depth="16"
    )
    wav.write_riff(file, encoding, {}, [np.zeros((1, 44100), np.int16)])
    source = FileSource(file, file.seek(0, io.SEEK_END))
    probe(source)
    conformer = Conformer(sample_rate_hz=48000, channels=2, sample_format="fltp")
    for _ in conformer.conform(decode(source)):
        pass


def _bound_libav() -> None:
    """
    Have libav refuse any single larger allocation, and start no threads of its own.

    ``av_max_alloc`` and ``av_cpu_force_count`` are for that, and PyAV has neither. Otherwise
    each filter graph, of which every encoder of PyAV's has one, starts a thread for each
    processor that no audio filter uses, up to 16 of 8 MiB of stack.
    """
    for library in (Path(av.__file__).parent.parent / "av.libs").glob("libavutil-*.so*"):
        calls = ctypes.CDLL(str(library))
        calls.av_max_alloc(ctypes.c_size_t(LARGEST_ALLOCATION_BYTES))
        calls.av_cpu_force_count(1)
