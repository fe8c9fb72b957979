"""
A transform URL with its files found: what is wanted, down to the key it is kept under.

A job row keeps only the URL's text (its *subject*), because everything else follows from it and
from the files as they are; whoever takes a job over derives it again and compares the keys.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cache.source import SourceObject
from edge.fill.problems import FileNotThere
from edge.fill.shelf import Finding
from transforms import canonical, grammar, planner
from transforms.planner import TransformUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request is for: ``sources`` are the plan's clips, in order."""

    url: TransformUrl
    sources: tuple[SourceObject, ...]
    key: str

    @property
    def account(self) -> str:
        """Who is billed for it."""
        return self.url.plan.account

    @property
    def public(self) -> bool:
        """Tell whether everybody may have what is made of its files."""
        return all(source.is_public_by(self.url.url.api) for source in self.sources)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its files, the primary one's first."""
        return tuple(clip.path for clip in self.url.plan.clips)

    @property
    def subject(self) -> str:
        """The URL's text without how it is to be delivered."""
        url = self.url.url
        asked = self.url.requested
        return f"/{url.account}/audio{url.raw_path}" + (f"?{asked}" if asked else "")


async def find(shelf: Finding, url: TransformUrl) -> Wanted:
    """
    Find the files of a URL.

    Raises:
        FileNotThere: One of them does not exist, or not for whoever is asking.
        SourceProblem: Whether it does cannot be known now.
    """
    plan = url.plan
    paths = dict.fromkeys(clip.path for clip in plan.clips)
    found = await asyncio.gather(*(shelf.find(plan.account, path) for path in paths))
    sources = dict(zip(paths, found, strict=True))
    objects: list[SourceObject] = []
    for index, clip in enumerate(plan.clips):
        source = sources[clip.path]
        if source is None:
            raise FileNotThere(clip.path, appended=index > 0)
        objects.append(source)
    versions = [f"{source.mount} {source.version}" for source in objects]
    return Wanted(url=url, sources=tuple(objects), key=canonical.key(plan, versions))


def understand(subject: str) -> TransformUrl:
    """Read a job's subject back; it was understood once, so it is again."""
    path, _, query = subject.partition("?")
    return planner.plan(grammar.split(path, query))
