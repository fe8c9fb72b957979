"""
MPEG-TS segments with one AAC stream in ADTS (ISO 13818-1; RFC 8216, 3.2).

This one adds 9 % to 96 kbps in segments of 6 s. Six are ADTS and what the standard asks for:
packet headers, tables, a clock. One is what PES packets leave empty, little because each ends with
the frame that fills its last transport packet best. The rest lets segments be made alone.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from transforms.audio.encode import AAC_FRAME_SAMPLES, AAC_PRIMING_SAMPLES
from transforms.mux.adts import HEADER_BYTES, header
from transforms.mux.segments import audible
from transforms.plan import Encoding

PAT_PID = 0
PMT_PID = 0x1000
AUDIO_PID = 0x100

# When the sound begins: late enough that neither the priming nor the first PCR is before zero.
START_SECONDS = 10

_PACKET_BYTES = 188
_BODY_BYTES = 184
_PTS_HZ = 90_000
_PCR_HZ = 27_000_000
_LARGEST_PES_LENGTH = 0xFFFF

# ISO 13818-1: a PTS at least every 0.7 s (2.7.4), a PCR at least every 0.1 s (2.7.2).
_LONGEST_PES_SECONDS = Fraction(7, 10)
_PCRS_A_SECOND = 10

# Length, flags and the PCR itself (2.4.3.4).
_PCR_FIELD_BYTES = 8
_RANDOM_ACCESS, _PCR_FLAG = 0x40, 0x10

# Start code to PTS, and how much of it PES_packet_length counts (2.4.3.6).
_PES_HEADER_BYTES = 14
_PES_COUNTED_BYTES = 8
_AUDIO_STREAM_ID = 0xC0
_ALIGNED, _WITH_PTS = 0x84, 0x80

# Continuity counters have four bits.
_COUNTED = 16

_UNIT_START = 0x4000
_PAYLOAD, _ADAPTATION = 0x10, 0x20


def crc32_mpeg2(section: bytes) -> int:
    """Compute the CRC of a section (ISO 13818-1, annex A): not reflected, not inverted."""
    crc = 0xFFFFFFFF
    for byte in section:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def _section_packet(table: int, rest: bytes) -> bytes:
    """Lay out a table in one transport packet's body: number 1, version 0, current (2.4.4)."""
    section_length = 5 + len(rest) + 4
    section = struct.pack(">BHHBBB", table, 0xB000 | section_length, 1, 0xC1, 0, 0) + rest
    return (b"\x00" + section + struct.pack(">I", crc32_mpeg2(section))).ljust(_BODY_BYTES, b"\xff")


_ADTS_STREAM_TYPE = 0x0F
_PAT = _section_packet(0, struct.pack(">HH", 1, 0xE000 | PMT_PID))
_PMT = _section_packet(
    2,
    struct.pack(
        ">HHBHH", 0xE000 | AUDIO_PID, 0xF000, _ADTS_STREAM_TYPE, 0xE000 | AUDIO_PID, 0xF000
    ),
)


# One row for each transport packet.
_Packets: TypeAlias = NDArray[np.uint8]

# There are no more than 8184 lengths, and a variant's packets have a few hundred.
_header = cache(header)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """
    The transport packets from one PCR to the next, within a PES packet.

    The first of them holds ``room`` bytes of the stream, from byte ``begin`` on; those behind it
    hold ``_BODY_BYTES`` each. ``before`` counts the PES packet's packets ahead of the run.
    """

    begin: int
    room: int
    before: int

    def packets_up_to(self, end: int) -> int:
        """Count the PES packet's packets if it ends, in this run, before the stream's *end*."""
        return self.before + 1 + -(-max(0, end - self.begin - self.room) // _BODY_BYTES)


class _Stream:
    """A segment's frames with their headers, and when each byte of them is due."""

    def __init__(self, packets: Sequence[bytes], encoding: Encoding) -> None:
        rate, channels = encoding.sample_rate_hz, encoding.channels
        self.content = b"".join([_header(len(p), rate, channels) + p for p in packets])
        self.frames = len(packets)
        # Where each frame begins, and where the last one ends.
        self.begins = list(accumulate((len(p) + HEADER_BYTES for p in packets), initial=0))

    def samples_at(self, byte: int) -> int:
        """Tell how many samples the bytes before *byte* stand for, rounded down."""
        frame = bisect_right(self.begins, byte) - 1
        if frame == self.frames:
            return frame * AAC_FRAME_SAMPLES
        begin, end = self.begins[frame], self.begins[frame + 1]
        return frame * AAC_FRAME_SAMPLES + AAC_FRAME_SAMPLES * (byte - begin) // (end - begin)

    def byte_at(self, samples: int) -> int:
        """Tell a last byte whose ``samples_at`` is not past *samples*."""
        frame, rest = divmod(samples, AAC_FRAME_SAMPLES)
        if frame >= self.frames:
            return self.begins[-1]
        begin, end = self.begins[frame], self.begins[frame + 1]
        return begin + rest * (end - begin) // AAC_FRAME_SAMPLES


@dataclass(slots=True)
class _Bodies:
    """What follows the four header bytes of each audio packet, and what those have to say."""

    pieces: list[bytes] = field(default_factory=list)
    packets: int = 0
    unit_starts: list[int] = field(default_factory=list)
    with_adaptation: list[int] = field(default_factory=list)


class TsMuxer:
    """
    Makes segments that, joined in order, are one transport stream without a flaw.

    Each can be made without those before it: times follow from the numbers of the packets, and
    a segment's audio packets are as many as continuity counters can count, or a multiple of that,
    so that every segment's begin with 0 (2.4.3.3).
    """

    extension = "ts"
    media_type = "video/mp2t"

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._rate = encoding.sample_rate_hz
        self._pcr_interval_samples = self._rate // _PCRS_A_SECOND
        self._most_frames = int(_LONGEST_PES_SECONDS * self._rate / AAC_FRAME_SAMPLES)

    def initialisation(self) -> None:
        """Return ``None``: every segment has its own PAT and PMT."""

    def segment(
        self,
        packets: Sequence[bytes],
        *,
        number: int,
        first_packet: int,
        padding_samples: int = 0,
    ) -> bytes:
        """
        Mux a segment, as ``SegmentMuxer`` says.

        TS cannot say that a frame ends early, so the last one is played with its padding.
        """
        stream = _Stream(audible(packets, padding_samples), self._encoding)
        first_sample = first_packet * AAC_FRAME_SAMPLES - AAC_PRIMING_SAMPLES
        bodies = _Bodies()
        frame = 0
        while frame < stream.frames:
            runs, end = self._lay_out(stream, frame)
            self._write(bodies, stream, runs, frame, end, first_sample)
            frame = end
        return _framed(bodies, number)

    def _lay_out(self, stream: _Stream, first: int) -> tuple[list[_Run], int]:
        """Choose where the PES packet that begins with frame *first* ends, by bytes a packet."""
        begin = stream.begins[first]
        longest = begin + _LARGEST_PES_LENGTH - _PES_COUNTED_BYTES
        last = min(first + self._most_frames, bisect_right(stream.begins, longest) - 1)
        if last >= stream.frames:
            return list(self._runs(stream, begin, stream.begins[-1])), stream.frames
        runs = list(self._runs(stream, begin, stream.begins[last]))
        best, best_fill, run = last, 0.0, len(runs) - 1
        for end in range(last, first, -1):
            end_byte = stream.begins[end]
            while runs[run].begin >= end_byte:
                run -= 1
            fill = (end_byte - begin) / runs[run].packets_up_to(end_byte)
            if fill > best_fill:
                best, best_fill = end, fill
        return runs, best

    def _runs(self, stream: _Stream, begin: int, end: int) -> Iterator[_Run]:
        """Place a PCR as late as it may come, from the beginning of a PES packet on."""
        room, before = _BODY_BYTES - _PCR_FIELD_BYTES - _PES_HEADER_BYTES, 0
        while begin < end:
            due = stream.byte_at(stream.samples_at(begin) + self._pcr_interval_samples)
            room = min(room, due - begin)
            more = (due - begin - room) // _BODY_BYTES
            yield _Run(begin=begin, room=room, before=before)
            begin += room + more * _BODY_BYTES
            before += 1 + more
            room = _BODY_BYTES - _PCR_FIELD_BYTES

    def _write(
        self,
        bodies: _Bodies,
        stream: _Stream,
        runs: Sequence[_Run],
        first: int,
        end: int,
        first_sample: int,
    ) -> None:
        """Write the PES packet of frames *first* to *end*."""
        begin_byte, end_byte = stream.begins[first], stream.begins[end]
        head = self._pes_header(first_sample + first * AAC_FRAME_SAMPLES, end_byte - begin_byte)
        flags = _RANDOM_ACCESS | _PCR_FLAG
        bodies.unit_starts.append(bodies.packets)
        for number, run in enumerate(runs):
            if run.begin >= end_byte:
                break
            stop = min(end_byte, runs[number + 1].begin) if number + 1 < len(runs) else end_byte
            split = min(stop, run.begin + run.room)
            spare = _BODY_BYTES - len(head) - (split - run.begin)
            pcr = self._pcr(first_sample + stream.samples_at(run.begin))
            bodies.with_adaptation.append(bodies.packets)
            bodies.pieces += (
                _adaptation(spare, flags, pcr),
                head,
                stream.content[run.begin : split],
            )
            whole, rest = divmod(stop - split, _BODY_BYTES)
            bodies.packets += 1 + whole
            bodies.pieces.append(stream.content[split : stop - rest])
            if rest:
                bodies.with_adaptation.append(bodies.packets)
                bodies.pieces += (
                    _adaptation(_BODY_BYTES - rest),
                    stream.content[stop - rest : stop],
                )
                bodies.packets += 1
            head, flags = b"", _PCR_FLAG

    def _pes_header(self, sample: int, size: int) -> bytes:
        pts = round(Fraction(sample * _PTS_HZ, self._rate)) + START_SECONDS * _PTS_HZ
        return struct.pack(
            ">IHBBBBHH",
            0x100 | _AUDIO_STREAM_ID,
            size + _PES_COUNTED_BYTES,
            _ALIGNED,
            _WITH_PTS,
            5,
            0x21 | pts >> 29 & 0xE,
            pts >> 14 & 0xFFFE | 1,
            pts << 1 & 0xFFFE | 1,
        )

    def _pcr(self, sample: int) -> bytes:
        """
        Write the time at which the byte that stands for *sample* comes in.

        A frame is there by the PCR after its last byte, so no later than one frame and one PCR
        interval after its first: that much earlier than it is played, all comes in.
        """
        arrival = sample - self._pcr_interval_samples - AAC_FRAME_SAMPLES
        ticks = START_SECONDS * _PCR_HZ + arrival * _PCR_HZ // self._rate
        base, extension = divmod(ticks, _PCR_HZ // _PTS_HZ)
        return ((base & (1 << 33) - 1) << 15 | 0x7E00 | extension).to_bytes(6, "big")


def _framed(bodies: _Bodies, number: int) -> bytes:
    """Put the header in front of each packet's body (2.4.3.2), and the tables first of all."""
    tables = _rows(b"".join((_PAT, _PMT)))
    tables[:, 1] = (_UNIT_START | PAT_PID) >> 8, (_UNIT_START | PMT_PID) >> 8
    tables[:, 2] = PAT_PID & 0xFF, PMT_PID & 0xFF
    tables[:, 3] = _PAYLOAD | number % _COUNTED
    audio = _rows(b"".join(bodies.pieces))
    audio[:, 1:3] = AUDIO_PID >> 8, AUDIO_PID & 0xFF
    audio[bodies.unit_starts, 1] |= _UNIT_START >> 8
    audio[:, 3] = _PAYLOAD
    audio[bodies.with_adaptation, 3] |= _ADAPTATION
    while missing := -len(audio) % _COUNTED:
        more = _with_more(audio, missing)
        if len(more) == len(audio):
            # So few bytes only a last segment has, and nothing has to go on from there.
            break
        audio = more
    audio[:, 3] |= np.arange(len(audio), dtype=np.uint8) % _COUNTED
    return tables.tobytes() + audio.tobytes()


def _rows(bodies: bytes) -> _Packets:
    packets = np.empty((len(bodies) // _BODY_BYTES, _PACKET_BYTES), np.uint8)
    packets[:, 0] = 0x47
    packets[:, 4:] = np.frombuffer(bodies, np.uint8).reshape(-1, _BODY_BYTES)
    return packets


def _with_more(packets: _Packets, wanted: int) -> _Packets:
    """Halve payloads, the last ones first, to make *wanted* more packets of them."""
    rows: list[bytes] = []
    for row in map(bytes, packets[::-1]):
        begin = 5 + row[4] if row[3] & _ADAPTATION else 4
        start = row[1] & _UNIT_START >> 8
        # A PES packet's header stays in one piece.
        whole = _PES_HEADER_BYTES if start else 0
        payload = row[begin:]
        if wanted and len(payload) >= whole + 2:
            middle = (whole + len(payload)) // 2
            flags = row[5] if begin > 5 else 0
            pcr = row[6:12] if flags & _PCR_FLAG else b""
            rows += (
                _packet(0, payload[middle:], 0, b""),
                _packet(start, payload[:middle], flags, pcr),
            )
            wanted -= 1
        else:
            rows.append(row)
    return np.frombuffer(b"".join(reversed(rows)), np.uint8).reshape(-1, _PACKET_BYTES).copy()


def _packet(start: int, payload: bytes, flags: int, pcr: bytes) -> bytes:
    head = bytes((0x47, start | AUDIO_PID >> 8, AUDIO_PID & 0xFF, _PAYLOAD | _ADAPTATION))
    return head + _adaptation(_BODY_BYTES - len(payload), flags, pcr) + payload


def _adaptation(size: int, flags: int = 0, pcr: bytes = b"") -> bytes:
    """Write an adaptation field of *size* bytes, stuffed as needed (2.4.3.4)."""
    if size == 1:
        return b"\x00"
    return (bytes((size - 1, flags)) + pcr).ljust(size, b"\xff")
