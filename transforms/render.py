"""
The engine: a plan, its sources and a sink in, verified artifact files out.

The pipeline reads from top to bottom in ``_sound``: decode the spans one after another, bring
them to one kind, shape them, watch the limits. Whatever the format, it is the same sound that
arrives at its writer, and the same check that reads the result back.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from transforms.audio import lame, peaks
from transforms.audio.decode import decode
from transforms.audio.filters import Block, Conformer, shape
from transforms.audio.loudness import measure
from transforms.audio.open import DECODERS, open_track
from transforms.audio.probe import probe
from transforms.audio.survey import survey
from transforms.audio.tags import read_tags
from transforms.formats import FORMATS, Codec, Format
from transforms.mux import adts, libav, mp3, wav
from transforms.plan import (
    Encoding,
    RenderedFile,
    RenderPlan,
    RenderReport,
    Shaping,
)
from transforms.problems import OutputTooLarge, RenderFailed
from transforms.sinks import Sink
from transforms.sources import Source

Write = Callable[[BinaryIO, Encoding, Mapping[str, str], Iterable[Block]], None]

WRITERS: Mapping[Format, Write] = {
    Format.MP3: mp3.write,
    Format.AAC: adts.write,
    Format.M4A: libav.write_m4a,
    Format.OPUS: libav.write_opus,
    Format.FLAC: libav.write_flac,
    Format.WAV_RIFF: wav.write_riff,
    Format.WAV_RF64: wav.write_rf64,
    Format.PEAKS: peaks.write_json,
    Format.WAVEFORM: peaks.write_svg,
}


def render(plan: RenderPlan, sources: Sequence[Source], sink: Sink) -> RenderReport:
    """
    Make the files of one artifact.

    Args:
        plan: What to make; every number settled.

        sources: The bytes of each clip, in the plan's order.

        sink: Where the files go; nothing is published here.

    Returns:
        What was made, after reading it back.

    Raises:
        UnsupportedMedia: A source cannot be decoded.
        OutputTooLarge: The sound is longer, or the file larger, than the plan allows.
        RenderFailed: The encoder failed, or the file is not what was planned.
    """
    spec = FORMATS[plan.format]
    encoding = plan.encodings[0]
    if spec.artifact is None or plan.format not in WRITERS:
        raise RenderFailed(f"The format {plan.format} is not a single file.")
    sound = _Sound(plan, encoding, sources, sink)
    file = sink.create(spec.artifact)
    with file:
        try:
            WRITERS[plan.format](file, encoding, _tags(plan, sources), sound.blocks())
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


def _encoder_name(codec: Codec | None, encoding: Encoding) -> str:
    match codec:
        case Codec.MP3:
            return mp3.encoder_name()
        case None:
            return "numpy"
        case _:
            return f"libav {codec}"


class _Sound:
    """The timeline as blocks for one encoding, counted while they pass."""

    def __init__(
        self, plan: RenderPlan, encoding: Encoding, sources: Sequence[Source], sink: Sink
    ) -> None:
        self._plan = plan
        self._encoding = encoding
        self._sources = sources
        self._sink = sink
        self.samples = 0

    def blocks(self) -> Iterator[Block]:
        encoding = self._encoding
        blocks = self._conformed()
        shaping = self._plan.shaping
        if shaping != Shaping():
            gain_db = self._loudness_gain_db(shaping.loudness_centilufs)
            blocks = shape(blocks, shaping, encoding.sample_rate_hz, loudness_gain_db=gain_db)
        return self._watched(blocks)

    def _conformed(self) -> Iterator[Block]:
        conformer = Conformer(
            sample_rate_hz=self._encoding.sample_rate_hz,
            channels=self._encoding.channels,
            sample_format=_sample_format(self._plan),
        )
        return conformer.conform(itertools.chain.from_iterable(self._spans()))

    def _loudness_gain_db(self, target_centilufs: int | None) -> float:
        """Decode the whole timeline once to find out how loud it is, if that is to change."""
        if target_centilufs is None:
            return 0.0
        found = measure(
            self._conformed(),
            sample_rate_hz=self._encoding.sample_rate_hz,
            channels=self._encoding.channels,
        )
        return found.gain_to(target_centilufs / 100)

    def _spans(self) -> Iterator[Iterator[AudioFrame]]:
        for span in self._plan.spans:
            yield decode(
                self._sources[span.source],
                track=self._plan.tracks[span.source],
                start=span.start_samples,
                end=span.end_samples,
            )

    def _watched(self, blocks: Iterable[Block]) -> Iterator[Block]:
        limits, rate = self._plan.limits, self._encoding.sample_rate_hz
        most = limits.duration_ms * rate // 1000
        expected = Fraction(self._plan.expected_ms or 0, 1000) * rate
        for block in blocks:
            self.samples += block.shape[1]
            if self.samples > most:
                raise OutputTooLarge(
                    f"The output passes {limits.duration_ms // 1000} s, the longest that is made."
                )
            if expected:
                self._sink.progress(min(0.99, float(self.samples / expected)))
            yield block


def _sample_format(plan: RenderPlan) -> str:
    """Keep integers integers where the output is integers: no rounding, no dither needed."""
    if FORMATS[plan.format].lossless and plan.shaping == Shaping():
        return {"16": "s16p", "24": "s32p", "32f": "fltp"}[plan.encodings[0].bit_depth or "16"]
    return "fltp"


def _tags(plan: RenderPlan, sources: Sequence[Source]) -> Mapping[str, str]:
    """The primary file's tags describe the output, whatever is appended."""
    with open_track(sources[0], plan.tracks[0]) as (container, stream):
        return read_tags(container, stream)


class _FileSource:
    """A finished file, read back as a source."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self.size_bytes = size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)


def _verify(file: BinaryIO, size_bytes: int, encoding: Encoding, samples: int) -> None:
    """Read a finished file's packets and compare them with what was put in."""
    facts = survey(_FileSource(file, size_bytes), exact=True)
    expected = Fraction(samples, encoding.sample_rate_hz)
    made = facts.duration or Fraction(0)
    # Every format states where its sound begins and ends; Opus does so at 48 kHz, hence the one.
    if abs(made - expected) * encoding.sample_rate_hz > 1:
        raise RenderFailed(
            f"The finished file holds {float(made):.4f} s instead of {float(expected):.4f} s."
        )


def warm() -> None:
    """
    Load every codec once, so that a process forked from this one starts warm.

    After a fork nothing may be loaded lazily: the sandbox forbids it.
    """
    for name in (*DECODERS, "libmp3lame", "libopus"):
        if name in av.codecs_available:
            CodecContext.create(name, "w" if name == "libmp3lame" else "r")
    lame.load()
    file = io.BytesIO()
    encoding = Encoding(
        bitrate_bps=None, average=False, sample_rate_hz=44100, channels=1, bit_depth="16"
    )
    wav.write_riff(file, encoding, {}, [np.zeros((1, 44100), np.int16)])
    source = _FileSource(file, file.seek(0, io.SEEK_END))
    probe(source)
    conformer = Conformer(sample_rate_hz=48000, channels=2, sample_format="fltp")
    for _ in conformer.conform(decode(source)):
        pass
