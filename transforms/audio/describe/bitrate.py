"""
Bit rates as packets show them: how many bits a second of sound takes, and whether it is constant.

Headers say what an encoder was asked for. Packets say what it did.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import av

from transforms.audio.lengths.count import PacketCount
from transforms.audio.open import demux, open_track
from transforms.audio.packets import OPUS
from transforms.plan import SourceFacts
from transforms.sources import Source

# A packet this much larger than the smallest is more than a padding slot: 4 bytes in Layer I, 1 in
# the others (ISO 11172-3, 2.4.3.1), 2 in AC-3 (A/52, 5.4.1.4). Neighbours in their tables of bit
# rates make packets at least 12 bytes apart.
_SLOT_BYTES = 4

# All bit rates of ISO 11172-3, ISO 13818-3 and A/52 (table 5.18) are multiples of this.
_STEP_BPS = 8_000
_STEPPED = ("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float", "ac3")
_STEP_SLACK_BPS = 400

# What a coder does that adapts to the sound, even if a silence lets it look constant.
_ALWAYS_VARIABLE = ("flac", "alac", "tta", "wavpack", "wmalossless", "truehd", "mlp", "vorbis")
_FEWEST_PACKETS = 4


def bit_rate(
    count: PacketCount, facts: SourceFacts, *, played: Fraction, stated_bps: int | None
) -> int | None:
    """
    Tell a track's mean bit rate in bit/s.

    Args:
        count: Its packets.

        facts: What it is.

        played: Seconds that a player plays, which may be less than the packets hold.

        stated_bps: What the file's header says.

    Its bytes are divided by all the sound they hold, priming and padding included.
    """
    if facts.codec.startswith("pcm_") and stated_bps:
        return stated_bps
    if facts.frame_samples and facts.codec not in OPUS:
        held = Fraction(count.packets * facts.frame_samples, facts.sample_rate_hz)
    else:
        held = Fraction(count.samples, facts.sample_rate_hz) if count.exact else played
    if not held:
        return stated_bps
    counted = round(count.size_bytes * 8 / held)
    nominal = round(counted / _STEP_BPS) * _STEP_BPS
    if facts.codec in _STEPPED and _level(count) and abs(nominal - counted) <= _STEP_SLACK_BPS:
        # What is missing are padding slots that were not due yet.
        return nominal
    if not count.exact and _level(count) and stated_bps:
        # The duration is the container's claim; a constant rate is stated to the byte.
        return stated_bps
    return counted


def bit_rate_mode(
    source: Source, track: int, count: PacketCount, facts: SourceFacts, *, stated_variable: bool
) -> str | None:
    """
    Tell ``CBR`` from ``VBR``; ``None`` if there are no packets to tell from.

    Args:
        source: The bytes.

        track: Which audio track, from 1.

        count: Its packets.

        facts: What it is.

        stated_variable: The file says that packets of one size hold sound of different lengths.

    MPEG audio and AC-3 frames are as large as the bit rate in their headers makes them, so that
    equal sizes mean equal headers. The first packet (a Xing header) and the last (cut short) may
    differ; where they alone do is found by reading again, up to the first packet that varies.
    """
    if facts.codec.startswith(("pcm_", "adpcm_")):
        return "CBR"
    if not count.packets:
        return None
    variable = stated_variable or facts.codec.removeprefix("lib") in _ALWAYS_VARIABLE
    if not variable and not _level(count):
        variable = count.packets < _FEWEST_PACKETS or _varies(source, track)
    return "VBR" if variable else "CBR"


def _level(count: PacketCount) -> bool:
    return count.largest_bytes - count.smallest_bytes <= _SLOT_BYTES


def _varies(source: Source, track: int) -> bool:
    """Tell whether packets other than the first and the last differ by more than a slot."""
    smallest = largest = held = None
    for size in islice(_sizes(source, track), 1, None):
        if held is not None:
            smallest = held if smallest is None else min(smallest, held)
            largest = held if largest is None else max(largest, held)
            if largest - smallest > _SLOT_BYTES:
                return True
        held = size
    return False


def _sizes(source: Source, track: int) -> Iterator[int]:
    with open_track(source, track) as (container, stream):
        try:
            for packet in demux(container, stream):
                if packet.size:
                    yield packet.size
        except av.error.FFmpegError:
            return
