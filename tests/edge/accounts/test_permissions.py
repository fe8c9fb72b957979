from __future__ import annotations

import pytest

from edge.accounts.permissions import (
    Act,
    PathPermission,
    Reach,
    allows,
    downloads,
    lets_download,
    reaches,
)


@pytest.mark.parametrize(
    ("path", "within"),
    [
        ("/users/ann", {Reach.THIS}),
        ("/users/ann/", {Reach.THIS}),
        ("/users/ann/a.mp3", {Reach.CHILDREN}),
        ("/users/ann/takes/a.mp3", {Reach.DESCENDANTS}),
        ("/users/ann/takes/old/a.mp3", {Reach.DESCENDANTS}),
        ("/users/anna.mp3", set()),
        ("/users/anna/a.mp3", set()),
        ("/users", set()),
        ("/a.mp3", set()),
    ],
)
def test_each_path_is_within_one_reach_at_most(path: str, within: set[Reach]) -> None:
    assert within == {reach for reach in Reach if reaches("/users/ann", reach, path)}


@pytest.mark.parametrize(
    ("path", "reach"),
    [("/", Reach.THIS), ("/a.mp3", Reach.CHILDREN), ("/b/a.mp3", Reach.DESCENDANTS)],
)
def test_the_outermost_folder_reaches_everything(path: str, reach: Reach) -> None:
    assert {reach} == {each for each in Reach if reaches("/", each, path)}


@pytest.mark.parametrize(
    ("patterns", "apis"),
    [
        (["*"], {"raw", "audio"}),
        (["raw"], {"raw"}),
        (["au*"], {"audio"}),
        (["audio", "raw"], {"raw", "audio"}),
        (["image"], set()),
        ([], set()),
    ],
)
def test_downloads_are_allowed_by_api(patterns: list[str], apis: set[str]) -> None:
    assert apis == {api for api in ("raw", "audio") if lets_download(patterns, api)}


def test_a_permission_holds_where_it_reaches_and_for_what_it_says() -> None:
    here = PathPermission(
        path="/in",
        reach=Reach.CHILDREN,
        downloads=("audio",),
        acts=frozenset({Act.DELETE_FILE}),
    )
    everywhere = PathPermission(path="/", reach=Reach.DESCENDANTS, downloads=("raw",))

    assert downloads([here], "/in/a.mp3", "audio")
    assert not downloads([here], "/in/a.mp3", "raw")
    assert downloads([here, everywhere], "/in/a.mp3", "raw")
    assert not downloads([], "/in/a.mp3", "raw")
    assert allows([everywhere, here], Act.DELETE_FILE, "/in/a.mp3")
    assert not allows([everywhere, here], Act.DELETE_FILE, "/out/a.mp3")
    assert not allows([here], Act.OVERWRITE_FILE, "/in/a.mp3")
