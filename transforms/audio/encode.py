"""
AAC, encoded: blocks in, packets of 1024 samples out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from transforms.audio.aac_policy import aac_options
from transforms.audio.filters import Block, rechunk
from transforms.plan import Encoding

AAC_FRAME_SAMPLES = 1024
AAC_PRIMING_SAMPLES = 1024


class AacEncoder:
    """One AAC-LC encoder from its first block to its last packet."""

    def __init__(self, encoding: Encoding) -> None:
        self._layout = "mono" if encoding.channels == 1 else "stereo"
        self._rate = encoding.sample_rate_hz
        context = CodecContext.create("aac", "w")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = encoding.sample_rate_hz
        context.layout = self._layout
        context.format = "fltp"
        context.bit_rate = encoding.bitrate_bps or 0
        context.options = dict(aac_options(encoding))
        self._context = context
        self.samples = 0

    def encode(self, blocks: Iterable[Block]) -> Iterator[bytes]:
        """Encode a whole timeline; the first packet holds nothing but priming."""
        for block in rechunk(blocks, AAC_FRAME_SAMPLES):
            for packet in self._context.encode(self._frame(block)):
                yield bytes(packet)
        for packet in self._context.encode(None):
            yield bytes(packet)

    def _frame(self, block: Block) -> AudioFrame:
        sane = np.ascontiguousarray(block)
        frame = AudioFrame.from_ndarray(sane, "fltp", self._layout)
        frame.sample_rate = self._rate
        frame.pts = self.samples
        self.samples += block.shape[1]
        return frame
