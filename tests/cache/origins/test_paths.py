"""The shape of paths inside a mount."""

import pytest

from cache.origins.paths import inside, join, segments


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a.mp3", ("a.mp3",)),
        ("/music/a b.mp3", ("music", "a b.mp3")),
        ("/müsik/①.mp3", ("müsik", "①.mp3")),
        ("/%2e%2e/a", ("%2e%2e", "a")),
        ("/...", ("...",)),
        ("a.mp3", None),
        ("", None),
        ("/", None),
        ("/music/", None),
        ("//a", None),
        ("/a//b", None),
        ("/./a", None),
        ("/../a", None),
        ("/a/..", None),
        ("/a\\b", None),
        ("/a\0b", None),
        ("/a\nb", None),
        ("/a\x7fb", None),
        ("/a\x85b", None),
        ("/a\udcffb", None),
    ],
)
def test_paths_are_split_or_refused(path: str, expected: tuple[str, ...] | None) -> None:
    assert segments(path) == expected


@pytest.mark.parametrize(
    ("mount", "path", "expected"),
    [
        ("/", "/a", "/a"),
        ("/ext", "/ext/x.mp3", "/x.mp3"),
        ("/ext", "/extra/x", None),
        ("/ext", "/ext", "/"),
        ("/ext", "/other", None),
        ("/a/b", "/a/b/c/d", "/c/d"),
    ],
)
def test_mounts_hold_whole_segments(mount: str, path: str, expected: str | None) -> None:
    assert inside(mount, path) == expected


def test_joining_undoes_taking_apart() -> None:
    assert [join("/", "/a"), join("/ext", "/a/b")] == ["/a", "/ext/a/b"]
