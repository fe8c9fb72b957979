"""A file or more for each row of the seed's tables ("Supported Inputs"), and of ours."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tests.support import media
from tests.support.media import RECIPES, Recipe
from tests.support.synth import Sound

_EXPERIMENTAL = {"strict": "experimental"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """
    A kind of file that people have.

    ``late_samples`` is what its encoder puts before the sound without the file saying so;
    ``video`` the codec of the pictures beside it.
    """

    row: str
    recipe: Recipe
    rate: int = 48_000
    channels: int = 2
    late_samples: int = 0
    exact: bool = True
    video: str | None = None
    size: tuple[int, int] = (176, 144)
    pictures_a_second: int = 25

    def encode(self, sound: Sound) -> bytes:
        """Make the file."""
        if self.video is None:
            return media.encode(self.recipe, sound, rate=self.rate)
        return film(self, sound)


def _pcm(container: str, codec: str, **options: str) -> Recipe:
    return Recipe(container=container, codec=codec, container_options=options)


def _lossy(container: str, codec: str, kbps: int = 128, **options: str) -> Recipe:
    return Recipe(
        container=container,
        codec=codec,
        bitrate_bps=kbps * 1000,
        sample_format="flt" if codec == "libopus" else None,
        container_options=options,
        codec_options=_EXPERIMENTAL if codec in ("vorbis", "opus") else {},
    )


_AAC_LATE = 1024
_MP2_LATE = 481
_MP3_LATE = 1105
_AC3_LATE = 256
# libavcodec drops the two frames that Windows' encoder begins with; FFmpeg's has but one.
_WMA_LATE = -2048

INPUTS: Mapping[str, Input] = {
    # Supported Input Audio.
    "wma1": Input(
        row=".wma .asf", recipe=_lossy("asf", "wmav1"), late_samples=_WMA_LATE, exact=False
    ),
    "wma2": Input(
        row=".wma .asf", recipe=_lossy("asf", "wmav2"), late_samples=_WMA_LATE, exact=False
    ),
    "flac": Input(row=".fla .flac", recipe=RECIPES["flac"], channels=6),
    "mp3": Input(row=".mp3", recipe=RECIPES["mp3"], rate=44_100),
    "mp3-mpeg2": Input(row=".mp3", recipe=_lossy("mp3", "libmp3lame", 64), rate=22_050),
    "ts-mp2": Input(row=".ts .m2ts", recipe=RECIPES["ts-mp2"], late_samples=_MP2_LATE),
    "m2ts-pcm": Input(row=".ts .m2ts", recipe=_pcm("mpegts", "pcm_bluray", mpegts_m2ts_mode="1")),
    "adts": Input(row=".aac .mp4 .m4a", recipe=RECIPES["adts"], late_samples=_AAC_LATE),
    "m4a": Input(row=".aac .mp4 .m4a", recipe=RECIPES["m4a"], rate=44_100),
    "mka-opus": Input(row=".mka", recipe=RECIPES["mka-opus"]),
    "mka-flac": Input(row=".mka", recipe=RECIPES["mka-flac"], rate=44_100),
    "oga-opus": Input(row=".oga", recipe=RECIPES["opus"]),
    "oga-vorbis": Input(row=".oga", recipe=RECIPES["vorbis"], rate=44_100),
    "oga-flac": Input(row=".oga", recipe=RECIPES["ogg-flac"]),
    "wav": Input(row=".wav", recipe=RECIPES["wav-16"], rate=44_100),
    # Supported Input Videos.
    "mpg": Input(
        row=".m2p .ps",
        recipe=_lossy("mpeg", "mp2", 192),
        late_samples=_MP2_LATE,
        video="mpeg2video",
    ),
    "mpeg1": Input(
        row=".dat .m1v",
        recipe=_lossy("mpeg", "mp2", 192),
        late_samples=_MP2_LATE,
        video="mpeg1video",
    ),
    "vob": Input(
        row=".m2p .ps", recipe=_lossy("vob", "ac3", 192), late_samples=_AC3_LATE, video="mpeg2video"
    ),
    "3g2": Input(row=".3g2", recipe=_lossy("3g2", "aac"), video="h263"),
    "3gp": Input(
        row=".3gp",
        recipe=Recipe(container="3gp", codec="libopencore_amrnb", bitrate_bps=12_200),
        rate=8_000,
        channels=1,
        video="h263",
    ),
    "wmv": Input(
        row=".wmv",
        recipe=_lossy("asf", "wmav2"),
        late_samples=_WMA_LATE,
        exact=False,
        video="wmv2",
    ),
    "flv": Input(
        row=".flv",
        recipe=_lossy("flv", "libmp3lame"),
        rate=44_100,
        late_samples=_MP3_LATE,
        video="flv",
    ),
    "avi": Input(
        row=".avi", recipe=_lossy("avi", "libmp3lame"), late_samples=_MP3_LATE, video="mpeg4"
    ),
    "avi-mjpeg": Input(row=".avi", recipe=_pcm("avi", "pcm_s16le"), video="mjpeg"),
    "mxf": Input(row=".mxf", recipe=_pcm("mxf", "pcm_s24le"), video="mpeg2video"),
    "mxf-opatom": Input(row=".mxf", recipe=_pcm("mxf_opatom", "pcm_s16le"), channels=1),
    "mkv": Input(row=".mkv", recipe=_pcm("matroska", "pcm_s16le"), video="mpeg4"),
    "mkv-aac": Input(row=".mkv", recipe=_lossy("matroska", "aac"), video="mpeg2video"),
    "ts": Input(
        row=".m2t .ts .tsv",
        recipe=_lossy("mpegts", "aac"),
        late_samples=_AAC_LATE,
        video="mpeg2video",
    ),
    "mp4": Input(row=".mp4 .mpeg4", recipe=_lossy("mp4", "aac"), rate=44_100, video="mpeg4"),
    "mov": Input(row=".mov .qt", recipe=_pcm("mov", "pcm_s24be"), video="mjpeg"),
    "mov-aac": Input(row=".mov .qt", recipe=_lossy("mov", "aac"), video="mpeg4"),
    "webm": Input(row=".webm", recipe=_lossy("webm", "libopus"), video="libvpx"),
    "webm-vorbis": Input(row=".webm", recipe=_lossy("webm", "vorbis"), exact=False, video="libvpx"),
    "dv": Input(row=".avi (DV)", recipe=_pcm("dv", "pcm_s16le"), video="dvvideo", size=(720, 576)),
    # Containers and codecs of ours.
    "aiff": Input(row="beyond", recipe=RECIPES["aiff"], rate=44_100),
    "aifc-float": Input(row="beyond", recipe=_pcm("aiff", "pcm_f32be"), rate=96_000),
    "aifc-sowt": Input(row="beyond", recipe=_pcm("aiff", "pcm_s16le")),
    "aifc-mulaw": Input(row="beyond", recipe=_pcm("aiff", "pcm_mulaw"), rate=8_000, channels=1),
    "caf": Input(row="beyond", recipe=_pcm("caf", "pcm_s24be"), rate=44_100),
    "caf-alac": Input(row="beyond", recipe=_pcm("caf", "alac"), rate=44_100),
    "au": Input(row="beyond", recipe=_pcm("au", "pcm_s16be"), rate=22_050),
    "au-mulaw": Input(row="beyond", recipe=_pcm("au", "pcm_mulaw"), rate=8_000, channels=1),
    "w64": Input(row="beyond", recipe=_pcm("w64", "pcm_s16le")),
    "rf64": Input(row="beyond", recipe=RECIPES["rf64"]),
    "wav-8": Input(row="beyond", recipe=RECIPES["wav-u8"], rate=11_025, channels=1),
    "wav-24": Input(row="beyond", recipe=RECIPES["wav-24"], rate=384_000, channels=1),
    "wav-32": Input(row="beyond", recipe=RECIPES["wav-32"], rate=192_000),
    "wav-float": Input(row="beyond", recipe=RECIPES["wav-float"], rate=4_000, channels=1),
    "wav-double": Input(row="beyond", recipe=_pcm("wav", "pcm_f64le")),
    "wav-alaw": Input(row="beyond", recipe=RECIPES["wav-alaw"], rate=8_000, channels=1),
    "wav-mulaw": Input(row="beyond", recipe=_pcm("wav", "pcm_mulaw"), rate=8_000, channels=1),
    "wav-adpcm-ms": Input(row="beyond", recipe=_pcm("wav", "adpcm_ms"), rate=22_050, exact=False),
    "wav-adpcm-ima": Input(row="beyond", recipe=_pcm("wav", "adpcm_ima_wav"), exact=False),
    "wav-g722": Input(
        row="beyond",
        recipe=Recipe(container="wav", codec="g722"),
        rate=16_000,
        channels=1,
        late_samples=22,
        exact=False,
    ),
    "wav-g726": Input(
        row="beyond",
        recipe=Recipe(container="wav", codec="g726", bitrate_bps=32_000),
        rate=8_000,
        channels=1,
        exact=False,
    ),
    "wav-mp3": Input(
        row="beyond", recipe=_lossy("wav", "libmp3lame"), rate=44_100, late_samples=_MP3_LATE
    ),
    "amr": Input(
        row="beyond",
        recipe=Recipe(container="amr", codec="libopencore_amrnb", bitrate_bps=12_200),
        rate=8_000,
        channels=1,
        late_samples=40,
    ),
    "ac3": Input(row="beyond", recipe=RECIPES["ac3"], channels=6, late_samples=_AC3_LATE),
    "eac3": Input(row="beyond", recipe=_lossy("eac3", "eac3", 192), late_samples=_AC3_LATE),
    "mp4-ac3": Input(row="beyond", recipe=_lossy("mp4", "ac3", 192)),
    "mp2": Input(row="beyond", recipe=_lossy("mp2", "mp2", 192), late_samples=_MP2_LATE),
    "alac": Input(row="beyond", recipe=RECIPES["alac"], rate=44_100),
    "mp4-alac": Input(row="beyond", recipe=_pcm("mp4", "alac"), rate=44_100),
    "mp4-flac": Input(row="beyond", recipe=_pcm("mp4", "flac"), rate=44_100),
    "mp4-opus": Input(row="beyond", recipe=RECIPES["mp4-opus"]),
    "mov-alaw": Input(row="beyond", recipe=_pcm("mov", "pcm_alaw"), rate=8_000, channels=1),
    "mov-float": Input(row="beyond", recipe=_pcm("mov", "pcm_f32le"), channels=6),
    "mov-ima": Input(row="beyond", recipe=_pcm("mov", "adpcm_ima_qt"), rate=44_100, exact=False),
    "wavpack": Input(row="beyond", recipe=RECIPES["wavpack"], rate=44_100),
    "tta": Input(row="beyond", recipe=RECIPES["tta"], rate=44_100),
    "mka-alac": Input(row="beyond", recipe=_pcm("matroska", "alac"), rate=44_100, exact=False),
    "mka-float": Input(row="beyond", recipe=_pcm("matroska", "pcm_f32le")),
    "mka-mp3": Input(row="beyond", recipe=_lossy("matroska", "libmp3lame"), rate=44_100),
    "mka-ac3": Input(row="beyond", recipe=_lossy("matroska", "ac3", 192)),
    "ts-latm": Input(
        row="beyond", recipe=_lossy("mpegts", "aac", mpegts_flags="latm"), late_samples=_AAC_LATE
    ),
    "ts-ac3": Input(row="beyond", recipe=_lossy("mpegts", "ac3", 192), late_samples=_AC3_LATE),
    "ts-opus": Input(row="beyond", recipe=_lossy("mpegts", "libopus"), late_samples=312),
    "vob-pcm": Input(row="beyond", recipe=_pcm("vob", "pcm_dvd")),
    "flv-aac": Input(row="beyond", recipe=_lossy("flv", "aac"), late_samples=_AAC_LATE),
    "flv-nelly": Input(
        row="beyond",
        recipe=_pcm("flv", "nellymoser"),
        rate=22_050,
        channels=1,
        late_samples=128,
        exact=False,
    ),
}

SEED_ROWS = (
    *(".wma .asf", ".fla .flac", ".mp3", ".ts .m2ts", ".aac .mp4 .m4a", ".mka", ".oga", ".wav"),
    *(".3g2", ".3gp", ".wmv", ".flv", ".avi", ".mxf", ".mkv", ".m2p .ps", ".m2t .ts .tsv"),
    *(".dat .m1v", ".mp4 .mpeg4", ".mov .qt", ".webm"),
)


def film(kind: Input, sound: Sound) -> bytes:
    """Encode *sound* beside pictures, in step with them."""
    file = io.BytesIO()
    pictures = kind.pictures_a_second
    with av.open(
        file, "w", format=kind.recipe.container, options=dict(kind.recipe.container_options)
    ) as output:
        video = output.add_stream(kind.video or "", rate=pictures)
        assert isinstance(video, VideoStream)
        video.width, video.height = kind.size
        video.pix_fmt = "yuvj420p" if kind.video == "mjpeg" else "yuv420p"
        audio = media.audio_stream(output, kind.recipe, sound, kind.rate)
        frames = media.frames(sound, kind.rate)
        ahead = 0
        for number in range(max(1, -(-sound.shape[1] * pictures // kind.rate))):
            flat = np.full((kind.size[1], kind.size[0], 3), number % 256, np.uint8)
            picture = VideoFrame.from_ndarray(flat, format="rgb24").reformat(format=video.pix_fmt)
            picture.pts = number
            picture.time_base = Fraction(1, pictures)
            output.mux(video.encode(picture))
            while ahead * pictures <= (number + 1) * kind.rate:
                frame = next(frames, None)
                if frame is None:
                    break
                ahead += frame.samples
                output.mux(audio.encode(frame))
        output.mux(video.encode(None))
        for frame in frames:
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
    return file.getvalue()


def pictures(codec: str, container: str) -> bytes:
    """Encode pictures without a sound, as in files that have no container."""
    silent = Input(row="", recipe=replace(RECIPES["wav-16"], container=container), video=codec)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        video = output.add_stream(codec, rate=silent.pictures_a_second)
        assert isinstance(video, VideoStream)
        video.width, video.height = silent.size
        video.pix_fmt = "yuv420p"
        for number in range(10):
            frame = VideoFrame.from_ndarray(
                np.full((silent.size[1], silent.size[0], 3), number, np.uint8), format="rgb24"
            ).reformat(format="yuv420p")
            frame.pts = number
            frame.time_base = Fraction(1, silent.pictures_a_second)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return file.getvalue()
