"""
An MP4's length by its sample table, of which libav has made an index while opening the file.

Packets of an hour take half a second to read and the table takes nothing; what a table cannot
tell, priming and padding, is at the two ends, and those are read.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.lengths.claims import is_mov
from transforms.audio.lengths.count import Count, Tally, there
from transforms.plan import SourceFacts
from transforms.sources import Source

if TYPE_CHECKING:
    from av.index import IndexEntries

# Packets that are read at each end; encoders prime with no more than five.
_END_PACKETS = 16

# Looked at for being inside of the file; that none is empty is asked of all.
_SPOT_CHECKS = 1000

# Their packets are as long as the table says; of AAC it is known without it.
_BY_TABLE = ("alac", "flac")


def by_index(
    source: Source, container: InputContainer, stream: AudioStream, facts: SourceFacts
) -> Count | None:
    """
    Count a track of an MP4 (ISO 14496-12, sections 8.6.1 and 8.7) or QuickTime film.

    Returns:
        ``None`` where the packets have to be read: fragments, packets that are not there, edit
        lists that repeat or leave out some in the middle, codecs whose packets tell it themselves.
        Where the container is afterwards is not told.
    """
    index = stream.index_entries
    tail_at = len(index) - _END_PACKETS
    if not is_mov(container) or len(index) != stream.frames or tail_at <= _END_PACKETS:
        return None
    tally = Tally(container, stream, facts)
    samples = _samples(stream, tally.lengths.frame, index, _END_PACKETS, tail_at)
    if samples is None or not _all_there(source, index):
        return None
    head = list(islice(there(container, stream), _END_PACKETS))
    try:
        container.seek(index[tail_at].timestamp, stream=stream)
    except av.error.FFmpegError:
        return None
    tail = list(there(container, stream))
    whole = len(head) == len(tail) == _END_PACKETS and not head[-1].is_discard
    if not whole or (head[0].dts, tail[0].dts) != (index[0].timestamp, index[tail_at].timestamp):
        return None
    for packet in head:
        tally.add(packet)
    tally.add_unread(samples)
    for packet in tail:
        tally.add(packet)
    return tally.total()


def _samples(
    stream: AudioStream, frame: int | None, index: IndexEntries, first: int, end: int
) -> int | None:
    codec = stream.codec_context.codec.name
    if codec == "aac":
        # 2048 with spectral band replication, 960 by some broadcasters' wish.
        return None if frame is None else (end - first) * frame
    unit = stream.time_base
    if codec in _BY_TABLE and unit is not None and unit * stream.codec_context.sample_rate == 1:
        return int(index[end].timestamp - index[first].timestamp)
    return None


def _all_there(source: Source, index: IndexEntries) -> bool:
    """Tell whether the table's packets are in the file, and all of them have something in them."""
    step = 1 + len(index) // _SPOT_CHECKS
    spots = [*index[_END_PACKETS::step], index[-1]]
    inside = (entry.pos + entry.size <= source.size_bytes for entry in spots)
    return (
        all(inside)
        and not any(entry.is_discard for entry in spots)
        and all(entry.size for entry in index)
    )
