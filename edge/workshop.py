"""
What looking at media and making it takes, without records: files, a sandbox, what is known of them.

A node has one; so have the commands that make something by hand, which is why it stands alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from cache.hot import HotCache
from cache.origins.fetch import Fetcher
from cache.origins.folder import Folder
from cache.origins.http import HttpFolder
from cache.origins.mounts import Mounts
from cache.origins.s3 import S3Folder
from cache.source import Origin
from edge.fill.looks import Looks
from edge.fill.surveys import Surveys
from edge.fill.tempos import Tempos
from edge.library.files import Files, FolderSettings, Uploads
from edge.library.sounds import Sounds
from edge.sandbox.pool import Sandbox, SandboxSettings
from edge.sandbox.problems import SandboxTooWeak
from edge.settings import BucketFolder, SandboxLevel, Settings
from edge.stores import Buckets
from transforms.plan import Limits

# What an external folder says about a file is believed this long.
_EXTERNAL_TTL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The files of an installation and the sandbox to read them in."""

    files: Files
    sounds: Sounds
    sandbox: Sandbox
    surveys: Surveys
    looks: Looks
    tempos: Tempos
    limits: Limits


@contextlib.asynccontextmanager
async def open_workshop(
    settings: Settings,
    hot: HotCache,
    buckets: Buckets,
    uploads: Uploads | None = None,
    folders: FolderSettings | None = None,
) -> AsyncIterator[Workshop]:
    """
    Open the mounts of the first account, *uploads* of all, and a sandbox to read them in.

    Raises:
        StoreAway: A mounted bucket does not answer.
    """
    async with contextlib.AsyncExitStack() as stack:
        mounts = await _mounts(settings, buckets, stack)
        files = Files({settings.account: mounts}, uploads, folders)
        sandbox = Sandbox(SandboxSettings(address_space_bytes=settings.worker_memory_bytes))
        stack.push_async_callback(sandbox.close)
        await sandbox.start()
        _require(settings.sandbox, sandbox)
        sounds = Sounds(files)
        stack.push_async_callback(sounds.aclose)
        surveys = Surveys(sandbox, sounds, hot)
        stack.push_async_callback(surveys.aclose)
        tempos = Tempos(sandbox, sounds, surveys.poison, hot)
        stack.push_async_callback(tempos.aclose)
        yield Workshop(
            files=files,
            sounds=sounds,
            sandbox=sandbox,
            surveys=surveys,
            looks=Looks(sandbox, sounds, surveys.poison),
            tempos=tempos,
            limits=_limits(settings),
        )


def _require(wanted: SandboxLevel, sandbox: Sandbox) -> None:
    walls = sandbox.walls
    if wanted == "full" and (walls is None or walls.level != "full"):
        raise SandboxTooWeak(walls)


async def _mounts(settings: Settings, buckets: Buckets, stack: contextlib.AsyncExitStack) -> Mounts:
    origins: dict[str, Origin] = {}
    if settings.root is not None:
        origins["/"] = Folder(Path(settings.root), "/")
    if any(isinstance(mount.url, str) for mount in settings.mounts):
        fetcher = await stack.enter_async_context(Fetcher(allow_networks=settings.allow_networks))
    for mount in settings.mounts:
        match mount.url:
            case BucketFolder() as folder:
                bucket = await buckets.open_checked(folder)
                origins[mount.prefix] = S3Folder(bucket, mount.prefix, _EXTERNAL_TTL_SECONDS)
            case url:
                origins[mount.prefix] = HttpFolder(
                    url, mount.prefix, fetcher, _EXTERNAL_TTL_SECONDS
                )
    return Mounts(origins)


def _limits(settings: Settings) -> Limits:
    return Limits(
        duration_ms=settings.max_output_hours * 3_600_000, file_bytes=settings.max_output_bytes
    )
