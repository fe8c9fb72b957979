"""
One playlist and one MPD of media, over the artifacts that their qualities are made by.

An artifact's own manifest lists its variants, which all are of one track. These list the variants
of several artifacts: in HLS, tracks and languages are renditions of one another (RFC 8216,
4.3.4.1), in DASH each artifact is an AdaptationSet (ISO/IEC 23009-1, 5.3.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from edge.library.media.media import Quality
from edge.library.media.qualities import Placed
from transforms.manifests import dash
from transforms.manifests.hls import media_playlist_path

_VERSION = "#EXT-X-VERSION:"
_STREAM = "#EXT-X-STREAM-INF:"
_BEFORE_SETS, _SET, _AFTER_SET = "    <AdaptationSet ", 'id="0"', "    </AdaptationSet>\n"
_SET_HEAD = re.compile(rf"{_BEFORE_SETS}[^>]*>\n")

Sign = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A quality whose artifact is there; ``manifest`` is the text of that artifact's own."""

    placed: Placed
    manifest: str

    @property
    def quality(self) -> Quality:
        """What was asked for."""
        return self.placed.quality

    @property
    def uri(self) -> str:
        """The path of its media playlist."""
        playlist = media_playlist_path(self.placed.variant)
        return self.placed.wanted.url.artifact_path(playlist)

    @property
    def stream(self) -> str:
        """Its attributes in the manifest: bandwidths and codec."""
        name = media_playlist_path(self.placed.variant).removeprefix("/")
        lines = self.manifest.splitlines()
        told = next(line for line, following in pairwise(lines) if following == name)
        return told.removeprefix(_STREAM)

    @property
    def rendition(self) -> tuple[int, str | None]:
        """What it is of: a track of the file, in a language."""
        return self.quality.track, self.quality.language

    @property
    def group(self) -> str:
        """What its like in other languages have in common with it."""
        variant = self.placed.wanted.url.plan.variants[self.placed.variant]
        kbps = (variant.bitrate_bps or 0) // 1000
        return f"{self.quality.name}-{self.quality.container}-{kbps}k"


def multivariant_playlist(made: Sequence[Made], sign: Sign) -> str:
    """
    Write the playlist of all HLS qualities that are there, in their order.

    Args:
        made: At least one.

        sign: What to make of the path of a media playlist.
    """
    versions = [
        int(line.removeprefix(_VERSION))
        for each in made
        for line in each.manifest.splitlines()
        if line.startswith(_VERSION)
    ]
    lines = ["#EXTM3U", f"{_VERSION}{max(versions)}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if len({each.rendition for each in made}) > 1:
        lines += _in_languages(made, sign)
    else:
        seen = dict.fromkeys((f"{_STREAM}{each.stream}", sign(each.uri)) for each in made)
        lines += (line for stream in seen for line in stream)
    return "\n".join(lines) + "\n"


def mpd(made: Sequence[Made], suffix: Callable[[str], str]) -> str:
    """
    Write the MPD of all DASH qualities that are there.

    Args:
        made: At least one.

        suffix: What to put behind the URIs of an artifact's segments, by the path that they
            have in common.
    """
    artifacts = {each.placed.wanted.key: each for each in reversed(made)}
    sets = [
        _adaptation_set(number, each, suffix)
        for number, each in enumerate(reversed(artifacts.values()))
    ]
    before, found, _ = made[0].manifest.partition(_BEFORE_SETS)
    assert found, "an MPD of ours has an AdaptationSet"
    after = made[0].manifest.partition(_AFTER_SET)[2]
    return before + "".join(sets) + after


def _in_languages(made: Sequence[Made], sign: Sign) -> Iterator[str]:
    """List what is the same in several languages or of several tracks as one, and its choices."""
    first = made[0].rendition
    groups: dict[str, list[Made]] = {}
    for each in made:
        members = groups.setdefault(each.group, [])
        if each.rendition not in (member.rendition for member in members):
            members.append(each)
    for group, members in groups.items():
        usual = next((each for each in members if each.rendition == first), members[0])
        for each in members:
            yield _media(group, each, usual=each is usual, uri=sign(each.uri))
        yield f'{_STREAM}{usual.stream},AUDIO="{group}"'
        yield sign(usual.uri)


def _media(group: str, each: Made, *, usual: bool, uri: str) -> str:
    track, language = each.rendition
    name = f"Track {track + 1}" if language is None else language
    # Two tracks may be said to be of one language, and names are told apart (4.3.4.1.1).
    name = name if language is None or track == 0 else f"{name} {track + 1}"
    attributes = [
        "TYPE=AUDIO",
        f'GROUP-ID="{group}"',
        f'NAME="{name}"',
        *([] if language is None else [f'LANGUAGE="{language}"']),
        f"DEFAULT={'YES' if usual else 'NO'}",
        "AUTOSELECT=YES",
        f'URI="{uri}"',
    ]
    return f"#EXT-X-MEDIA:{','.join(attributes)}"


def _adaptation_set(number: int, made: Made, suffix: Callable[[str], str]) -> str:
    parts = made.placed.wanted.url.artifact_path("")
    text = dash.extend(made.manifest, suffix(parts))
    begin = text.index(_BEFORE_SETS)
    end = text.index(_AFTER_SET) + len(_AFTER_SET)
    language = made.quality.language
    told = f'id="{number}"' + ("" if language is None else f' lang="{language}"')
    base = f"      <BaseURL>{escape(parts)}/</BaseURL>\n"
    block = text[begin:end].replace(_SET, told, 1)
    return _SET_HEAD.sub(lambda head: head[0] + base, block, count=1)
