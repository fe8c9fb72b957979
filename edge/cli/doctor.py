"""``doctor``: is everything here that is needed, and how is it set?"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Coroutine
from importlib.metadata import version
from typing import Any

from edge.records.migrate import newest_revision
from edge.registry import open_accounts
from edge.sandbox.pool import Sandbox, SandboxSettings
from edge.settings import Settings
from edge.stores import try_blobs

_LIBRARIES = ("av", "numpy", "starlette", "uvicorn", "SQLAlchemy", "aiohttp", "diskcache")

# PyAV is not for this process, not even to be asked for its version.
_ASK_ENGINE = (
    "import av, json; from transforms.mux.mp3 import encoder_name;"
    "print(json.dumps({'mp3': encoder_name(),"
    " 'libavcodec': '.'.join(map(str, av.library_versions['libavcodec']))}))"
)


def examine(given: argparse.Namespace, settings: Settings) -> int:
    """Check this installation and show its settings."""
    checks = {
        "data folder": _data_folder(settings),
        "records": _outcome(_records(settings)),
        "keys": _outcome(_keys(settings)),
        "blobs": _outcome(try_blobs(settings)),
        "sandbox": _outcome(_sandbox(settings)),
        "engine": _engine(),
    }
    facts = {
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }
    table = {row.name: row.value for row in settings.as_table()}
    healthy = all(not text.startswith("FAILED") for text in checks.values())
    if given.json:
        print(
            json.dumps({"healthy": healthy, "checks": checks, "versions": facts, "settings": table})
        )
        return 0 if healthy else 1
    for title, lines in (("checks", checks), ("versions", facts), ("settings", table)):
        print(title)
        for name, text in lines.items():
            print(f"  {name:<32} {text}")
    return 0 if healthy else 1


def _data_folder(settings: Settings) -> str:
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        probe = settings.data / f".doctor-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
        free = shutil.disk_usage(settings.data).free
    except OSError as problem:
        return f"FAILED: {problem}"
    return f"{settings.data}, {free / 1e9:.1f} GB free"


def _outcome(check: Coroutine[Any, Any, str]) -> str:
    """Run a check; whatever it raises is its outcome, because that is what a doctor is for."""
    try:
        return asyncio.run(check)
    except Exception as problem:
        return f"FAILED: {problem}"


async def _records(settings: Settings) -> str:
    async with open_accounts(settings) as records:
        counts = await records.jobs.counts()
    jobs = ", ".join(f"{count} {state}" for state, count in counts.items())
    # They would not be open if they had another.
    return f"revision {newest_revision()}; jobs: {jobs}"


async def _keys(settings: Settings) -> str:
    async with open_accounts(settings) as records:
        unopened = await records.accounts.unopened_keys()
    if unopened:
        return (
            f"FAILED: {', '.join(unopened)} sealed under another EDGE_SEAL_KEY or seal.key; "
            "what they sign is refused until they are used here themselves"
        )
    return "secret keys can be unsealed"


async def _sandbox(settings: Settings) -> str:
    sandbox = Sandbox(SandboxSettings(address_space_bytes=settings.worker_memory_bytes))
    try:
        await sandbox.start()
        walls = sandbox.walls
    finally:
        await sandbox.close()
    return "FAILED: no process to fork from" if walls is None else f"{walls.level}: {walls}"


def _engine() -> str:
    asked = subprocess.run(
        [sys.executable, "-c", _ASK_ENGINE], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return f"FAILED: {asked.stderr.strip().splitlines()[-1]}"
    told = json.loads(asked.stdout)
    return f"libavcodec {told['libavcodec']}; MP3 by {told['mp3']}"
