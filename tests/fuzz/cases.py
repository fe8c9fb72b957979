"""What is tried: a mutant, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutator import mutate

# Every writer, and every way through the decoder; the appended file is one that is in order.
QUERIES = (
    *("f=meta", "f=mp3", "f=aac", "f=wav-riff", "f=cover", "f=hls-aac"),
    *("f=hls-aac&container=mp4&br=64&br=128&sr=44.1", "f=flac&bd=24", "f=opus", "f=m4a"),
    *("f=wav-rf64&bd=32f&ts=0.1s&te=0.2s", "f=mp3&norm=-16&fi=0.1&fo=0.1&ch=1"),
    *("f=wav-riff&rp=2&tm=after-repeat&te=0.4s", "f=peaks&pts=20", "f=aac&append=/b.wav"),
    *("f=hls-aac-rt&br=64&rt=false&br=96&rt=true", "f=waveform"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One trial; ``ways`` names what was done to a file of *kind*.

    An ``exact`` one has its source counted first, a ``remote`` one has it read by the server.
    """

    kind: str
    seed: int
    number: int
    ways: tuple[str, ...]
    query: str
    exact: bool
    remote: bool
    content: bytes = field(repr=False)


def cases(files: Mapping[str, bytes], *, seed: int, first: int = 0) -> Iterator[Case]:
    """Make cases without end; each depends on nothing but the files, the seed and its number."""
    kinds = sorted(files)
    others = [files[kind] for kind in kinds]
    number = first
    while True:
        random = Random(f"{seed}/{number}")
        kind = kinds[number % len(kinds)]
        mutant = mutate(files[kind], others, random)
        yield Case(
            kind=kind,
            seed=seed,
            number=number,
            ways=mutant.ways,
            query=random.choice(QUERIES),
            exact=random.random() < 0.5,
            remote=random.random() < 0.25,
            content=mutant.content,
        )
        number += 1
