"""
From a plan and its sources' facts to integer samples: the last step that can refuse cheaply.

Pure arithmetic, so that the server can do it without a decoder. Seed, "Audio Trimming API": a
start past the end is an error, an end past the end changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from transforms.formats import FORMATS, Format, fits_one_channel
from transforms.plan import (
    Clip,
    Encoding,
    Landmarks,
    Length,
    Limits,
    RealTime,
    RenderPlan,
    SourceFacts,
    Span,
    TransformPlan,
    TrimMode,
    Variant,
)
from transforms.problems import BadParameter, OutputTooLarge

MOST_CHANNELS = 2

# RIFF sizes are 32 bits; the header and its tags are allowed for (EBU Tech 3306, section 1).
LARGEST_RIFF_BYTES = 2**32 - 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedClip:
    """A clip's cut in seconds and samples of its source, as people are shown it."""

    path: str
    sample_rate_hz: int
    start_samples: int
    end_samples: int | None
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A plan against its sources; ``duration`` is an estimate where a source's length is."""

    render: RenderPlan
    clips: tuple[ResolvedClip, ...]
    duration: Fraction | None
    exact: bool


def resolve(plan: TransformPlan, facts: Sequence[SourceFacts], limits: Limits) -> Resolved:
    """
    Turn a plan into spans of samples and encodings with nothing left open.

    Args:
        plan: What the URL asks for.

        facts: One survey for each clip, in order.

        limits: What one artifact may be at most.

    Raises:
        BadParameter: A trim does not fit its source.
        OutputTooLarge: The result would be longer or larger than allowed; for RIFF past 4 GB the
            message names ``wav-rf64``.
    """
    spans: list[Span] = []
    clips: list[ResolvedClip] = []
    lengths: list[Length] = []
    duration: Fraction | None = Fraction(0)
    for index, (clip, fact) in enumerate(zip(plan.clips, facts, strict=True)):
        resolved = _cut(clip, fact)
        clips.append(resolved)
        placed = list(_place(index, clip, fact, resolved))
        spans += placed
        held = _lengths(placed, fact)
        lengths += held or ()
        if duration is not None:
            duration = None if held is None else sum((one.seconds for one in held), duration)
    channels = min(MOST_CHANNELS, max(fact.channels for fact in facts))
    # If none is to be shown while it is made, the fastest is (seed, rt=false): no one waits then.
    deferring = any(v.real_time is not RealTime.FALSE for v in plan.variants)
    encodings = tuple(
        replace(
            _encoding(v, plan.format, channels),
            deferred=deferring and v.real_time is RealTime.FALSE,
        )
        for v in plan.variants
    )
    if duration is not None:
        _refuse_too_large(plan.format, encodings, duration, limits)
    exact = duration is not None and all(fact.exact for fact in facts)
    return Resolved(
        render=RenderPlan(
            format=plan.format,
            spans=tuple(spans),
            tracks=tuple(clip.track for clip in plan.clips),
            encodings=encodings,
            shaping=plan.shaping,
            limits=limits,
            expected_ms=None if duration is None else round(duration * 1000),
            container=plan.container,
            lengths=tuple(lengths) if exact else None,
            landmarks=_landmarks(plan, facts) if exact else (),
        ),
        clips=tuple(clips),
        duration=duration,
        exact=exact,
    )


def _landmarks(plan: TransformPlan, facts: Sequence[SourceFacts]) -> tuple[Landmarks | None, ...]:
    """Only what is made in pieces is entered in the middle."""
    return tuple(fact.landmarks for fact in facts) if FORMATS[plan.format].segmented else ()


def bytes_a_second(encoding: Encoding) -> int:
    """Estimate how fast a single file grows."""
    if encoding.points is not None:
        return 0
    if encoding.bitrate_bps is not None:
        return encoding.bitrate_bps // 8
    return encoding.sample_rate_hz * encoding.channels * sample_bytes(encoding.bit_depth)


def sample_bytes(bit_depth: str | None) -> int:
    """Bytes that one sample of one channel takes in PCM."""
    return {"16": 2, "24": 3, "32f": 4}[bit_depth or "16"]


def _cut(clip: Clip, fact: SourceFacts) -> ResolvedClip:
    rate, frame = fact.sample_rate_hz, fact.frame_samples
    start = clip.start.to_samples(rate, frame, "ts") if clip.start else 0
    end = clip.end.to_samples(rate, frame, "te") if clip.end else None
    if end is not None and start >= end:
        raise BadParameter("te", str(clip.end), f"a point after ts={clip.start}")
    length = fact.samples
    if length is not None and fact.exact and clip.trim_mode is TrimMode.AFTER_REPEAT:
        length *= clip.repeat
    if length is not None and fact.exact:
        if start and start >= length:
            seconds = float(Fraction(length, rate))
            raise BadParameter(
                "ts", str(clip.start), f"a point before the end of {clip.path}, {seconds:g} s"
            )
        end = None if end is not None and end >= length else end
    return ResolvedClip(
        path=clip.path,
        sample_rate_hz=rate,
        start_samples=start,
        end_samples=end,
        repeat=clip.repeat,
    )


def _place(index: int, clip: Clip, fact: SourceFacts, cut: ResolvedClip) -> Iterator[Span]:
    if clip.trim_mode is TrimMode.BEFORE_REPEAT:
        span = Span(source=index, start_samples=cut.start_samples, end_samples=cut.end_samples)
        yield from [span] * clip.repeat
        return
    # The repeated run is cut as a whole, so its plays need lengths before one is decoded.
    if fact.samples is None or not fact.exact:
        raise BadParameter(
            "tm",
            str(clip.trim_mode),
            "before-repeat, because the length of this file is only known once it is decoded",
        )
    end = clip.repeat * fact.samples if cut.end_samples is None else cut.end_samples
    for play in range(clip.repeat):
        first = max(cut.start_samples - play * fact.samples, 0)
        last = min(end - play * fact.samples, fact.samples)
        if first < last:
            whole = None if last == fact.samples else last
            yield Span(source=index, start_samples=first, end_samples=whole)


def _lengths(spans: Sequence[Span], fact: SourceFacts) -> list[Length] | None:
    """Tell how long each span is, as far as the source's length is known or claimed."""
    ends: list[int] = []
    for span in spans:
        if span.end_samples is not None:
            ends.append(span.end_samples)
        elif fact.samples is not None:
            ends.append(fact.samples)
        else:
            return None
    return [
        Length(samples=max(0, end - span.start_samples), sample_rate_hz=fact.sample_rate_hz)
        for span, end in zip(spans, ends, strict=True)
    ]


def _encoding(variant: Variant, output: Format, source_channels: int) -> Encoding:
    # A drawing shows one line of sound unless it is asked for two.
    widest = 1 if variant.points is not None else source_channels
    fits_mono = fits_one_channel(FORMATS[output].codec, variant.bitrate_bps, variant.sample_rate_hz)
    return Encoding(
        bitrate_bps=variant.bitrate_bps,
        average=variant.average,
        sample_rate_hz=variant.sample_rate_hz,
        channels=(variant.channels or widest) if fits_mono else MOST_CHANNELS,
        bit_depth=variant.bit_depth,
        points=variant.points,
    )


def _refuse_too_large(
    output: Format, encodings: Sequence[Encoding], duration: Fraction, limits: Limits
) -> None:
    if duration * 1000 > limits.duration_ms:
        raise OutputTooLarge(
            f"The output would be {float(duration):.0f} s long; "
            f"at most {limits.duration_ms // 1000} s are made.",
            details={"seconds": float(duration), "mostSeconds": limits.duration_ms / 1000},
        )
    size = max((bytes_a_second(encoding) * duration for encoding in encodings), default=0)
    if output is Format.WAV_RIFF and size > LARGEST_RIFF_BYTES:
        raise OutputTooLarge(
            f"The output would be {float(size) / 1e9:.1f} GB, and a RIFF file ends at 4 GB: "
            "use f=wav-rf64.",
            code="riff_too_large",
            details={"parameter": "f", "value": "wav-riff", "expected": "wav-rf64"},
        )
    if size > limits.file_bytes:
        raise OutputTooLarge(
            f"The output would be {float(size) / 1e9:.1f} GB; "
            f"at most {limits.file_bytes / 1e9:.1f} GB are made.",
            details={"bytes": int(size), "mostBytes": limits.file_bytes},
        )
