"""
HLS: one decode feeding every variant, each encoded by a thread of its own.

Variants of one sample rate and channel count share their sound; their packets are cut on the
common grid, and a segment is announced when all of its bytes are written, so that it can be
played while the rest is being made. The playlists come last.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import av

from transforms.audio.encode import AacEncoder
from transforms.formats import FORMATS, HLS_MEDIA_TYPE
from transforms.manifests import hls
from transforms.manifests.grid import Grid
from transforms.mux.fmp4 import Fmp4Muxer
from transforms.mux.mpegts import TsMuxer
from transforms.mux.segmenter import cut
from transforms.mux.segments import SegmentMuxer
from transforms.plan import Container, Encoding, RenderedFile, RenderPlan, RenderReport, Segment
from transforms.problems import RenderFailed
from transforms.render.pipe import Abandoned, Pipe
from transforms.render.sound import Sound, decoded, loudness_gain_db
from transforms.sinks import Sink
from transforms.sources import Source

# How far the variants that are shown while they are made get ahead of those that are not: three
# target durations, the least that a growing playlist should hold (RFC 8216, 6.2.2).
_HEAD_START_TARGETS = 3


@dataclass(slots=True, kw_only=True)
class _Variant:
    """One variant on its way: what it is fed by, and what has come of it."""

    number: int
    encoding: Encoding
    pipe: Pipe = field(default_factory=Pipe)
    segments: list[Segment] = field(default_factory=list)
    files: list[RenderedFile] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Feed:
    """The sound of one sample rate and channel count, and the variants made of it."""

    sound: Sound
    rate: int
    variants: list[_Variant]

    @property
    def seconds(self) -> float:
        return self.sound.samples / self.rate


def render_segmented(plan: RenderPlan, sources: Sequence[Source], sink: Sink) -> RenderReport:
    """
    Make the segments and playlists of an HLS artifact; raises as ``render``.

    A source that fails half-way is raised after what came before it has become segments.
    """
    variants = [_Variant(number=number, encoding=e) for number, e in enumerate(plan.encodings)]
    maker = _Maker(plan, sink, variants)
    gain_db = loudness_gain_db(plan, sources)
    feeds = _feeds(plan, sources, sink, variants, gain_db)
    with ThreadPoolExecutor(len(variants), thread_name_prefix="variant") as pool:
        making = [pool.submit(maker.make, variant) for variant in variants]
        try:
            _drive(feeds, maker.head_start)
        except Abandoned:
            for variant in variants:
                variant.pipe.abandon()
        finally:
            for variant in variants:
                variant.pipe.close()
            maker.head_start.set()
    _raise_first(making)
    if not feeds[0].sound.samples:
        raise RenderFailed("There is no sound in the output.", code="no_audio")
    for variant, feed in ((v, f) for f in feeds for v in f.variants):
        _check(variant, feed)
    playlists = maker.write_playlists()
    sink.progress(1.0)
    return RenderReport(
        samples=feeds[0].sound.samples,
        sample_rate_hz=feeds[0].rate,
        files=(*playlists, *itertools.chain.from_iterable(v.files for v in variants)),
        encoder="libav aac",
    )


def _feeds(
    plan: RenderPlan,
    sources: Sequence[Source],
    sink: Sink,
    variants: Sequence[_Variant],
    gain_db: float,
) -> list[_Feed]:
    kinds: dict[tuple[int, int], list[_Variant]] = {}
    for variant in variants:
        kind = variant.encoding.sample_rate_hz, variant.encoding.channels
        kinds.setdefault(kind, []).append(variant)
    copies = itertools.tee(decoded(plan, sources), len(kinds))
    return [
        _Feed(
            sound=Sound(
                plan,
                members[0].encoding,
                frames,
                loudness_gain_db=gain_db,
                progress=sink.progress if members[0].number == 0 else None,
            ),
            rate=rate,
            variants=members,
        )
        for ((rate, _), members), frames in zip(kinds.items(), copies, strict=True)
    ]


def _drive(feeds: Sequence[_Feed], head_start: threading.Event) -> None:
    """Decode, whichever feed is furthest behind next, so that what they share is let go of."""
    flows = [(feed, feed.sound.blocks()) for feed in feeds]
    while flows:
        flow = min(flows, key=lambda pair: pair[0].seconds)
        feed, blocks = flow
        block = next(blocks, None)
        if block is None:
            flows.remove(flow)
            for variant in feed.variants:
                variant.pipe.close()
            continue
        for variant in feed.variants:
            if variant.pipe.full:
                # Who waits for the others must not be what they wait for.
                head_start.set()
            variant.pipe.put(block)


def _raise_first(making: Sequence[Future[None]]) -> None:
    """Raise what a variant's thread failed of, rather than what that meant for the others."""
    problems = [problem for future in making if (problem := future.exception())]
    problems.sort(key=lambda problem: isinstance(problem, Abandoned))
    for problem in problems:
        raise problem


def _check(variant: _Variant, feed: _Feed) -> None:
    planned = feed.sound.samples
    made = hls.total_samples(variant.segments)
    if made != planned:
        raise RenderFailed(f"Variant {variant.number} holds {made} samples instead of {planned}.")


class _Maker:
    """Makes variants, each in the thread that asks for it."""

    def __init__(self, plan: RenderPlan, sink: Sink, variants: Sequence[_Variant]) -> None:
        self._container = plan.container or Container.TS
        self._real_time = FORMATS[plan.format].real_time
        self._sink = sink
        self._variants = variants
        self._grid = Grid(variant.encoding.sample_rate_hz for variant in variants)
        self._head_start_seconds = _HEAD_START_TARGETS * self._grid.target_seconds
        self._ahead = {v.number for v in variants if not v.encoding.deferred}
        self.head_start = threading.Event()

    def make(self, variant: _Variant) -> None:
        """Encode a variant from its pipe into segments."""
        try:
            if variant.encoding.deferred:
                self.head_start.wait()
            self._make(variant)
        except av.error.FFmpegError as problem:
            variant.pipe.abandon()
            raise RenderFailed("The encoder failed.") from problem
        except BaseException:
            variant.pipe.abandon()
            raise

    def write_playlists(self) -> list[RenderedFile]:
        """Write the media playlists, then the multivariant playlist that leads to them."""
        target_seconds = self._grid.target_seconds
        texts = {
            hls.media_playlist_path(variant.number): hls.media_playlist(
                variant.segments,
                container=self._container,
                target_seconds=target_seconds,
                event=self._real_time,
                ended=True,
            )
            for variant in self._variants
        }
        streams = [
            hls.Stream(
                variant=v.number, bitrate_bps=v.encoding.bitrate_bps or 0, segments=v.segments
            )
            for v in self._variants
        ]
        texts[hls.MULTIVARIANT_PATH] = hls.multivariant_playlist(
            streams, container=self._container, target_seconds=target_seconds, complete=True
        )
        return [self._write(path, HLS_MEDIA_TYPE, text.encode()) for path, text in texts.items()]

    def _make(self, variant: _Variant) -> None:
        encoding = variant.encoding
        muxer = _muxer(self._container, encoding)
        encoder = AacEncoder(encoding)
        pieces = cut(
            encoder.encode(variant.pipe),
            self._grid,
            encoding.sample_rate_hz,
            lambda: encoder.samples,
        )
        for number, piece in enumerate(pieces):
            if piece.samples <= 0:
                break
            if number == 0 and (start := muxer.initialisation()) is not None:
                path = hls.initialisation_path(variant.number)
                variant.files.append(self._write(path, muxer.media_type, start))
            content = muxer.segment(
                piece.packets,
                first_packet=piece.first_packet,
                padding_samples=piece.padding_samples,
            )
            path = hls.segment_path(variant.number, number, self._container)
            variant.files.append(self._write(path, muxer.media_type, content))
            segment = Segment(
                variant=variant.number,
                path=path,
                first_sample=piece.first_sample,
                samples=piece.samples,
                sample_rate_hz=encoding.sample_rate_hz,
                size_bytes=len(content),
            )
            variant.segments.append(segment)
            self._sink.segment(segment)
            self._note_progress(variant, segment)
        self._note_end(variant)

    def _write(self, path: str, media_type: str, content: bytes) -> RenderedFile:
        with self._sink.create(path) as file:
            file.write(content)
            file.flush()
            size_bytes = file.seek(0, 2)
        if size_bytes != len(content):
            raise RenderFailed(f"{path} holds {size_bytes} bytes instead of {len(content)}.")
        return RenderedFile(path=path, media_type=media_type, size_bytes=size_bytes)

    def _note_progress(self, variant: _Variant, segment: Segment) -> None:
        end_seconds = (segment.first_sample + segment.samples) / segment.sample_rate_hz
        if end_seconds >= self._head_start_seconds:
            self._note_end(variant)

    def _note_end(self, variant: _Variant) -> None:
        """Let the deferred variants begin when all others are far enough."""
        self._ahead.discard(variant.number)
        if not self._ahead:
            self.head_start.set()


def _muxer(container: Container, encoding: Encoding) -> SegmentMuxer:
    match container:
        case Container.TS:
            return TsMuxer(encoding)
        case Container.MP4:
            return Fmp4Muxer(encoding)
