"""How long a track is by its packets: exact for every codec whose packets say what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transforms.audio.lengths.claims import is_mov, stated_end, stated_gapless
from transforms.audio.open import demux
from transforms.audio.packets import SELF_LIMITED, PacketLengths, skipped
from transforms.plan import Landmarks, LandmarkUnit, SourceFacts

# Streams of frames that each begin with a sync word: decoding can begin with any of them.
SELF_FRAMING = ("mp3", "aac", "ac3", "eac3")

# Up to two hours; then fewer.
_LANDMARK_SECONDS = 12
_MOST_LANDMARKS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """
    A track's length in ``samples``, without priming and padding.

    ``exact`` tells whether counting packets gives this codec's length to the sample.
    """

    samples: int
    exact: bool
    landmarks: Landmarks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCount(Count):
    """The same of a track whose every packet was read, and what those weigh in bytes."""

    packets: int
    size_bytes: int
    smallest_bytes: int
    largest_bytes: int


def count_packets(
    container: InputContainer, stream: AudioStream, facts: SourceFacts
) -> PacketCount:
    """Read every packet of a track; the container is at its end afterwards."""
    tally = Tally(container, stream, facts)
    packets = size = smallest = largest = 0
    for packet in there(container, stream):
        tally.add(packet)
        packets += 1
        size += packet.size
        largest = max(largest, packet.size)
        smallest = packet.size if packets == 1 else min(smallest, packet.size)
    count = tally.total()
    return PacketCount(
        packets=packets,
        samples=count.samples,
        exact=count.exact,
        landmarks=count.landmarks,
        size_bytes=size,
        smallest_bytes=smallest,
        largest_bytes=largest,
    )


def there(container: InputContainer, stream: AudioStream) -> Iterator[av.Packet[AudioStream]]:
    """Yield the packets that a track has from here on, as far as the file can be read."""
    try:
        for packet in demux(container, stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        # What a truncated or damaged file still holds has been yielded.
        return


class Tally:
    """Adds up a track's packets, in their order."""

    def __init__(self, container: InputContainer, stream: AudioStream, facts: SourceFacts) -> None:
        self.lengths = PacketLengths(stream)
        self._facts = facts
        self._mov = is_mov(container)
        self._gapless = stated_gapless(container)
        self._samples = 0
        self._at_other_rates = Fraction(0)
        self._ticks = 0
        self._skip = self._gapless[0] if self._gapless else 0
        self._ends = 0
        self._exact = True
        # Whether sound follows where an end was to be dropped: only one pass drops it there.
        self._resumed = False
        self._last: av.Packet[AudioStream] | None = None
        self._marks = _Marks(
            by_byte=container.format.name in SELF_FRAMING,
            every_samples=_LANDMARK_SECONDS * facts.sample_rate_hz,
        )

    def add(self, packet: av.Packet[AudioStream], *, marked: bool = True) -> None:
        """Count one packet that is not empty, ``marked`` if it may be a landmark."""
        if marked:
            self._marks.pass_by(packet, self._samples - self._skip)
        held = self.lengths.of(packet)
        if held is None:
            self._exact = False
            held = 0
        first, last = skipped(packet)
        self._skip += first
        if packet.is_discard:
            # Before the edit list's beginning: what is dropped with it need not be dropped again.
            self._skip = max(0, self._skip - held)
            return
        self._ticks += packet.duration or 0
        rate = self.lengths.rate_hz(packet)
        if rate == self._facts.sample_rate_hz:
            self._samples += held
        else:
            self._at_other_rates += Fraction(held * self._facts.sample_rate_hz, rate)
        self._resumed = self._resumed or (self._ends > 0 and held > last)
        if last and held and self._facts.codec not in SELF_LIMITED:
            self._ends += last
        self._last = packet

    def add_unread(self, samples: int, places: Sequence[tuple[int, int]] = ()) -> None:
        """
        Count packets that nobody has to read, all of the track's own rate.

        Args:
            samples: What they hold.

            places: How many samples before some of them, counted from the first, and their byte.
        """
        before = self._samples - self._skip
        self._marks.places += [(before + passed, byte) for passed, byte in places]
        self._samples += samples

    def total(self) -> Count:
        """Tell the length, now that all is added."""
        facts = self._facts
        if self._exact:
            whole = self._samples + round(self._at_other_rates)
        else:
            whole = round(self.lengths.in_samples(self._ticks))
        samples = max(0, whole - self._skip - self._ends)
        if self._mov:
            if self._last is not None:
                samples -= self._cut_off(self._last)
            samples = stated_end(facts.samples, samples, facts.sample_rate_hz)
        if self._gapless:
            samples = min(samples, self._gapless[1] or samples)
        steady = self._exact and not self._at_other_rates and not self._resumed
        landmarks = self._marks.landmarks() if steady else None
        return Count(samples=samples, exact=self._exact, landmarks=landmarks)

    def _cut_off(self, last: av.Packet[AudioStream]) -> int:
        """Tell how many samples of an MP4's last packet its duration leaves out."""
        kept, held = self.lengths.cut(last), self.lengths.of(last) or 0
        return 0 if kept is None else max(0, held - kept)


class _Marks:
    """Picks places from which a track can be decoded."""

    def __init__(self, *, by_byte: bool, every_samples: int) -> None:
        self.places: list[tuple[int, int]] = []
        self._by_byte = by_byte
        self._every = self._due = every_samples
        self._latest: int | None = None
        self._rising = True

    def pass_by(self, packet: av.Packet[AudioStream], sample: int) -> None:
        """Take note of a packet whose first sample a player counts *sample*."""
        tick = packet.pts
        if not self._by_byte:
            follows = tick is not None and (self._latest is None or tick > self._latest)
            self._rising = self._rising and follows
            self._latest = tick
        # What has no place in the file is within a larger unit, and its time is somebody's sum.
        if sample >= self._due and packet.pos is not None:
            self._due = sample + self._every
            place = packet.pos if self._by_byte else tick
            self.places += [(sample, place)] if place is not None else []

    def landmarks(self) -> Landmarks | None:
        """Hand them out, a day's as few as an hour's; none where times do not tell packets."""
        if not self.places or not self._rising:
            return None
        thinned = self.places[:: 1 + len(self.places) // _MOST_LANDMARKS]
        unit = LandmarkUnit.BYTES if self._by_byte else LandmarkUnit.TICKS
        return Landmarks(unit=unit, places=tuple(thinned))
