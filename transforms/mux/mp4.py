"""
AAC in MP4, the ``.m4a`` file.

libav's muxer writes the edit list that makes AAC gapless, and moves the index to the front, so
that players start before the file has arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import BinaryIO

import av
from av.audio.stream import AudioStream

from transforms.audio.aac_policy import aac_options
from transforms.audio.encode import AAC_FRAME_SAMPLES, AAC_PRIMING_SAMPLES
from transforms.audio.filters import Block, Counted
from transforms.audio.stretches import encode_whole
from transforms.mux.libav import Unclosed
from transforms.plan import Encoding


def write(
    file: BinaryIO,
    encoding: Encoding,
    tags: Mapping[str, str],
    blocks: Iterable[Block],
    *,
    threads: int = 1,
) -> None:
    """Write an MP4 of one track."""
    rate = encoding.sample_rate_hz
    with av.open(
        Unclosed(file),
        "w",
        format="ipod",
        # The edit list counts in the movie's timescale; libav's 1000 would round the length.
        options={"movflags": "+faststart", "movie_timescale": str(rate)},
        # Moving the index makes libav open the file a second time, for reading.
        io_open=lambda *_: Unclosed(file),
    ) as container:
        container.metadata.update(tags)
        # This encoder is given nothing; the muxer asks it what the packets of its kind are like.
        stream = container.add_stream("aac", rate=rate, options=dict(aac_options(encoding)))
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "mono" if encoding.channels == 1 else "stereo"
        stream.codec_context.format = "fltp"
        stream.codec_context.bit_rate = encoding.bitrate_bps or 0
        container.start_encoding()
        sound = Counted(blocks)
        at = -AAC_PRIMING_SAMPLES
        for content in encode_whole(encoding, sound, threads=threads):
            packet = av.Packet(content)
            packet.stream = stream
            packet.time_base = Fraction(1, rate)
            packet.pts = packet.dts = at
            packet.duration = min(AAC_FRAME_SAMPLES, sound.samples - at)
            # Those behind the end hold nothing but padding.
            if packet.duration > 0:
                container.mux(packet)
            at += AAC_FRAME_SAMPLES
