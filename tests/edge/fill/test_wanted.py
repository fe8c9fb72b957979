from __future__ import annotations

import pytest

from cache.source import Reader, SourceObject
from edge.fill.problems import FileNotThere
from edge.fill.wanted import find, understand


class Shelf:
    """Files that are nothing but their versions."""

    def __init__(self, **versions: str) -> None:
        self._versions = {f"/{name}.mp3": version for name, version in versions.items()}

    async def find(self, account: str, path: str) -> SourceObject | None:
        version = self._versions.get(path)
        if version is None:
            return None
        return SourceObject(path=path, mount="/", version=version, size_bytes=1, modified_ms=None)

    async def open(self, account: str, source: SourceObject) -> Reader:
        raise NotImplementedError


A = "/W142hJk/audio/a.mp3"


async def key(subject: str, shelf: Shelf | None = None) -> str:
    return (await find(shelf or Shelf(a="1", b="1"), understand(subject))).key


@pytest.mark.parametrize(
    "subject",
    [
        f"{A}?f=aac",
        f"{A}!f=aac",
        f"{A}?f=aac&br=96",
        f"{A}?br=096&f=aac",
        f"{A}?f=aac&rt=true&next=true&download=true&a=/audio.aac&cache=false",
        "/W142hJk/audio/%61.mp3?f=aac",
    ],
)
async def test_spellings_of_one_wish_have_one_key(subject: str) -> None:
    assert await key(subject) == await key(f"{A}?f=aac&br=96&sr=48")


@pytest.mark.parametrize(
    "subject",
    [
        f"{A}?f=aac&br=80",
        f"{A}?f=mp3",
        f"{A}?f=aac&v=2",
        f"{A}?f=aac&te=1",
        f"{A}?f=aac&append=/a.mp3",
        "/W142hJk/audio/b.mp3?f=aac",
    ],
)
async def test_different_wishes_have_different_keys(subject: str) -> None:
    assert await key(subject) != await key(f"{A}?f=aac")


@pytest.mark.parametrize("changed", [Shelf(a="2", b="1"), Shelf(a="1", b="2")])
async def test_a_new_version_of_any_file_is_a_new_key(changed: Shelf) -> None:
    subject = f"{A}?f=aac&append=/b.mp3"

    assert await key(subject) != await key(subject, changed)


async def test_the_sources_are_the_clips_in_order() -> None:
    wanted = await find(Shelf(a="1", b="2"), understand(f"{A}?f=aac&append=/b.mp3&append=/a.mp3"))

    assert [source.version for source in wanted.sources] == ["1", "2", "1"]
    assert wanted.account == "W142hJk"


async def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotThere, match=r"The file /a\.mp3 does not exist\."):
        await key(f"{A}?f=aac", Shelf())
    with pytest.raises(FileNotThere, match=r"The appended file /c\.mp3 does not exist\."):
        await key(f"{A}?f=aac&append=/c.mp3")


@pytest.mark.parametrize(
    "query", ["f=aac", "f=mp3&ts=1.05&te=2.5s&append=/b.mp3&rp=2", "f=aac&append=%2Fb%26.mp3"]
)
async def test_a_subject_is_understood_again(query: str) -> None:
    url = understand(f"{A}!{query}&download=true&a=/x")
    shelf = Shelf(**{"a": "1", "b": "1", "b&": "1"})
    wanted = await find(shelf, url)

    assert wanted.subject == f"{A}?{query}"
    assert (await find(shelf, understand(wanted.subject))).key == wanted.key
