"""
The one spelling of a plan, and the key made of it.

Two URLs that mean the same must be one artifact and one bill, so the spelling names every
parameter with the value that is used, in a fixed order, and leaves out what has no effect.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from transforms.plan import Clip, TransformPlan, TrimMode, Variant
from transforms.rates import khz

# Changing what a spelling means (not how well it is encoded) needs a new number here.
_SPELLING = "1"


def spell(plan: TransformPlan) -> str:
    """Spell a plan as a URL path that parses back to the same plan."""
    primary = plan.clips[0]
    pairs = [("f", str(plan.format)), *_output(plan)]
    for variant in plan.variants:
        pairs += _variant(variant)
    pairs += _clip(primary)
    for clip in plan.clips[1:]:
        pairs += [("append", clip.path), *_clip(clip)]
    spelled = "&".join(f"{name}={quote(value, safe='/:,')}" for name, value in pairs)
    return f"/{plan.account}/audio{quote(primary.path)}?{spelled}"


def key(plan: TransformPlan, source_versions: Sequence[str]) -> str:
    """
    Hash a plan and the versions of its sources, in the order of its clips.

    Returns:
        64 hexadecimal digits: SHA-256 of a text in which no two different inputs look alike.
    """
    text = "\n".join((_SPELLING, spell(plan), *(quote(v) for v in source_versions)))
    return hashlib.sha256(text.encode()).hexdigest()


def _output(plan: TransformPlan) -> Iterator[tuple[str, str]]:
    shaping = plan.shaping
    if shaping.gain_centibels:
        yield "gain", f"{shaping.gain_centibels / 100:g}"
    if shaping.loudness_centilufs is not None:
        yield "norm", f"{shaping.loudness_centilufs / 100:g}"
    if shaping.fade_in_ms:
        yield "fi", f"{shaping.fade_in_ms / 1000:g}"
    if shaping.fade_out_ms:
        yield "fo", f"{shaping.fade_out_ms / 1000:g}"
    if plan.container is not None:
        yield "container", str(plan.container)
    if plan.version is not None:
        yield "v", plan.version


def _variant(variant: Variant) -> Iterator[tuple[str, str]]:
    if variant.bitrate_bps is not None:
        yield "br", str(variant.bitrate_bps // 1000)
    if variant.points is None:
        yield "sr", khz(variant.sample_rate_hz)
    else:
        yield "pts", str(variant.points)
    if variant.channels is not None:
        yield "ch", str(variant.channels)
    if variant.bit_depth is not None:
        yield "bd", variant.bit_depth
    if variant.real_time is not None:
        yield "rt", str(variant.real_time)


def _clip(clip: Clip) -> Iterator[tuple[str, str]]:
    if clip.start is not None:
        yield "ts", str(clip.start)
    if clip.end is not None:
        yield "te", str(clip.end)
    if clip.trim_mode is not TrimMode.BEFORE_REPEAT:
        yield "tm", str(clip.trim_mode)
    if clip.repeat != 1:
        yield "rp", str(clip.repeat)
    if clip.track != 1:
        yield "track", str(clip.track)
