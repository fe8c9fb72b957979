"""Tags: one set of names, and only text that is safe to write anywhere."""

import pytest

from tests.support import media, synth
from tests.support.memory import MemorySource
from transforms.audio.open import open_track
from transforms.audio.tags import LONGEST_VALUE, read_tags

TAGS = {"title": "Grüße 音", "artist": "A; B", "album": "C", "genre": "Jazz", "track": "3"}


def tags_of(content: bytes) -> dict[str, str]:
    with open_track(MemorySource(content), 1) as (container, stream):
        return read_tags(container, stream)


@pytest.mark.parametrize("kind", ["mp3", "m4a", "flac", "opus", "vorbis", "mka-aac", "asf-wma"])
def test_every_container_names_tags_alike(kind: str) -> None:
    content = media.make(kind, synth.noise(48000, channels=2), rate=48000, tags=TAGS)

    found = tags_of(content)

    assert {name: found.get(name) for name in TAGS} == TAGS


def test_synonyms_controls_strangers_and_endless_texts_are_tidied() -> None:
    content = media.make(
        "flac",
        synth.noise(4800),
        rate=48000,
        tags={
            "TRACKNUMBER": "7",
            "ORGANIZATION": "Label",
            "title": " a\x01b\tc\nd ",
            "comment": "x" * (LONGEST_VALUE + 1),
            "composer": " ",
            "x-other": "y",
            "language": "und",
        },
    )

    assert tags_of(content) == {
        "title": "a b\tc\nd",
        "track": "7",
        "comment": "x" * LONGEST_VALUE,
        "publisher": "Label",
    }
