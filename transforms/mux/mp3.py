"""
MP3, the file: an ID3 tag, the Xing/LAME frame with priming and padding, then the stream.

The LAME frame is what makes an MP3 gapless and seekable, so its place is kept at the beginning
and it is written last, when its numbers are known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from transforms.audio.filters import Block, rechunk
from transforms.audio.lame import FRAME_SAMPLES, LameEncoder, load, tag_fits
from transforms.audio.lame_parts import LameParts
from transforms.mux.id3 import id3
from transforms.plan import Encoding


def write(
    file: BinaryIO,
    encoding: Encoding,
    tags: Mapping[str, str],
    blocks: Iterable[Block],
    *,
    threads: int = 1,
) -> None:
    """Write an MP3 file with the fastest LAME there is."""
    library = load()
    if library is None:
        _write_with_libav(file, encoding, tags, blocks)
        return
    start = file.write(id3(tags))
    with contextlib.ExitStack() as stack:
        encoder: LameParts | LameEncoder
        if threads > 1 and not encoding.average and tag_fits(encoding):
            encoder = LameParts(library, encoding, threads=threads)
        else:
            encoder = stack.enter_context(LameEncoder(library, encoding))
        for piece in encoder.encode(blocks):
            file.write(piece)
        file.seek(start)
        file.write(encoder.tag_frame())


def encoder_name() -> str:
    """Name the encoder that ``write`` uses, for reports and ``doctor``."""
    library = load()
    return f"libmp3lame ({library.origin})" if library else "libmp3lame (PyAV)"


def _write_with_libav(
    file: BinaryIO, encoding: Encoding, tags: Mapping[str, str], blocks: Iterable[Block]
) -> None:
    layout = "mono" if encoding.channels == 1 else "stereo"
    with av.open(file, "w", format="mp3", options={"id3v2_version": "4"}) as container:
        container.metadata.update(tags)
        stream = container.add_stream("libmp3lame", rate=encoding.sample_rate_hz)
        assert isinstance(stream, AudioStream)
        context = stream.codec_context
        context.layout = layout
        context.format = "fltp"
        context.bit_rate = encoding.bitrate_bps or 0
        if encoding.average:
            context.options = {"abr": "1"}
        at = 0
        for block in rechunk(blocks, FRAME_SAMPLES):
            sane = np.clip(np.nan_to_num(block), -1.0, 1.0).astype(np.float32)
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(sane), "fltp", layout)
            frame.sample_rate = encoding.sample_rate_hz
            frame.pts = at
            at += block.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
