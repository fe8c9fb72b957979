"""
AAC, encoded: blocks in, packets of 1024 samples out.

Which of libavcodec's two coefficient searches serves which bitrate is decided here and nowhere
else; it is part of the engine, not of the URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from transforms.audio.filters import Block, rechunk
from transforms.plan import Encoding

AAC_FRAME_SAMPLES = 1024
AAC_PRIMING_SAMPLES = 1024

# The fast search is 3 to 4 times quicker and as good from here on up, a channel; below it the
# two-loop search spends the few bits better (measured by SNR and spectral distance).
_FAST_FROM_BPS_A_CHANNEL = 48_000


def aac_coder(encoding: Encoding) -> str:
    """Choose the coefficient search for an encoding: ``fast`` or ``twoloop``."""
    share = (encoding.bitrate_bps or 0) / encoding.channels
    return "fast" if share >= _FAST_FROM_BPS_A_CHANNEL else "twoloop"


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
        context.options = {"aac_coder": aac_coder(encoding)}
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
