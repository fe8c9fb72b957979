from __future__ import annotations

import json
import wave
from pathlib import Path

import m3u8
import pytest

from tests.edge.cli.conftest import Command
from tests.support import media, synth
from tests.support.measure import decode

URL = "http://localhost:8000/W142hJk/audio/note.wav"


def test_plan_as_json(command: Command, folder: Path) -> None:
    planned = command("plan", f"{URL}?br=096&f=aac&ts=5&te=15.50", "--json")

    assert planned.status == 0
    shown = planned.json()
    assert shown == {
        "canonical": shown["canonical"],
        "format": "aac",
        "artifact": "/audio.aac",
        "key": shown["key"],
        "clips": [
            {
                "file": "/note.wav",
                "plays": 1,
                "from": "5 s (sample 40000)",
                "to": "15.5 s (sample 124000)",
            }
        ],
        "variants": shown["variants"],
        "duration": "10.5 s",
        "price": "7.875 s of the processing quota",
    }
    assert shown["canonical"].startswith("/W142hJk/audio/note.wav?f=aac&br=96&sr=48")
    assert len(shown["key"]) == 64
    assert (shown["variants"][0]["kbps"], shown["variants"][0]["Hz"]) == (96, 48_000)
    assert not (folder / "data").exists()


def test_plan_as_text(command: Command) -> None:
    planned = command("plan", "/W142hJk/audio/note.wav!f=wav-riff&rp=2")

    assert planned.status == 0
    lines = dict(line.split(": ", 1) for line in planned.out.splitlines())
    assert lines["format"] == "wav-riff"
    assert lines["clips 1"] == "file /note.wav, plays 2, from 0 s (sample 0), to the end"
    assert lines["duration"] == "40 s"
    assert lines["price"] == "46 s of the processing quota"


def test_plan_of_the_seed_s_hls_example_is_priced(command: Command) -> None:
    planned = command("plan", f"{URL}?f=hls-aac-rt&rp=3&br=64&br=128&br=256&rt=false", "--json")

    # Sixty seconds in three variants, two of them with ten more: 200 s, times 0.75.
    assert planned.json()["price"] == "150 s of the processing quota"


def test_plan_without_the_file_still_has_a_spelling(command: Command) -> None:
    planned = command("plan", "/W142hJk/audio/gone.mp3?f=mp3")

    assert planned.status == 0
    assert "canonical: /W142hJk/audio/gone.mp3?f=mp3&br=96&sr=48" in planned.out
    assert "The file /gone.mp3 does not exist." in planned.out


@pytest.mark.parametrize("verb", ["plan", "render"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{URL}?f=mp3&br=97", "Parameter 'br' cannot be '97'"),
        (f"{URL}?f=mp3&ts=30", "Parameter 'ts' cannot be '30'"),
        ("/nothing", "The path must look like"),
    ],
)
def test_a_wrong_url_is_told_why(
    command: Command, folder: Path, verb: str, url: str, said: str
) -> None:
    more = ("-o", "out.bin") if verb == "render" else ()
    refused = command(verb, url, *more)

    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith("audio-edge: ")
    assert said in refused.err
    assert not (folder / "out.bin").exists()


def test_render_writes_the_file_and_nothing_else(command: Command, folder: Path) -> None:
    rendered = command("render", f"{URL}?f=mp3&ts=10", "-o", "out.mp3")

    assert (rendered.status, rendered.err) == (0, "")
    assert rendered.out.startswith("out.mp3: 10 s, ")
    sound, rate = decode((folder / "out.mp3").read_bytes())
    assert (sound.shape, rate) == ((1, 480_000), 48_000)
    assert {path.name for path in folder.iterdir()} == {"media", "out.mp3"}


def test_render_writes_a_stream_into_a_new_folder(command: Command, folder: Path) -> None:
    rendered = command("render", f"{URL}?f=hls-aac&container=mp4&te=5", "-o", "stream")
    again = command("render", f"{URL}?f=hls-aac&te=5", "-o", "stream")
    playlist = m3u8.load(str(folder / "stream" / "0f" / "manifest.m3u8"))

    assert (rendered.status, rendered.err) == (0, "")
    assert rendered.out.startswith("stream: 5 s, ")
    assert m3u8.load(str(folder / "stream" / "audio.m3u8")).playlists[0].uri == "0f/manifest.m3u8"
    assert {path.name for path in (folder / "stream" / "0f").iterdir()} == {
        *(segment.uri for segment in playlist.segments),
        *("init.mp4", "manifest.m3u8"),
    }
    assert again.status != 0
    assert "exists" in again.err


def test_render_replaces_a_file(command: Command, folder: Path) -> None:
    (folder / "out.wav").write_bytes(b"old")
    command("render", f"{URL}?f=wav-riff&te=2", "-o", "out.wav")

    with wave.open(str(folder / "out.wav")) as made:
        assert (made.getframerate(), made.getnframes()) == (48_000, 96_000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("render", "/W142hJk/audio/gone.mp3?f=mp3", "-o", "x"), "does not exist"),
        (("render", f"{URL}?f=html-aac", "-o", "x"), "Parameter 'f'"),
        (("render", f"{URL}?f=mp3", "-o", "none/x"), "No such file or directory"),
        (("probe", "gone.wav"), "there is no file gone.wav"),
        (("probe", "text.txt"), ""),
    ],
)
def test_what_cannot_be_done_is_status_1(
    command: Command, folder: Path, words: tuple[str, ...], said: str
) -> None:
    (folder / "text.txt").write_text("This is no sound.")
    refused = command(*words)

    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith("audio-edge: ")
    assert said in refused.err
    assert "Traceback" not in refused.err


def test_probe_follows_a_playlist(command: Command, folder: Path) -> None:
    sound = synth.tone(48_000, rate=48_000)
    (folder / "media" / "0.aac").write_bytes(media.make("adts", sound, rate=48_000))
    listed = "#EXTM3U\n#EXTINF:1,\n0.aac\n#EXTINF:1,\n0.aac\n"
    (folder / "media" / "live.m3u8").write_text(listed)
    (folder / "media" / "all.m3u8").write_text(listed + "#EXT-X-ENDLIST\n")

    probed, live = (command("probe", f"media/{name}.m3u8") for name in ("all", "live"))

    assert json.loads(probed.out)["tracks"][1]["frameCount"] == 2 * 48
    assert (live.status, "EXT-X-ENDLIST" in live.err) == (1, True)


def test_probe_describes_any_file(command: Command) -> None:
    probed = command("probe", "media/note.wav")

    assert probed.status == 0
    general, audio = json.loads(probed.out)["tracks"]
    assert (general["type"], audio["type"], audio["duration"]) == ("General", "Audio", 20)
