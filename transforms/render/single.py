"""
Formats of one file: the sound handed to the format's writer, the result read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import BinaryIO

import av

from transforms.audio import peaks
from transforms.audio.filters import Block
from transforms.audio.survey import survey
from transforms.formats import FORMATS, Codec, Format
from transforms.mux import adts, libav, mp3, mp4, wav
from transforms.plan import Encoding, RenderedFile, RenderPlan, RenderReport
from transforms.problems import RenderFailed
from transforms.render.sound import Sound, decoded, loudness_gain_db, tags
from transforms.sinks import Sink
from transforms.sources import Source

# They encode with as many threads as ``threads`` says.
PARALLEL_WRITERS: Mapping[Format, Callable[..., None]] = {
    Format.AAC: adts.write,
    Format.M4A: mp4.write,
    Format.MP3: mp3.write,
}

Write = Callable[[BinaryIO, Encoding, Mapping[str, str], Iterable[Block]], None]

WRITERS: Mapping[Format, Write] = {
    Format.OPUS: libav.write_opus,
    Format.FLAC: libav.write_flac,
    Format.WAV_RIFF: wav.write_riff,
    Format.WAV_RF64: wav.write_rf64,
    Format.PEAKS: peaks.write_json,
    Format.WAVEFORM: peaks.write_svg,
}


def render_single(
    plan: RenderPlan, sources: Sequence[Source], sink: Sink, *, threads: int
) -> RenderReport:
    """Make the one file of an artifact; raises as ``render``."""
    spec = FORMATS[plan.format]
    encoding = plan.encodings[0]
    write = _writer(plan.format, threads)
    if spec.artifact is None or write is None:
        raise RenderFailed(f"The format {plan.format} is not a single file.")
    sound = Sound(
        plan,
        encoding,
        decoded(plan, sources),
        loudness_gain_db=loudness_gain_db(plan, sources),
        progress=sink.progress,
    )
    file = sink.create(spec.artifact)
    with file:
        try:
            write(file, encoding, tags(plan, sources), sound.blocks())
        except av.error.FFmpegError as problem:
            raise RenderFailed("The encoder or the file writer failed.") from problem
        file.flush()
        size = file.seek(0, 2)
        if not sound.samples:
            raise RenderFailed("There is no sound in the output.", code="no_audio")
        if not spec.drawn:
            _verify(file, size, encoding, sound.samples)
    sink.progress(1.0)
    return RenderReport(
        samples=sound.samples,
        sample_rate_hz=encoding.sample_rate_hz,
        files=(RenderedFile(path=spec.artifact, media_type=spec.media_type, size_bytes=size),),
        encoder=_encoder_name(spec.codec, encoding),
    )


def _writer(output: Format, threads: int) -> Write | None:
    if output in PARALLEL_WRITERS:
        return partial(PARALLEL_WRITERS[output], threads=threads)
    return WRITERS.get(output)


def _encoder_name(codec: Codec | None, encoding: Encoding) -> str:
    match codec:
        case Codec.MP3:
            return mp3.encoder_name()
        case None:
            return "numpy"
        case _:
            return f"libav {codec}"


class FileSource:
    """A finished file, read back as a source."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self.size_bytes = size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)


def _verify(file: BinaryIO, size_bytes: int, encoding: Encoding, samples: int) -> None:
    """Read a finished file's packets and compare them with what was put in."""
    facts = survey(FileSource(file, size_bytes), exact=True)
    expected = Fraction(samples, encoding.sample_rate_hz)
    made = facts.duration or Fraction(0)
    # Every format states where its sound begins and ends; Opus does so at 48 kHz, hence the one.
    if abs(made - expected) * encoding.sample_rate_hz > 1:
        raise RenderFailed(
            f"The finished file holds {float(made):.4f} s instead of {float(expected):.4f} s."
        )
