"""
LAME, called directly.

The libmp3lame inside PyAV's wheel makes the same bits 2.5 to 3.5 times slower than a well-built
one (measured). The ``lameenc`` package carries such a build, but its Python interface takes
16-bit samples only and hides the LAME tag; its shared object exports LAME's own C interface,
which has both, so that is what is called here. Without it the system's libmp3lame serves, and
without that ``transforms.mux.mp3`` falls back to PyAV's.
"""

from __future__ import annotations

import ctypes
import importlib.util
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from transforms.audio.filters import Block
from transforms.plan import Encoding
from transforms.problems import RenderFailed

FRAME_SAMPLES = 1152

_SYSTEM_LIBRARIES = ("libmp3lame.so.0", "libmp3lame.0.dylib")
_ABR = 3

# LAME's VbrTag.c, LAMEHEADERSIZE.
_TAG_BYTES = 156

_MONO = 3

# Each encoder holds three copies of so much; larger blocks are not encoded sooner (measured).
_BLOCK_SAMPLES = 8 * 1024

# LAME's own worst case for one call (lame.h, lame_encode_buffer): 1.25 samples + 7200 bytes.
_BUFFER_BYTES = _BLOCK_SAMPLES * 5 // 4 + 7200

_SETTERS = (
    *("lame_set_in_samplerate", "lame_set_out_samplerate", "lame_set_num_channels"),
    *("lame_set_mode", "lame_set_brate", "lame_set_VBR", "lame_set_VBR_mean_bitrate_kbps"),
    *("lame_set_VBR_min_bitrate_kbps", "lame_set_VBR_max_bitrate_kbps", "lame_set_VBR_hard_min"),
    *("lame_set_bWriteVbrTag", "lame_set_write_id3tag_automatic"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A LAME that can be called, and where it came from."""

    origin: str
    calls: ctypes.CDLL


def tag_fits(encoding: Encoding) -> bool:
    """
    Tell whether LAME writes its tag into a constant-bitrate stream; it needs room in one frame.

    Frame sizes are those of ISO 11172-3 and 13818-3, 2.4.3.1.
    """
    mpeg1 = encoding.sample_rate_hz >= 32000
    stereo_side, mono_side = (32, 17) if mpeg1 else (17, 9)
    side = mono_side if encoding.channels == 1 else stereo_side
    frame = (144 if mpeg1 else 72) * (encoding.bitrate_bps or 0) // encoding.sample_rate_hz
    return frame >= 4 + side + _TAG_BYTES


@lru_cache(maxsize=1)
def load() -> Library | None:
    """Find a LAME to call, the fastest first; ``None`` if there is none."""
    spec = importlib.util.find_spec("lameenc")
    candidates = [("lameenc", spec.origin)] if spec and spec.origin else []
    candidates += [("system", name) for name in _SYSTEM_LIBRARIES]
    for origin, name in candidates:
        try:
            calls = ctypes.CDLL(name)
            _declare(calls)
        except (OSError, AttributeError):
            continue
        return Library(origin=origin, calls=calls)
    return None


def _declare(calls: ctypes.CDLL) -> None:
    handle, floats = ctypes.c_void_p, ctypes.POINTER(ctypes.c_float)
    bytes_out = ctypes.POINTER(ctypes.c_ubyte)
    calls.lame_init.restype = handle
    for name in _SETTERS:
        getattr(calls, name).argtypes = [handle, ctypes.c_int]
    for name in ("lame_init_params", "lame_close"):
        getattr(calls, name).argtypes = [handle]
    encode = calls.lame_encode_buffer_ieee_float
    encode.argtypes = [handle, floats, floats, ctypes.c_int, bytes_out, ctypes.c_int]
    calls.lame_encode_flush.argtypes = [handle, bytes_out, ctypes.c_int]
    calls.lame_get_lametag_frame.argtypes = [handle, ctypes.c_char_p, ctypes.c_size_t]
    calls.lame_get_lametag_frame.restype = ctypes.c_size_t


class LameEncoder:
    """
    One MP3 stream; use as a context manager, because its state lives outside Python.

    Args:
        tag: Whether its first frame is room for ``tag_frame``.
    """

    def __init__(self, library: Library, encoding: Encoding, *, tag: bool = True) -> None:
        self._calls = library.calls
        self._handle: Any = self._calls.lame_init()
        if not self._handle:
            raise RenderFailed("The MP3 encoder could not be started.")
        # One that a part's thread has made may be dropped where nobody can close it.
        self._free = weakref.finalize(self, self._calls.lame_close, self._handle)
        kbps = (encoding.bitrate_bps or 0) // 1000
        self._set("lame_set_in_samplerate", encoding.sample_rate_hz)
        self._set("lame_set_out_samplerate", encoding.sample_rate_hz)
        self._set("lame_set_num_channels", encoding.channels)
        if encoding.channels == 1:
            self._set("lame_set_mode", _MONO)
        if encoding.average or not tag_fits(encoding):
            self._set("lame_set_VBR", _ABR)
            self._set("lame_set_VBR_mean_bitrate_kbps", kbps)
            if not encoding.average:
                # A mean with no room around it is constant, and its tag has a frame of its own.
                self._set("lame_set_VBR_min_bitrate_kbps", kbps)
                self._set("lame_set_VBR_max_bitrate_kbps", kbps)
                self._set("lame_set_VBR_hard_min", 1)
        else:
            self._set("lame_set_brate", kbps)
        self._set("lame_set_bWriteVbrTag", int(tag))
        self._set("lame_set_write_id3tag_automatic", 0)
        self._buffer = (ctypes.c_ubyte * _BUFFER_BYTES)()
        if self._calls.lame_init_params(self._handle) < 0:
            self.close()
            raise RenderFailed("The MP3 encoder refused its settings.")

    def __enter__(self) -> LameEncoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def encode(self, blocks: Iterable[Block]) -> Iterator[bytes]:
        """
        Encode a whole timeline of float32 blocks.

        Yields:
            The stream's bytes; the first frame is room for ``tag_frame``.
        """
        yield from self.go_on(blocks)
        yield self.end()

    def go_on(self, blocks: Iterable[Block]) -> Iterator[bytes]:
        """Encode what comes next of a timeline; LAME holds back the last few frames of it."""
        for block in blocks:
            for first in range(0, block.shape[1], _BLOCK_SAMPLES):
                yield self._encoded(block[:, first : first + _BLOCK_SAMPLES])

    def end(self) -> bytes:
        """Encode what is held back; nothing can come after it."""
        return self._taken(self._calls.lame_encode_flush(self._handle, self._buffer, _BUFFER_BYTES))

    def tag_frame(self) -> bytes:
        """Return the Xing/LAME frame for the stream's beginning, once all is encoded."""
        room = ctypes.create_string_buffer(4096)
        size = self._calls.lame_get_lametag_frame(self._handle, room, len(room))
        return room.raw[:size] if 0 < size <= len(room) else b""

    def close(self) -> None:
        """Free the encoder; calling it again does nothing."""
        self._free()
        self._handle = None

    def _encoded(self, block: Block) -> bytes:
        # A NaN makes LAME abort the process, and its scale knows no samples past full.
        sane = np.clip(block, -1.0, 1.0).astype(np.float32, copy=False)
        np.copyto(sane, 0.0, where=np.isnan(sane))
        left = np.ascontiguousarray(sane[0])
        right = np.ascontiguousarray(sane[-1])
        written = self._calls.lame_encode_buffer_ieee_float(
            self._handle, _floats(left), _floats(right), left.size, self._buffer, _BUFFER_BYTES
        )
        return self._taken(written)

    def _taken(self, written: int) -> bytes:
        if written < 0:
            raise RenderFailed(f"The MP3 encoder failed with code {written}.")
        return bytes(memoryview(self._buffer)[:written])

    def _set(self, name: str, value: int) -> None:
        if getattr(self._calls, name)(self._handle, value) < 0:
            raise RenderFailed(f"The MP3 encoder refused {name.removeprefix('lame_set_')}={value}.")


def _floats(samples: Block) -> Any:  # ctypes has no static type for a typed pointer instance.
    return samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
