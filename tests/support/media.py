"""Media files of every kind the engine reads, encoded in memory from synthesised sound."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tests.support.synth import Sound, speech

LAYOUTS = {
    **{1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"},
    **{10: "10 channels", 16: "16 channels"},
}
_FRAME_SAMPLES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How libav is told to make one kind of file."""

    container: str
    codec: str
    sample_format: str | None = None
    bitrate_bps: int | None = None
    container_options: Mapping[str, str] = field(default_factory=dict)
    codec_options: Mapping[str, str] = field(default_factory=dict)


WAV = Recipe(container="wav", codec="pcm_s16le")
RECIPES: Mapping[str, Recipe] = {
    "wav-u8": Recipe(container="wav", codec="pcm_u8"),
    "wav-16": WAV,
    "wav-24": Recipe(container="wav", codec="pcm_s24le"),
    "wav-32": Recipe(container="wav", codec="pcm_s32le"),
    "wav-float": Recipe(container="wav", codec="pcm_f32le"),
    "rf64": Recipe(container="wav", codec="pcm_s16le", container_options={"rf64": "always"}),
    "wav-alaw": Recipe(container="wav", codec="pcm_alaw"),
    "aiff": Recipe(container="aiff", codec="pcm_s16be"),
    "flac": Recipe(container="flac", codec="flac"),
    "alac": Recipe(container="ipod", codec="alac"),
    "mp3": Recipe(container="mp3", codec="libmp3lame", bitrate_bps=128_000),
    "mp3-vbr": Recipe(container="mp3", codec="libmp3lame", codec_options={"q": "4"}),
    "mp3-bare": Recipe(
        container="mp3",
        codec="libmp3lame",
        bitrate_bps=128_000,
        container_options={"write_xing": "0"},
    ),
    "adts": Recipe(container="adts", codec="aac", bitrate_bps=128_000),
    "m4a": Recipe(container="ipod", codec="aac", bitrate_bps=128_000),
    "m4a-fragmented": Recipe(
        container="mp4",
        codec="aac",
        bitrate_bps=128_000,
        container_options={"movflags": "+frag_keyframe+empty_moov", "frag_duration": "500000"},
    ),
    "mov": Recipe(container="mov", codec="pcm_s16le"),
    "vorbis": Recipe(
        container="ogg",
        codec="vorbis",
        bitrate_bps=128_000,
        codec_options={"strict": "experimental"},
    ),
    "opus": Recipe(container="ogg", codec="libopus", sample_format="flt", bitrate_bps=128_000),
    "ogg-flac": Recipe(container="ogg", codec="flac"),
    "mka-opus": Recipe(
        container="matroska", codec="libopus", sample_format="flt", bitrate_bps=128_000
    ),
    "mka-flac": Recipe(container="matroska", codec="flac"),
    "mka-aac": Recipe(container="matroska", codec="aac", bitrate_bps=128_000),
    "mka-pcm": Recipe(container="matroska", codec="pcm_s16le"),
    "webm-opus": Recipe(
        container="webm", codec="libopus", sample_format="flt", bitrate_bps=128_000
    ),
    "ts-aac": Recipe(container="mpegts", codec="aac", bitrate_bps=128_000),
    "ts-mp2": Recipe(container="mpegts", codec="mp2", bitrate_bps=192_000),
    "flv-aac": Recipe(container="flv", codec="aac", bitrate_bps=128_000),
    "flv-mp3": Recipe(container="flv", codec="libmp3lame", bitrate_bps=128_000),
    "avi-pcm": Recipe(container="avi", codec="pcm_s16le"),
    "avi-mp3": Recipe(container="avi", codec="libmp3lame", bitrate_bps=128_000),
    "asf-wma": Recipe(container="asf", codec="wmav2", bitrate_bps=128_000),
    "ac3": Recipe(container="ac3", codec="ac3", bitrate_bps=192_000),
    "wavpack": Recipe(container="wv", codec="wavpack", sample_format="s16p"),
    "tta": Recipe(container="tta", codec="tta", sample_format="s16"),
    "mp4-opus": Recipe(container="mp4", codec="libopus", sample_format="flt", bitrate_bps=128_000),
    "mka-vorbis": Recipe(
        container="matroska",
        codec="vorbis",
        bitrate_bps=128_000,
        codec_options={"strict": "experimental"},
    ),
    "3gp-amr": Recipe(container="3gp", codec="libopencore_amrnb", bitrate_bps=12_200),
}

LOSSLESS = (
    *("wav-16", "wav-24", "wav-32", "wav-float", "rf64", "aiff", "flac", "alac", "mov"),
    *("ogg-flac", "mka-flac", "mka-pcm", "avi-pcm", "wavpack", "tta"),
)


def make(kind: str, sound: Sound, *, rate: int, tags: Mapping[str, str] | None = None) -> bytes:
    """Encode *sound* as one of ``RECIPES``."""
    return encode(RECIPES[kind], sound, rate=rate, tags=tags)


def encode(
    recipe: Recipe, *sounds: Sound, rate: int, tags: Mapping[str, str] | None = None
) -> bytes:
    """Encode each of *sounds* as one track of a file."""
    file = io.BytesIO()
    options = dict(recipe.container_options)
    with av.open(file, "w", format=recipe.container, options=options) as container:
        container.metadata.update(tags or {})
        streams = [audio_stream(container, recipe, sound, rate) for sound in sounds]
        for stream, sound in zip(streams, sounds, strict=True):
            _feed(container, stream, sound, rate)
    return file.getvalue()


def encode_video(sound: Sound, *, rate: int, container: str = "mp4", codec: str = "mpeg4") -> bytes:
    """Encode *sound* beside ten pictures a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        video = output.add_stream(codec, rate=10)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        recipe = Recipe(container=container, codec="aac", bitrate_bps=128_000)
        audio = audio_stream(output, recipe, sound, rate)
        for number in range(max(1, sound.shape[1] * 10 // rate)):
            picture = VideoFrame.from_ndarray(
                np.full((48, 64, 3), number % 256, np.uint8), format="rgb24"
            )
            picture.pts = number
            picture.time_base = Fraction(1, 10)
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        _feed(output, audio, sound, rate)
    return file.getvalue()


def pictures_only() -> bytes:
    """Encode a film without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        video = output.add_stream("mpeg4", rate=10)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        output.mux(video.encode(VideoFrame(64, 48, "yuv420p")))
        output.mux(video.encode(None))
    return file.getvalue()


def wav_header(
    *, rate: int, channels: int, data_bytes: int, bits: int = 16, riff_bytes: int | None = None
) -> bytes:
    """Write the 44 bytes before a PCM WAV's samples, true or not."""
    frame = channels * bits // 8
    claimed = min(0xFFFFFFFF, data_bytes + 36) if riff_bytes is None else riff_bytes
    second = min(0xFFFFFFFF, rate * frame)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", claimed, b"WAVE", b"fmt ", 16)
        + struct.pack("<HHIIHH", 1, channels, rate, second, frame, bits)
        + struct.pack("<4sI", b"data", data_bytes)
    )


def audio_stream(
    container: OutputContainer, recipe: Recipe, sound: Sound, rate: int
) -> AudioStream:
    stream = container.add_stream(recipe.codec, rate=rate, options=dict(recipe.codec_options))
    assert isinstance(stream, AudioStream)
    context = stream.codec_context
    context.layout = LAYOUTS[sound.shape[0]]
    if recipe.sample_format is not None:
        context.format = recipe.sample_format
    if recipe.bitrate_bps is not None:
        context.bit_rate = recipe.bitrate_bps
    return stream


def _feed(container: OutputContainer, stream: AudioStream, sound: Sound, rate: int) -> None:
    for frame in frames(sound, rate):
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def frames(sound: Sound, rate: int) -> Iterator[AudioFrame]:
    for first in range(0, sound.shape[1], _FRAME_SAMPLES):
        piece = np.ascontiguousarray(sound[:, first : first + _FRAME_SAMPLES])
        # PyAV cannot count the planes of eight channels or more.
        packed = np.ascontiguousarray(piece.T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, "flt", LAYOUTS[sound.shape[0]])
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = first
        yield frame


def boasting_mp3(claimed_frames: int) -> bytes:
    """Two seconds of MP3 whose Info header claims to be longer."""
    content = bytearray(make("mp3", speech(88_200, rate=44_100), rate=44_100))
    at = content.index(b"Info") + 8
    content[at : at + 4] = claimed_frames.to_bytes(4, "big")
    return bytes(content)
