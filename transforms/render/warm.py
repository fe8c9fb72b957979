"""What a process does once, so that those forked from it start warm."""

from __future__ import annotations

import io

import av
import numpy as np
from av.codec import CodecContext

from transforms.audio import lame
from transforms.audio.cover import warm_covers
from transforms.audio.decode import decode
from transforms.audio.filters import Conformer
from transforms.audio.open import DECODERS
from transforms.audio.probe import probe
from transforms.mux import wav
from transforms.plan import Encoding
from transforms.render.single import FileSource


def warm() -> None:
    """
    Load every codec once, so that a process forked from this one starts warm.

    After a fork nothing may be loaded lazily: the sandbox forbids it.
    """
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
