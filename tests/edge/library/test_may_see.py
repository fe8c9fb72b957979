from __future__ import annotations

import pytest

from cache.source import EVERYTHING, SourceObject
from edge.accounts.permissions import PathPermission, Reach
from edge.library.access import (
    ANYONE,
    Owner,
    Seen,
    SignedUrl,
    TokenHolder,
    Viewer,
    may_see,
)

ACCOUNT = "W142hJk"
OTHER = "abcdefg"


def file(path: str = "/in/a.mp3", grants: tuple[str, ...] = ()) -> SourceObject:
    return SourceObject(
        path=path, mount="uploads:", version="1", size_bytes=1, modified_ms=None, grants=grants
    )


def token(account: str = ACCOUNT, path: str = "/in", downloads: str = "*") -> TokenHolder:
    permission = PathPermission(path=path, reach=Reach.CHILDREN, downloads=(downloads,))
    return TokenHolder(account=account, permissions=(permission,))


def signed(*paths: str, account: str = ACCOUNT) -> SignedUrl:
    return SignedUrl(account=account, paths=frozenset(paths))


SEE_IT: list[Viewer] = [Owner(account=ACCOUNT), token(), signed("/in/a.mp3")]
SEE_IT_NOT: list[Viewer] = [
    ANYONE,
    Owner(account=OTHER),
    token(account=OTHER),
    token(path="/out"),
    token(downloads="image"),
    TokenHolder(account=ACCOUNT, permissions=()),
    signed("/in/b.mp3"),
    signed("/in"),
    signed(),
    signed("/in/a.mp3", account=OTHER),
]


@pytest.mark.parametrize("api", ["raw", "audio"])
@pytest.mark.parametrize("viewer", [*SEE_IT, *SEE_IT_NOT])
def test_everybody_sees_what_is_public(viewer: Viewer, api: str) -> None:
    assert may_see(viewer, ACCOUNT, file(grants=EVERYTHING), api)


@pytest.mark.parametrize("api", ["raw", "audio"])
@pytest.mark.parametrize("viewer", SEE_IT)
def test_some_see_what_is_private(viewer: Viewer, api: str) -> None:
    assert may_see(viewer, ACCOUNT, file(), api)


@pytest.mark.parametrize("api", ["raw", "audio"])
@pytest.mark.parametrize("viewer", SEE_IT_NOT)
def test_others_do_not(viewer: Viewer, api: str) -> None:
    assert not may_see(viewer, ACCOUNT, file(), api)


def test_a_file_may_be_public_by_one_api_only() -> None:
    half = file(grants=("audio",))

    assert may_see(ANYONE, ACCOUNT, half, "audio")
    assert not may_see(ANYONE, ACCOUNT, half, "raw")
    assert may_see(token(downloads="raw"), ACCOUNT, half, "raw")


def test_a_signed_playlist_shows_what_it_can_list() -> None:
    viewer = signed("/in/live/a.m3u8")

    shown = [
        path
        for path in ("/in/live/0.ts", "/in/live/deep/0.ts", "/in/0.ts", "/in/lively/0.ts")
        if viewer.shows(path)
    ]
    assert shown == ["/in/live/0.ts", "/in/live/deep/0.ts"]


async def test_what_a_viewer_may_not_see_is_missing() -> None:
    class Files:
        async def find(self, account: str, path: str, query: str = "") -> SourceObject | None:
            return file(path) if path.endswith("a.mp3") else None

    anonymous = Seen(files=Files(), viewer=ANYONE, api="raw")
    owner = Seen(files=Files(), viewer=Owner(account=ACCOUNT), api="raw")

    assert await anonymous.find(ACCOUNT, "/in/a.mp3") is None
    assert await anonymous.find(ACCOUNT, "/in/b.mp3") is None
    assert await owner.find(ACCOUNT, "/in/a.mp3") == file()
    assert await owner.find(OTHER, "/in/a.mp3") is None
