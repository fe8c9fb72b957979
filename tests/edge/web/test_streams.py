from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.web.streams import is_part, relative
from tests.support.engine import read

FOLDER = "/W142hJk/audio"


@pytest.mark.parametrize(
    ("base", "target", "reference"),
    [
        (
            f"{FOLDER}/example.mp3",
            f"{FOLDER}/example.mp3!f=hls-aac-rt&a=/0f/",
            "example.mp3!f=hls-aac-rt&a=/0f/",
        ),
        (f"{FOLDER}/a.mp3!f=hls-aac&a=/audio.m3u8", f"{FOLDER}/a.mp3!f=hls-aac&a=/0f/", "0f/"),
        (f"{FOLDER}/a.mp3!f=hls-aac&a=/0f/m.m3u8", f"{FOLDER}/a.mp3!f=hls-aac&a=/0f/", ""),
        (
            f"{FOLDER}/a.mp3!append=/o.mp3",
            f"{FOLDER}/a.mp3!append=/o.mp3&a=/0f/",
            "o.mp3&a=/0f/",
        ),
        (f"{FOLDER}/b/1:2.mp3", f"{FOLDER}/b/1:2.mp3!f=x&a=/0f/", "./1:2.mp3!f=x&a=/0f/"),
        (f"{FOLDER}/x/a.mp3!exp=1/2", f"{FOLDER}/x/a.mp3!a=/", f"{FOLDER}/x/a.mp3!a=/"),
    ],
)
def test_a_reference_is_relative_to_what_was_asked_for(
    base: str, target: str, reference: str
) -> None:
    assert relative(base, target) == reference
    assert urljoin(f"http://edge{base}", reference + "0.ts") == f"http://edge{target}0.ts"


names = st.text(st.sampled_from("ab1:.-_~+&='(),;@$%20"), min_size=1, max_size=8).filter(
    lambda name: "%" not in name and name.strip(".") and not name.startswith("..")
)


@given(names, st.lists(names, max_size=3), st.sampled_from(["?", "!"]))
def test_a_reference_leads_to_its_target_whatever_the_names(
    name: str, values: list[str], mark: str
) -> None:
    path = f"{FOLDER}/{name}.mp3"
    parameters = "&".join(["f=hls-aac-rt", *(f"append=/{value}" for value in values)])
    base = f"{path}!{parameters}" if mark == "!" else path
    target = f"{path}!{parameters}&a=/0f/manifest.m3u8"

    assert urljoin(f"http://edge{base}", relative(base, target)) == f"http://edge{target}"


@pytest.mark.parametrize(
    ("query", "path", "legal"),
    [
        ("f=hls-aac", "/audio.m3u8", True),
        ("f=hls-aac", "/0f/manifest.m3u8", True),
        ("f=hls-aac", "/1f/manifest.m3u8", False),
        ("f=hls-aac&br=64&br=96", "/1f/manifest.m3u8", True),
        ("f=hls-aac", "/0f/0.ts", True),
        ("f=hls-aac", "/0f/0.m4s", False),
        ("f=hls-aac&container=mp4", "/0f/0.m4s", True),
        ("f=hls-aac&container=mp4", "/0f/init.mp4", True),
        ("f=hls-aac", "/0f/init.mp4", False),
        ("f=hls-aac", "/0f/../0f/0.ts", False),
        ("f=hls-aac", "/audio.mp3", False),
    ],
)
def test_which_files_an_artifact_can_have(query: str, path: str, legal: bool) -> None:
    assert is_part(path, read(query).plan) is legal
