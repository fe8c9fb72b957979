"""
Which type an MPEG transport stream's program map gives a stream (ISO 13818-1, section 2.4.4.8).

libavformat has the type of most codecs in the stream's tag, but a registration descriptor's four
letters where there is one: AC-3, Opus, SMPTE 302M.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from transforms.sources import Source

_PACKET_BYTES = 188
_SYNC = 0x47
_PAT_PID = 0
_PROGRAM_MAP = 2

# Tables come again and again, several times a second.
_LOOKED_AT_BYTES = 1 << 20

# Bare packets, behind four bytes of a Blu-ray's, or with sixteen of parity behind them.
_STRIDES = (188, 192, 204)
_IN_STEP = 5


def stream_type(source: Source, pid: int) -> int | None:
    """Find the type of the elementary stream *pid* near the beginning of a source."""
    content = source.read_at(0, min(_LOOKED_AT_BYTES, source.size_bytes))
    maps: set[int] = set()
    for table_pid, section in _sections(content):
        if table_pid == _PAT_PID and section[0] == 0:
            programs = section[8:-4]
            maps |= {
                (programs[at + 2] & 0x1F) << 8 | programs[at + 3]
                for at in range(0, len(programs) - 3, 4)
                if programs[at : at + 2] != b"\0\0"
            }
        elif table_pid in maps and section[0] == _PROGRAM_MAP:
            found = _types(section).get(pid)
            if found is not None:
                return found
    return None


def _types(section: bytes) -> Mapping[int, int]:
    """List a program map's streams and their types."""
    found: dict[int, int] = {}
    at = 12 + _twelve_bits(section, 10)
    while at + 5 <= len(section) - 4:
        found[(section[at + 1] & 0x1F) << 8 | section[at + 2]] = section[at]
        at += 5 + _twelve_bits(section, at + 3)
    return found


def _twelve_bits(section: bytes, at: int) -> int:
    return (section[at] & 0x0F) << 8 | section[at + 1] if at + 2 <= len(section) else 0


def _sections(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Put tables together again of what packets carry (sections 2.4.3 and 2.4.4)."""
    open_sections: dict[int, bytearray] = {}
    for packet in _packets(content):
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        at = 5 + packet[4] if packet[3] & 0x20 else 4
        if not packet[3] & 0x10 or at >= len(packet):
            continue
        payload = packet[at:]
        if packet[1] & 0x40:
            payload = payload[1 + payload[0] :]
            # Of what is no table, this looks like one of another kind or length.
            open_sections[pid] = bytearray()
        begun = open_sections.get(pid)
        if begun is None:
            continue
        begun += payload
        size = 3 + _twelve_bits(bytes(begun[:3]), 1) if len(begun) >= 3 else 0
        if size and len(begun) >= size:
            del open_sections[pid]
            if size > 12:
                yield pid, bytes(begun[:size])


def _packets(content: bytes) -> Iterator[bytes]:
    for begin in range(min(max(_STRIDES), len(content))):
        for stride in _STRIDES:
            spots = range(begin, begin + _IN_STEP * stride, stride)
            if all(at < len(content) and content[at] == _SYNC for at in spots):
                for at in range(begin, len(content) - _PACKET_BYTES + 1, stride):
                    if content[at] == _SYNC:
                        yield content[at : at + _PACKET_BYTES]
                return
