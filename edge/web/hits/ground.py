"""
What an answer rests on, and the evidence that it still does.

Whatever an answer says follows from its terms, its sources and, if it was made, the file of the
artifact. Local files have a witness each. Of what the records know (who may see a file, which is
uploaded), and of artifacts that are kept elsewhere, tidings come when it changes, so nothing holds
for longer than tidings are heard. Sources on
other hosts are asked for at the one door to files, which believes their origins for as long as it
does for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cache.files import version_of
from cache.origins.paths import inside
from cache.source import SourceObject, SourceProblem
from edge.library.catalogue.entry import UPLOADS
from edge.library.files import Files
from edge.records.problems import RecordsAway
from edge.web.hits.gate import Terms
from edge.web.hits.witness import Witness, witness

Folders = Mapping[tuple[str, str], Path]
"""The local folders that are served, by account and mount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an answer of the long way rests on."""

    account: str
    sources: tuple[SourceObject, ...]
    terms: Terms

    key: str | None = None
    """That of the artifact, None for a raw file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What to look at to know that a ground has not changed."""

    witnesses: tuple[Witness, ...]
    account: str
    remote: tuple[SourceObject, ...]
    """Sources on other hosts."""

    told: bool
    """Whether it has no witness, or not for all, and holds only while tidings are heard."""

    def holds(self) -> bool:
        """Tell whether all local files are what they were."""
        # No generator: this runs for every hit.
        for each in self.witnesses:  # noqa: SIM110
            if not each.holds():
                return False
        return True

    async def holds_elsewhere(self, files: Files) -> bool:
        """
        Tell whether the sources on other hosts are what they were.

        While the records are away nobody can say that they are not.
        """
        try:
            for source in self.remote:
                if await files.find(self.account, source.path) != source:
                    return False
        except RecordsAway:
            return True
        except SourceProblem:
            return False
        return True


def evidence_of(ground: Ground, folders: Folders, made: int | None) -> Evidence | None:
    """
    Look for the evidence of a ground, None if it has changed already or nothing can tell.

    Args:
        made: A descriptor of the artifact's file, None for a raw file.
    """
    witnesses: list[Witness] = []
    remote: list[SourceObject] = []
    told = ground.key is not None and made is None
    for source in ground.sources:
        folder = folders.get((ground.account, source.mount))
        relative = inside(source.mount, source.path)
        if source.mount == UPLOADS:
            told = True
            continue
        if folder is None or relative is None:
            remote.append(source)
            continue
        # By the name that was asked for: a link on the way may be made to lead elsewhere.
        found = witness(f"{folder}{relative}")
        if found is None or version_of(found[1]) != source.version:
            return None
        witnesses.append(found[0])
    if made is not None:
        found = witness(_name_of(made))
        if found is None:
            return None
        witnesses.append(found[0])
    return Evidence(
        witnesses=tuple(witnesses), account=ground.account, remote=tuple(remote), told=told
    )


def _name_of(descriptor: int) -> str:
    """Tell where an open file lies; one without a name gets one that leads nowhere."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink().as_posix()
    except OSError:
        return ""
