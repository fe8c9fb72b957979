"""
The timeline as blocks of sound, whatever it is written to afterwards.

The pipeline reads from top to bottom in ``Sound.blocks``: bring the decoded spans to one kind,
shape them, watch the limits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from av.audio.frame import AudioFrame

from transforms.audio.decode import decode
from transforms.audio.filters import Block, Conformer, Landing, shape
from transforms.audio.loudness import measure
from transforms.audio.open import open_track
from transforms.audio.tags import read_tags
from transforms.formats import FORMATS
from transforms.plan import Encoding, RenderPlan, Shaping, Span
from transforms.problems import OutputTooLarge
from transforms.sources import Source


class Sound:
    """The timeline for one kind of encoding, counted while it passes."""

    def __init__(
        self,
        plan: RenderPlan,
        encoding: Encoding,
        frames: Iterable[AudioFrame],
        *,
        loudness_gain_db: float = 0.0,
        progress: Callable[[float], None] | None = None,
        landing: Landing | None = None,
    ) -> None:
        """
        Prepare the sound that *frames* make, from *landing* on if they do not begin at the start.
        """
        self._landing = landing or Landing()
        self._plan = plan
        self._encoding = encoding
        self._frames = frames
        self._loudness_gain_db = loudness_gain_db
        self._progress = progress
        self.samples = self._landing.position(encoding.sample_rate_hz)

    def blocks(self) -> Iterator[Block]:
        """
        Yield the sound.

        Raises:
            UnsupportedMedia, RenderFailed: A source cannot be decoded.
            OutputTooLarge: It passes the longest that may be made.
        """
        blocks = _conformed(self._plan, self._encoding, self._frames, self._landing)
        shaping = self._plan.shaping
        if shaping != Shaping():
            rate = self._encoding.sample_rate_hz
            blocks = shape(
                blocks,
                shaping,
                rate,
                loudness_gain_db=self._loudness_gain_db,
                first=self.samples,
                total=self._plan.samples(rate),
            )
        return self._watched(blocks)

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
            if expected and self._progress is not None:
                self._progress(min(0.99, float(self.samples / expected)))
            yield block


def decoded(
    plan: RenderPlan, sources: Sequence[Source], spans: Sequence[Span] | None = None
) -> Iterator[AudioFrame]:
    """Decode the plan's spans, or only *spans*, one after another."""
    return itertools.chain.from_iterable(
        decode(
            sources[span.source],
            track=plan.tracks[span.source],
            start=span.start_samples,
            end=span.end_samples,
            landmarks=plan.landmarks[span.source] if plan.landmarks else None,
        )
        for span in (plan.spans if spans is None else spans)
    )


def loudness_gain_db(plan: RenderPlan, sources: Sequence[Source]) -> float:
    """Decode the whole timeline once to find out how loud it is, if that is to change."""
    target_centilufs = plan.shaping.loudness_centilufs
    if target_centilufs is None:
        return 0.0
    encoding = plan.encodings[0]
    found = measure(
        _conformed(plan, encoding, decoded(plan, sources)),
        sample_rate_hz=encoding.sample_rate_hz,
        channels=encoding.channels,
    )
    return found.gain_to(target_centilufs / 100)


def tags(plan: RenderPlan, sources: Sequence[Source]) -> Mapping[str, str]:
    """Read the primary file's tags: they describe the output, whatever is appended."""
    with open_track(sources[0], plan.tracks[0]) as (container, stream):
        return read_tags(container, stream)


def _conformed(
    plan: RenderPlan,
    encoding: Encoding,
    frames: Iterable[AudioFrame],
    landing: Landing | None = None,
) -> Iterator[Block]:
    conformer = Conformer(
        sample_rate_hz=encoding.sample_rate_hz,
        channels=encoding.channels,
        sample_format=_sample_format(plan),
        landing=landing,
    )
    return conformer.conform(frames)


def _sample_format(plan: RenderPlan) -> str:
    """Keep integers integers, and in the order they are written in, where nothing changes them."""
    if FORMATS[plan.format].lossless and plan.shaping == Shaping():
        return {"16": "s16", "24": "s32", "32f": "flt"}[plan.encodings[0].bit_depth or "16"]
    return "fltp"
