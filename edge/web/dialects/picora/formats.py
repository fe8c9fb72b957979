"""
The formats that Picora hosts, and a first look at which of them a file is.

What a file is in the end, a worker says. But where it will be depends on it, and that is settled
before; so the first bytes are looked at while they pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from types import MappingProxyType
from typing import Final

from transforms.audio.file_formats import FileFormat

MIME_TYPES: Final[Mapping[FileFormat, str]] = MappingProxyType(
    {
        FileFormat.MP3: "audio/mpeg",
        FileFormat.M4A: "audio/mp4",
        FileFormat.AAC: "audio/aac",
        FileFormat.FLAC: "audio/flac",
        FileFormat.WAV: "audio/wav",
        FileFormat.OGG: "audio/ogg",
    }
)

_EXTENSIONS: Final = {
    **{each.value: each for each in MIME_TYPES},
    **{"m4b": FileFormat.M4A, "oga": FileFormat.OGG, "opus": FileFormat.OGG},
    "wave": FileFormat.WAV,
}

# An ID3v2 tag begins with so many bytes, the last four of which say how long the rest is
# (id3.org, id3v2.4.0-structure, 3.1); bit 4 of the flags announces a footer as long as that.
_ID3_BYTES: Final = 10
_ID3_FOOTER: Final = 0x10
_SIGNATURE_BYTES: Final = 12


class Signature:
    """The format of a file whose bytes pass by; tags in front of it are passed over."""

    def __init__(self) -> None:
        self._skip_bytes = 0
        self._head = bytearray()
        self._tagged = False
        self.settled = False
        self._format: FileFormat | None = None

    @property
    def format(self) -> FileFormat | None:
        """What it looks like so far; None if it is none that is known here."""
        if self.settled:
            return self._format
        return _named(bytes(self._head)) or (FileFormat.MP3 if self._tagged else None)

    def see(self, piece: bytes) -> None:
        """Look at the next bytes."""
        while piece and not self.settled:
            passed = min(self._skip_bytes, len(piece))
            self._skip_bytes -= passed
            wanted = _SIGNATURE_BYTES - len(self._head)
            self._head += piece[passed : passed + wanted]
            piece = piece[passed + wanted :] if len(self._head) == _SIGNATURE_BYTES else b""
            if len(self._head) < _SIGNATURE_BYTES:
                return
            piece = self._read(piece)

    async def watch(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Let a body pass, and look at its beginning."""
        async for piece in pieces:
            self.see(piece)
            yield piece

    def _read(self, rest: bytes) -> bytes:
        head = bytes(self._head)
        if not head.startswith(b"ID3"):
            self._format = _named(head) or (FileFormat.MP3 if self._tagged else None)
            self.settled = True
            return b""
        self._tagged = True
        self._skip_bytes = sum((head[6 + i] & 0x7F) << (21 - 7 * i) for i in range(4))
        self._skip_bytes += _ID3_BYTES if head[5] & _ID3_FOOTER else 0
        self._head.clear()
        return head[_ID3_BYTES:] + rest


def format_named(filename: str | None) -> FileFormat | None:
    """Tell the format that a file's name promises."""
    return _EXTENSIONS.get((filename or "").rpartition(".")[2].lower())


def _named(head: bytes) -> FileFormat | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return FileFormat.WAV
    if head[4:8] == b"ftyp":
        return FileFormat.M4A
    if head.startswith(b"fLaC"):
        return FileFormat.FLAC
    if head.startswith(b"OggS"):
        return FileFormat.OGG
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # The sync word of MPEG audio; layer 0 is that of ADTS (ISO/IEC 13818-7, 6.2).
        return FileFormat.MP3 if head[1] & 0x06 else FileFormat.AAC
    return None
