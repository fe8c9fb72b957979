"""``plan``, ``render`` and ``probe``: the engine by hand, without records or bills."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from cache.hot import HotCache
from cache.origins.folder import Folder
from cache.origins.mounts import Mounts
from cache.source import Reader
from cache.staging import Staging
from edge.fill.pricing import price_of
from edge.fill.problems import FileNotThere
from edge.fill.wanted import Wanted, find
from edge.library.files import Files
from edge.library.sounds import Sounds
from edge.settings import Settings
from edge.stores import open_buckets
from edge.workshop import Workshop, open_workshop
from transforms import canonical, grammar, planner
from transforms.audio.timeline import Resolved
from transforms.formats import FORMATS, Answer, Codec
from transforms.planner import TransformUrl
from transforms.problems import BadParameter

_PROBE_SECONDS = 60.0
_UNMADE = (Answer.PAGE, Answer.METADATA)


def plan(given: argparse.Namespace, settings: Settings) -> int:
    """Show what a URL would make and cost."""
    shown = asyncio.run(_planned(_understood(given.url), settings))
    if given.json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return 0
    for name, value in shown.items():
        if isinstance(value, list):
            for number, item in enumerate(value, 1):
                text = ", ".join(f"{k} {v}" for k, v in item.items() if v is not None)
                print(f"{name} {number}: {text}")
        elif value is not None:
            print(f"{name}: {value}")
    return 0


async def _planned(url: TransformUrl, settings: Settings) -> dict[str, object]:
    plan = url.plan
    shown: dict[str, object] = {
        "canonical": canonical.spell(plan),
        "format": str(plan.format),
        "artifact": url.spec.artifact,
    }
    async with _workshop(settings) as workshop:
        try:
            wanted = await find(workshop.sounds, url)
        except FileNotThere as missing:
            # Without its files a plan still has a spelling and rates.
            return shown | {
                "variants": [
                    {
                        "kbps": None if v.bitrate_bps is None else v.bitrate_bps // 1000,
                        "Hz": v.sample_rate_hz,
                    }
                    for v in plan.variants
                ],
                "note": f"{missing} So there are no durations and no price.",
            }
        shown["key"] = wanted.key
        if url.spec.answer is Answer.METADATA:
            return shown | {"price": "free"}
        resolved = await workshop.surveys.resolve(wanted, workshop.limits)
    return shown | _numbers(wanted, resolved)


def _numbers(wanted: Wanted, resolved: Resolved) -> dict[str, object]:
    clips = [
        {
            "file": clip.path,
            "plays": clip.repeat,
            "from": _point(clip.start_samples, clip.sample_rate_hz),
            "to": "the end"
            if clip.end_samples is None
            else _point(clip.end_samples, clip.sample_rate_hz),
        }
        for clip in resolved.clips
    ]
    is_mp3 = wanted.url.spec.codec is Codec.MP3
    variants = [
        {
            "kbps": None if e.bitrate_bps is None else e.bitrate_bps // 1000,
            "mode": ("ABR" if e.average else "CBR") if is_mp3 else None,
            "Hz": e.sample_rate_hz,
            "channels": e.channels,
            "bits": e.bit_depth,
        }
        for e in resolved.render.encodings
    ]
    shown: dict[str, object] = {"clips": clips, "variants": variants}
    if resolved.duration is not None:
        about = "" if resolved.exact else " (estimated)"
        price = price_of(wanted.key, wanted.url.plan, resolved.duration)
        shown["duration"] = f"{_decimal(resolved.duration)} s{about}"
        shown["price"] = f"{_decimal(price)} s of the processing quota{about}"
    return shown


def _point(samples: int, sample_rate_hz: int) -> str:
    return f"{_decimal(Fraction(samples, sample_rate_hz))} s (sample {samples})"


def _decimal(value: Fraction) -> str:
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def render(given: argparse.Namespace, settings: Settings) -> int:
    """Make what a URL describes."""
    return asyncio.run(_rendered(_understood(given.url), given.output, settings))


async def _rendered(url: TransformUrl, output: Path, settings: Settings) -> int:
    if url.spec.answer in _UNMADE:
        names = [str(name) for name, spec in FORMATS.items() if spec.answer not in _UNMADE]
        raise BadParameter("f", str(url.plan.format), "one of " + ", ".join(names))
    async with contextlib.AsyncExitStack() as stack:
        workshop = await stack.enter_async_context(_workshop(settings))
        wanted = await find(workshop.sounds, url)
        resolved = await workshop.surveys.resolve(wanted, workshop.limits)
        # Beside the output, so that finishing is a rename on the same file system.
        beside = stack.enter_context(tempfile.TemporaryDirectory(dir=output.absolute().parent))
        staging = Staging(Path(beside))
        readers: list[Reader] = []
        for source in wanted.sources:
            reader = await workshop.sounds.open(wanted.account, source)
            stack.push_async_callback(reader.aclose)
            readers.append(reader)
        report = await workshop.sandbox.render(
            resolved.render,
            readers,
            staging,
            on_progress=_show_progress,
            on_segment=lambda _: None,
            deadline_seconds=settings.job_deadline_seconds,
        )
        made = staging.complete({file.path: file.media_type for file in report.files})
        if url.spec.segmented:
            _move_all(made, output)
        else:
            shutil.move(made[report.files[0].path], output)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    seconds = _decimal(report.duration)
    size_bytes = sum(file.size_bytes for file in report.files)
    print(f"{output}: {seconds} s, {size_bytes} bytes, {report.encoder}")
    return 0


def _move_all(made: Mapping[str, Path], folder: Path) -> None:
    """Move an artifact of many files into a new folder, where its manifest finds them."""
    folder.mkdir()
    for path, file in made.items():
        target = folder / path.removeprefix("/")
        target.parent.mkdir(exist_ok=True)
        shutil.move(file, target)


def _show_progress(fraction: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{fraction:4.0%}", end="", file=sys.stderr, flush=True)


def probe(given: argparse.Namespace, settings: Settings) -> int:
    """Describe a file as ``f=meta`` does."""
    document = asyncio.run(_probed(given.file, settings))
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


async def _probed(file: Path, settings: Settings) -> dict[str, object]:
    account, folder = settings.account, Folder(file.absolute().parent, "/")
    sounds = Sounds(Files({account: Mounts({"/": folder})}))
    source = await sounds.find(account, f"/{file.name}")
    if source is None:
        raise OSError(f"there is no file {file}")
    async with _workshop(settings) as workshop:
        reader = await sounds.open(account, source)
        try:
            return await workshop.sandbox.probe(reader, deadline_seconds=_PROBE_SECONDS)
        finally:
            await reader.aclose()


def _understood(text: str) -> TransformUrl:
    """Read a whole URL or just its path and parameters."""
    parts = urlsplit(text)
    return planner.plan(grammar.split(parts.path, parts.query))


@contextlib.asynccontextmanager
async def _workshop(settings: Settings) -> AsyncIterator[Workshop]:
    """Open files and sandbox, remembering nothing afterwards."""
    with tempfile.TemporaryDirectory() as forgotten:
        hot = HotCache(Path(forgotten))
        try:
            async with (
                open_buckets(settings) as buckets,
                open_workshop(settings, hot, buckets) as workshop,
            ):
                yield workshop
        finally:
            await hot.aclose()
