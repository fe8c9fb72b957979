"""MediaInfo's answers, in the words of our document so that the two can be laid side by side."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

COMMAND = "mediainfo"

# A track of MediaInfo's JSON: texts, but for ``extra``.
Answer: TypeAlias = Mapping[str, Any]
Track: TypeAlias = dict[str, object]

_OF_THE_FILE = {
    **{"duration": "Duration", "fileSize": "FileSize", "overallBitRate": "OverallBitRate"},
}
_OF_A_TRACK = {
    **{"duration": "Duration", "bitRate": "BitRate", "channels": "Channels"},
    **{"samplingRate": "SamplingRate", "frameRate": "FrameRate", "frameCount": "FrameCount"},
    **{"width": "Width", "height": "Height"},
}
_TEXTS = {
    **{"codec": "Format", "codecId": "CodecID", "title": "Title", "language": "Language"},
}
# Where MediaInfo has no name of its own for a tag it keeps the file's, under ``extra``.
_TAGS = {
    **{"title": ("Title",), "artist": ("Performer",), "album": ("Album",)},
    **{"album_artist": ("Album_Performer",), "composer": ("Composer",)},
    **{"date": ("Recorded_Date",), "genre": ("Genre",), "copyright": ("Copyright",)},
    **{"comment": ("Comment", "Description"), "publisher": ("Publisher", "Label")},
    **{"track": ("Track_Position",), "disc": ("Part_Position", "Part")},
}
_TOTALS = {"track": "Track_Position_Total", "disc": "Part_Position_Total"}
_CHAPTER = re.compile(r"_?\d\d[_:]\d\d[_:]\d\d[_.]\d+")


def version() -> str:
    """Say which MediaInfo there is."""
    told = subprocess.run([COMMAND, "--Version"], capture_output=True, text=True, check=False)
    return told.stdout.strip().split()[-1].removeprefix("v")


def describe(file: Path) -> list[Track]:
    """Describe a file as our ``tracks`` do; empty if MediaInfo finds no track in it."""
    told = subprocess.run(
        [COMMAND, "--Output=JSON", file], capture_output=True, text=True, check=True
    )
    answers: Sequence[Answer] = (json.loads(told.stdout)["media"] or {"track": []})["track"]
    of = {
        kind: [answer for answer in answers if answer["@type"] == kind]
        for kind in ("General", "Audio", "Video", "Menu")
    }
    if not of["Audio"] and not of["Video"]:
        return []
    return [
        _general(of["General"][0], of["Menu"]),
        *({"type": "Audio"} | _track(answer) for answer in of["Audio"]),
        *({"type": "Video"} | _track(answer) for answer in of["Video"]),
    ]


def _general(answer: Answer, menus: Sequence[Answer]) -> Track:
    track: Track = {
        "type": "General",
        "format": answer.get("Format"),
        "audioCount": int(answer.get("AudioCount", 0)),
        "videoCount": int(answer.get("VideoCount", 0)),
        "hasCover": "Yes" in answer.get("Cover", ""),
        "chapters": sum(bool(_CHAPTER.match(name)) for name in _entries(menus)),
    }
    extra = {name.lower(): value for name, value in answer.get("extra", {}).items()}
    for name, theirs in _TAGS.items():
        found = next((answer[key] for key in theirs if key in answer), extra.get(name))
        if found and _TOTALS.get(name) in answer:
            found += f"/{answer[_TOTALS[name]]}"
        track[name] = found
    return _known(track | _numbers(answer, _OF_THE_FILE))


def _track(answer: Answer) -> Track:
    texts = {ours: answer.get(name) for ours, name in _TEXTS.items()}
    if answer["@type"] == "Audio":
        texts["bitRateMode"] = answer.get("BitRate_Mode")
    return _known(texts | _numbers(answer, _OF_A_TRACK))


def _entries(menus: Sequence[Answer]) -> list[str]:
    return [name for menu in menus for name in {**menu, **(menu.get("extra") or {})}]


def _numbers(answer: Answer, names: Mapping[str, str]) -> Track:
    return {ours: float(answer[name]) for ours, name in names.items() if name in answer}


def _known(track: Track) -> Track:
    return {name: value for name, value in track.items() if value is not None}
