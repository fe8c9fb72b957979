"""Where uploads go: the examples of Bytescale's documents, and what is refused."""

from __future__ import annotations

import re

import pytest

from edge.ids import BASE58
from edge.library.paths import BadPath, PathWish, checked

# Christmas 2022, 13:54:13.133: the moment of the examples in Bytescale's documents.
NOW_MS = 1_671_976_453_133


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("{ORIGINAL_FILE_NAME}", "my-file"),
        ("{ORIGINAL_FILE_EXT}", ".jpg"),
        ("{UTC_DATE}", "2022-12-25"),
        ("{UTC_TIME}", "13:54:13.133"),
        ("{UTC_YEAR}", "2022"),
        ("{UTC_MONTH}", "12"),
        ("{UTC_DAY}", "25"),
        ("{UTC_HOUR}", "13"),
        ("{UTC_MINUTE}", "54"),
        ("{UTC_SECOND}", "13"),
        ("{UTC_MILLISECOND}", "133"),
        (r"\{UTC_DAY}", "{UTC_DAY}"),
        ("{}", "{}"),
    ],
)
def test_a_variable_has_the_documented_value(variable: str, value: str) -> None:
    wish = PathWish(folder="/a", name=f"x{variable}y")

    assert wish.resolve("my-file.jpg", NOW_MS) == f"/a/x{value}y"


@pytest.mark.parametrize("later_ms", [0, 1, 57, 58, 86_400_000])
def test_tokens_sort_by_time(later_ms: int) -> None:
    def token(name: str, at_ms: int) -> str:
        return PathWish(folder="/a", name=f"{{{name}}}").resolve("x", at_ms).removeprefix("/a/")

    now, later = token("UTC_TIME_TOKEN", NOW_MS), token("UTC_TIME_TOKEN", NOW_MS + later_ms)
    inverse = token("UTC_TIME_TOKEN_INVERSE", NOW_MS + later_ms)

    assert (len(now), len(inverse)) == (8, 8)
    # As the examples of the document begin, a year before.
    assert (now[:2], inverse[:2]) == ("1k", "4m")
    assert (later_ms == 0) == (now == later)
    assert now <= later
    assert inverse <= token("UTC_TIME_TOKEN_INVERSE", NOW_MS)


def test_the_default_is_a_folder_a_day_with_the_newest_first() -> None:
    path = PathWish().resolve("example.jpg", NOW_MS)

    assert re.fullmatch(rf"/uploads/2022/12/25/4m[{BASE58}]{{8}}-example\.jpg", path), path
    assert PathWish().resolve("example.jpg", NOW_MS + 1_000) < path


def test_unique_digits_are_of_the_length_asked_for_and_unique() -> None:
    wish = PathWish(folder="/a", name="{UNIQUE_DIGITS_8}{ORIGINAL_FILE_EXT}")
    paths = {wish.resolve("song.tar.gz", NOW_MS) for _ in range(50)}

    assert len(paths) == 50
    assert all(re.fullmatch(rf"/a/[{BASE58}]{{8}}\.gz", path) for path in paths)


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        (PathWish(whole="/a/{UTC_DAY}.mp3"), "/a/{UTC_DAY}.mp3"),
        (PathWish(whole="b.mp3"), "/uploads/b.mp3"),
        (PathWish(folder="sub/", name="b.mp3"), "/uploads/sub/b.mp3"),
        (PathWish(folder="/{UTC_DAY}", folder_variables=False, name="b"), "/{UTC_DAY}/b"),
        (PathWish(folder="/a", name="{UTC_DAY}", name_variables=False), "/a/{UTC_DAY}"),
        (PathWish(folder="/a", name="{ORIGINAL_FILE_NAME}"), "/a/.profile"),
        (PathWish(folder="/", name="b.mp3"), "/b.mp3"),
    ],
)
def test_paths_are_settled(wish: PathWish, path: str) -> None:
    assert wish.resolve(".profile", NOW_MS) == path


@pytest.mark.parametrize(
    "wish",
    [
        PathWish(whole="/a/../b.mp3"),
        PathWish(whole="/a//b.mp3"),
        PathWish(whole="/"),
        PathWish(whole="/a\x00b"),
        PathWish(whole="/a\\b"),
        PathWish(whole="/" + "a" * 512),
        PathWish(folder="/a", name="b/c"),
        PathWish(folder="/a", name=".."),
        PathWish(folder="/a", name="{NO_SUCH_THING}"),
        PathWish(folder="/a", name="{UNIQUE_DIGITS_21}"),
        PathWish(folder="/a", name="{UNIQUE_DIGITS_0}"),
        PathWish(folder="/{UTC_DAY_2}", name="b"),
    ],
)
def test_what_no_file_can_have_is_refused(wish: PathWish) -> None:
    with pytest.raises(BadPath):
        wish.resolve("x.mp3", NOW_MS)


def test_a_name_on_the_device_makes_no_folders() -> None:
    wish = PathWish(folder="/a", name="{ORIGINAL_FILE_NAME}{ORIGINAL_FILE_EXT}")

    assert wish.resolve("../../etc/passwd.mp3", NOW_MS) == "/a/.._.._etc_passwd.mp3"
    assert wish.resolve("..\\..\\x.mp3", NOW_MS) == "/a/.._.._x.mp3"
    assert wish.resolve("a\r\nX-Evil: 1.mp3", NOW_MS) == "/a/a__X-Evil: 1.mp3"
    assert checked("/a/.._b") == "/a/.._b"
