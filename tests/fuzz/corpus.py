"""Small sound files of every kind that is read here, the same bytes in every run."""

from __future__ import annotations

import base64
import functools
import struct
from collections.abc import Mapping
from dataclasses import replace

from tests.support import engine
from tests.support.media import RECIPES, Recipe, encode, encode_video, wav_header
from tests.support.pictures import FRONT, picture
from tests.support.synth import Sound, speech

SECONDS = 0.3
RED = (200, 30, 40)
TAGS = {"title": "A title", "artist": "Émile", "album": "An album", "track": "3/9", "date": "2024"}

# What the tests have no recipe for, though the engine reads it and libav writes it.
_RARE: Mapping[str, Recipe] = {
    "au": Recipe(container="au", codec="pcm_s16be"),
    "caf-pcm": Recipe(container="caf", codec="pcm_s16be"),
    "caf-alac": Recipe(container="caf", codec="alac"),
    "caf-ima": Recipe(container="caf", codec="adpcm_ima_qt"),
    "w64": Recipe(container="w64", codec="pcm_s24le"),
    "mxf": Recipe(container="mxf_opatom", codec="pcm_s16le"),
    "eac3": Recipe(container="eac3", codec="eac3", bitrate_bps=192_000),
    "amr": Recipe(container="amr", codec="libopencore_amrnb", bitrate_bps=12_200),
    "wav-ima": Recipe(container="wav", codec="adpcm_ima_wav"),
    "wav-ms": Recipe(container="wav", codec="adpcm_ms"),
    "wav-yamaha": Recipe(container="wav", codec="adpcm_yamaha"),
    "aiff-float": Recipe(container="aiff", codec="pcm_f64be"),
    "mov-ima": Recipe(container="mov", codec="adpcm_ima_qt"),
    "mp4-flac": Recipe(container="mp4", codec="flac"),
    "mp4-ac3": Recipe(container="mp4", codec="ac3", bitrate_bps=192_000),
    "mka-wavpack": Recipe(container="matroska", codec="wavpack", sample_format="s16p"),
    "mka-tta": Recipe(container="matroska", codec="tta", sample_format="s16"),
    "flv-nellymoser": Recipe(container="flv", codec="nellymoser"),
    "flv-swf": Recipe(container="flv", codec="adpcm_swf"),
    "asf-wma1": Recipe(container="asf", codec="wmav1", bitrate_bps=128_000),
    "mpeg-mp2": Recipe(container="vob", codec="mp2", bitrate_bps=192_000),
    "mpeg-dvd": Recipe(container="vob", codec="pcm_dvd", sample_format="s16"),
    "ts-opus": Recipe(
        container="mpegts", codec="libopus", sample_format="flt", bitrate_bps=128_000
    ),
    "ts-bluray": Recipe(
        container="mpegts",
        codec="pcm_bluray",
        sample_format="s16",
        container_options={"mpegts_m2ts_mode": "1"},
    ),
    "ts-latm": Recipe(
        container="mpegts",
        codec="aac",
        bitrate_bps=128_000,
        container_options={"mpegts_flags": "+latm"},
    ),
}

# What their encoders and muxers insist on.
_RATES_HZ = {
    **{"libopus": 48_000, "pcm_dvd": 48_000, "pcm_bluray": 48_000, "mxf_opatom": 48_000},
    **{"libopencore_amrnb": 8_000, "nellymoser": 8_000, "adpcm_swf": 11_025, "flv": 44_100},
}
_CHANNELS = {
    **{"vorbis": 2, "pcm_dvd": 2, "pcm_bluray": 2},
    **{"libopencore_amrnb": 1, "nellymoser": 1, "mxf_opatom": 1},
}


@functools.cache
def corpus() -> Mapping[str, bytes]:
    """Make all files, by their kinds."""
    kinds = {**RECIPES, **_RARE}
    files = {kind: _made(number, recipe) for number, (kind, recipe) in enumerate(kinds.items())}
    for container in ("mp4", "mov", "avi", "mpegts"):
        # Not in Matroska: this takes no options, and numbers would be drawn.
        files[f"film-{container}"] = encode_video(
            _sound(32_000, 1), rate=32_000, container=container
        )
    files |= _with_covers(files) | _of_ours()
    files["wav-bare"] = wav_header(rate=16_000, channels=2, data_bytes=64) + bytes(range(64))
    files["id3v23"] = _id3(3, b"APIC", _apic(b"\xff\xd8\xff" + bytes(8))) + files["mp3"]
    return files


def _sound(rate: int, channels: int) -> Sound:
    return speech(round(SECONDS * rate), rate=rate, channels=channels)


def _made(number: int, recipe: Recipe) -> bytes:
    lossy = recipe.bitrate_bps is not None or "q" in recipe.codec_options
    usual = 32_000 if lossy else 16_000
    rate = _RATES_HZ.get(recipe.codec) or _RATES_HZ.get(recipe.container) or usual
    channels = _CHANNELS.get(recipe.codec) or _CHANNELS.get(recipe.container) or 1 + number % 2
    return _encoded(recipe, _sound(rate, channels), rate)


def _encoded(recipe: Recipe, sound: Sound, rate: int, **tags: str) -> bytes:
    # Else Matroska and Ogg draw numbers for their tracks.
    options = {**recipe.container_options, "fflags": "+bitexact"}
    recipe = replace(recipe, container_options=options)
    return encode(recipe, sound, rate=rate, tags={**TAGS, **tags})


def _with_covers(files: Mapping[str, bytes]) -> dict[str, bytes]:
    small = {kind: picture(kind, 24, 16, RED) for kind in ("mjpeg", "png", "gif", "bmp")}
    block = base64.b64encode(_picture_block(small["png"])).decode()
    made = {f"mp3-{kind}": _id3(4, b"APIC", _apic(image)) for kind, image in small.items()}
    made = {kind: tag + files["mp3"] for kind, tag in made.items()}
    flac, body = files["flac"], _picture_block(small["mjpeg"])
    header = bytes([6]) + len(body).to_bytes(3, "big")
    made["flac-cover"] = flac[:4] + bytes([flac[4] & 0x7F]) + flac[5:42] + header + body + flac[42:]
    sound = _sound(16_000, 1)
    made["ogg-cover"] = _encoded(RECIPES["ogg-flac"], sound, 16_000, METADATA_BLOCK_PICTURE=block)
    made["m4a-cover"] = _m4a_with(files["m4a"], small["png"])
    return made


def _m4a_with(m4a: bytes, image: bytes) -> bytes:
    """Add a picture to the tags, which are the last thing in a file of libav's."""
    value = struct.pack(">I4sII", 16 + len(image), b"data", 14, 0) + image
    cover = struct.pack(">I4s", 8 + len(value), b"covr") + value
    made = bytearray(m4a + cover)
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        at = made.rindex(name, 0, len(m4a)) - 4
        made[at : at + 4] = (len(made) - at).to_bytes(4, "big")
    return bytes(made)


def _of_ours() -> dict[str, bytes]:
    """What this engine makes itself: people feed it back."""
    wav = _encoded(RECIPES["wav-16"], _sound(16_000, 1), 16_000)
    made = {f"our-{kind}": engine.make(f"f={kind}", wav).content for kind in ("mp3", "aac")}
    for container in ("ts", "mp4"):
        _, _, sink = engine.make_stream(f"f=hls-aac&container={container}", wav)
        media = [path for path in sink.files if not path.endswith(".m3u8")]
        # The initialization segment is made first, the segments follow in order.
        made[f"our-hls-{container}"] = b"".join(sink.files[path] for path in media)
    return made


def _picture_block(image: bytes) -> bytes:
    """RFC 9639, 8.8."""
    mime = b"image/png"
    head = struct.pack(">II", FRONT, len(mime)) + mime
    return head + struct.pack(">IIIIII", 0, 24, 16, 24, 0, len(image)) + image


def _apic(image: bytes) -> bytes:
    return b"\x00image/png\x00" + bytes([FRONT]) + b"\x00" + image


def _id3(version: int, name: bytes, body: bytes) -> bytes:
    size = _synchsafe(len(body)) if version == 4 else len(body).to_bytes(4, "big")
    frames = name + size + b"\x00\x00" + body
    title = b"\x03A title"
    frames += b"TIT2" + len(title).to_bytes(4, "big") + b"\x00\x00" + title
    return b"ID3" + bytes([version, 0, 0]) + _synchsafe(len(frames)) + frames


def _synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
