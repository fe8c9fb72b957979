"""``f=meta``: films, covers and chapters."""

from __future__ import annotations

import base64
import struct
from fractions import Fraction

import av
import pytest
from av.container import OutputContainer
from av.packet import Packet

from tests.support import media, pictures, synth
from tests.support.described import general, muxed, tracks_of, video

RATE = 44_100
SECONDS = 3
RED = (200, 30, 30)


@pytest.mark.parametrize(
    ("container", "codec", "name", "ident"),
    [
        ("mp4", "libx264", "AVC", "avc1"),
        ("matroska", "libx264", "AVC", "V_MPEG4/ISO/AVC"),
        ("matroska", "mpeg4", "MPEG-4 Visual", "V_MPEG4/ISO/ASP"),
        ("mpegts", "mpeg2video", "MPEG Video", "2"),
        ("flv", "libx264", "AVC", "7"),
        ("avi", "mpeg4", "MPEG-4 Visual", "FMP4"),
    ],
)
def test_pictures_are_counted(container: str, codec: str, name: str, ident: str) -> None:
    sound = synth.tone(96_000, rate=48_000)
    track = video(media.encode_video(sound, rate=48_000, container=container, codec=codec))

    # An AVI's header counts the picture that its encoder held back as well.
    late = container == "avi"
    bit_rate = track.pop("bitRate")
    assert 1000 < bit_rate < 20_000
    assert track == {
        "codec": name,
        "codecId": ident,
        "duration": 2.1 if late else 2.0,
        "frameCount": 21 if late else 20,
        "frameRate": 10,
        "height": 48,
        "type": "Video",
        "width": 64,
    }


def test_a_film_without_sound_is_described() -> None:
    whole, film = tracks_of(media.pictures_only())

    assert (whole["audioCount"], whole["videoCount"], film["frameCount"]) == (0, 1, 1)


def test_pictures_in_an_unknown_codec_do_not_hide_the_sound() -> None:
    content = media.encode_video(synth.tone(96_000, rate=48_000), rate=48_000, container="matroska")
    unknown = content.replace(b"V_MPEG4/ISO/ASP", b"V_UNHEARD/OF/XX")

    whole, sound = tracks_of(unknown)

    assert unknown != content
    assert (whole["videoCount"], whole["audioCount"], sound["codec"]) == (0, 1, "AAC")


# Covers


def cover() -> bytes:
    return pictures.picture("mjpeg", 32, 24, RED)


def attached_to_mp4(output: OutputContainer) -> None:
    stream = output.add_stream("mjpeg", rate=1)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = 32, 24, "yuvj444p"
    stream.disposition = av.stream.Disposition.attached_pic
    output.start_encoding()
    packet = Packet(cover())
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    packet.time_base = Fraction(1, 90_000)
    output.mux(packet)


def attached_to_matroska(output: OutputContainer) -> None:
    output.add_attachment("cover.jpg", "image/jpeg", cover())


def flac_picture() -> str:
    """A picture block as a Vorbis comment has it: in base64 (RFC 9639, 8.8)."""
    mime = b"image/jpeg"
    body = struct.pack(">II", pictures.FRONT, len(mime)) + mime
    body += struct.pack(">IIIIII", 0, 32, 24, 24, 0, len(cover())) + cover()
    return base64.b64encode(body).decode()


COVERED = {
    "mp3": lambda: pictures.mp3_with((pictures.FRONT, cover())),
    "flac": lambda: pictures.flac_with(pictures.picture("png", 32, 24, RED), 32, 24),
    "mp4": lambda: muxed("mp4", adorn=attached_to_mp4),
    "matroska": lambda: muxed("matroska", adorn=attached_to_matroska),
    "ogg": lambda: media.make(
        "opus",
        synth.speech(SECONDS * 48_000, rate=48_000),
        rate=48_000,
        tags={"METADATA_BLOCK_PICTURE": flac_picture()},
    ),
}


@pytest.mark.parametrize("kind", COVERED)
def test_a_cover_is_seen_and_is_no_film(kind: str) -> None:
    whole = general(COVERED[kind]())

    assert (whole["hasCover"], whole["videoCount"], whole["audioCount"]) == (True, 0, 1)


# Chapters


def with_chapters(output: OutputContainer) -> None:
    output.set_chapters(
        [
            {
                "id": number,
                "start": start,
                "end": end,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": title},
            }
            for number, (start, end, title) in enumerate([(0, 400, "Eins"), (400, 1000, "Zwei 音")])
        ]
    )


@pytest.mark.parametrize(
    ("container", "codec"), [("ipod", "aac"), ("matroska", "aac"), ("mp3", "libmp3lame")]
)
def test_chapters_are_listed(container: str, codec: str) -> None:
    content = muxed(container, adorn=with_chapters, codecs=[codec])

    assert general(content)["chapters"] == [
        {"start": 0.0, "end": 0.4, "title": "Eins"},
        {"start": 0.4, "end": 1.0, "title": "Zwei 音"},
    ]
    assert [track["type"] for track in tracks_of(content)] == ["General", "Audio"]
