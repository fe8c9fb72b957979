"""
Opening a source with libav, and only as much of libav as an audio edge needs.

A demuxer that may open other files or listen on a port, or a decoder nobody asked for, is attack
surface: everything is allow-listed here, nothing is opened by name, and the numbers a header
claims are checked before a decoder, filter or resampler is built on them.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Stream

from transforms.audio.layouts import channels_of
from transforms.problems import UnsupportedMedia
from transforms.sources import Linked, Source

LOWEST_SAMPLE_RATE_HZ = 4_000
HIGHEST_SAMPLE_RATE_HZ = 384_000
MOST_CHANNELS = 16
MOST_STREAMS = 100

# One name of each demuxer is enough: libavformat matches any of a demuxer's aliases.
DEMUXERS = (
    *("aac", "ac3", "aiff", "amr", "amrnb", "amrwb", "asf", "au", "avi", "caf", "dts", "dv"),
    *("eac3", "flac", "flv", "matroska", "mov", "mp3", "mpeg", "mpegts", "mpegvideo", "mxf"),
    *("ogg", "tta", "w64", "wav", "wv"),
)

DECODERS = (
    *("aac", "aac_latm", "ac3", "eac3", "alac", "flac", "mp1float", "mp2float", "mp3float"),
    *("mp1", "mp2", "mp3", "opus", "libopus", "vorbis", "libvorbis", "speex", "libspeex"),
    *("wmav1", "wmav2", "wmapro", "wmavoice", "wmalossless", "amrnb", "amrwb"),
    *("libopencore_amrnb", "libopencore_amrwb", "dca", "wavpack", "tta", "mlp", "truehd"),
    *("nellymoser", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "adpcm_swf", "adpcm_yamaha"),
    *("g722", "g726", "g726le", "s302m"),
    *("gsm", "gsm_ms", "qdm2", "mace3", "mace6", "pcm_alaw", "pcm_mulaw", "pcm_bluray"),
    *("pcm_dvd", "pcm_lxf", "pcm_s8", "pcm_s8_planar", "pcm_u8", "pcm_f16le", "pcm_f24le"),
    *("pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_s16be", "pcm_s16be_planar"),
    *("pcm_s16le", "pcm_s16le_planar", "pcm_s24be", "pcm_s24le", "pcm_s24le_planar"),
    *("pcm_s32be", "pcm_s32le", "pcm_s32le_planar", "pcm_s64be", "pcm_s64le", "pcm_u16be"),
    *("pcm_u16le", "pcm_u24be", "pcm_u24le", "pcm_u32be", "pcm_u32le"),
)

_OPTIONS = {
    "format_whitelist": ",".join(DEMUXERS),
    "codec_whitelist": ",".join(DECODERS),
    "protocol_whitelist": "none",
    "max_streams": str(MOST_STREAMS),
}
_READ_BYTES = 1 << 16


# Enough for the chunks that come before the format's: JUNK, ds64, bext.
_WAV_HEAD_BYTES = 1024

# Integers, floats, and either of them described at length.
_PCM_TAGS = (0x0001, 0x0003, 0xFFFE)


class SourceFile(io.RawIOBase):
    """A source as the file object libav reads from: it has a position but no name."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        """Always: it is all a source can do."""
        return True

    def seekable(self) -> bool:
        """Always: sources are random access."""
        return True

    def tell(self) -> int:
        """Byte position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; past the end is allowed, reads there are empty."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size_bytes}
        self._position = max(0, base[whence] + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to *size* bytes; empty at the end."""
        left = max(0, self._source.size_bytes - self._position)
        wanted = left if size < 0 else min(size, left)
        if not wanted:
            return b""
        piece = self._source.read_at(self._position, wanted)
        self._position += len(piece)
        return piece


@contextmanager
def open_container(source: Source) -> Iterator[InputContainer]:
    """
    Open a source as a container; of files in a row, the first.

    Raises:
        UnsupportedMedia: It is empty, or no allowed demuxer knows it.
    """
    if isinstance(source, Linked):
        source = source.first
    if source.size_bytes == 0:
        raise UnsupportedMedia("The file is empty.")
    try:
        container = av.open(
            SourceFile(source),
            "r",
            options=_OPTIONS | _probing(source),
            metadata_errors="surrogateescape",
            buffer_size=_READ_BYTES,
        )
    except (av.error.FFmpegError, ValueError, OverflowError) as problem:
        raise UnsupportedMedia(
            "The file is not audio or video that can be read here: its container is unknown, "
            "not allowed, or broken at the beginning."
        ) from problem
    # PyAV: dropping an open container without closing it has corrupted the heap.
    with container:
        yield container


def _probing(source: Source) -> dict[str, str]:
    """
    Say how much libav is to read before it believes a header.

    A WAV of PCM says all there is to know in its first chunk (RIFF; EBU Tech 3306), and libav
    would read a megabyte of it, for 22 ms; what is enough still finds DTS in disguise.
    """
    head = source.read_at(0, min(_WAV_HEAD_BYTES, source.size_bytes))
    riff = head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"
    at = head.find(b"fmt ") + 8
    if riff and at > 8 and int.from_bytes(head[at : at + 2], "little") in _PCM_TAGS:
        return {"probesize": "32768", "analyzeduration": "0"}
    return {}


@contextmanager
def open_track(source: Source, track: int) -> Iterator[tuple[InputContainer, AudioStream]]:
    """
    Open one audio track of a source, its numbers checked, every other stream discarded.

    Args:
        source: The bytes.

        track: Which audio track, from 1.

    Raises:
        UnsupportedMedia: There is no such track, its codec is not decoded here, or its sample
            rate or channel count is outside what sound has.
    """
    with open_container(source) as container:
        stream = pick_track(container, track)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        yield container, stream


def pick_track(container: InputContainer, track: int) -> AudioStream:
    """Return the *track*-th audio stream (from 1), checked as ``open_track`` says."""
    streams = container.streams.audio
    if not streams:
        raise UnsupportedMedia("The file has no audio track.", code="no_audio")
    if track > len(streams):
        raise UnsupportedMedia(
            f"The file has {len(streams)} audio track(s), so there is no track {track}.",
            code="no_such_track",
            details={"parameter": "track", "value": track, "tracks": len(streams)},
        )
    stream = streams[track - 1]
    context = stream.codec_context
    if context is None or context.codec.name not in DECODERS:
        raise UnsupportedMedia("The audio track is in a codec that is not decoded here.")
    rate, channels = context.sample_rate, channels_of(context)
    if not LOWEST_SAMPLE_RATE_HZ <= rate <= HIGHEST_SAMPLE_RATE_HZ:
        raise UnsupportedMedia(
            f"The audio track claims a sample rate of {rate} Hz; "
            f"{LOWEST_SAMPLE_RATE_HZ} to {HIGHEST_SAMPLE_RATE_HZ} Hz are read."
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise UnsupportedMedia(
            f"The audio track claims {channels} channels; 1 to {MOST_CHANNELS} are read."
        )
    return stream


def track_number(container: InputContainer, stream: AudioStream) -> int:
    """Tell which audio track a stream is, from 1."""
    return [audio.index for audio in container.streams.audio].index(stream.index) + 1


_AnyStream = TypeVar("_AnyStream", bound=Stream)


def demux(container: InputContainer, *streams: _AnyStream) -> Iterator[av.Packet[_AnyStream]]:
    """
    Read the packets of some tracks, and at the end an empty one of each that flushes its decoder.

    Raises:
        FFmpegError: Reading on is not possible.
    """
    # Where a stream came up on the way, as in a transport stream, PyAV stumbles over it once it
    # has handed out everything else.
    with contextlib.suppress(IndexError):
        yield from cast("Iterator[av.Packet[_AnyStream]]", container.demux(list(streams)))
