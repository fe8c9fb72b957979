"""
Decoding one track, exact to the sample.

Position 0 is the first sample a player plays: libavcodec drops the priming that the container
states (edit lists, LAME and iTunSMPB tags, Opus pre-skip) and positions are counted, not taken
from timestamps, so that a container's rounding never moves a sample. Where the container allows
an exact landing, a late start is reached by seeking to a little before it. A packet that cannot be
decoded leaves silence of its length behind, so that what follows stays where it belongs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain, dropwhile, islice

import av
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream

from transforms.audio.adts_begin import from_first_frame
from transforms.audio.chain import first_link, next_link
from transforms.audio.edits import EditedTrack, edited_track, length, played
from transforms.audio.entry import Entry, opened_before
from transforms.audio.frames import FIRST_UNCOUNTABLE_PLANES, Packer, cut, reordered, silence
from transforms.audio.layouts import is_list, settle
from transforms.audio.lengths.claims import is_mov, stated_gapless
from transforms.audio.open import (
    HIGHEST_SAMPLE_RATE_HZ,
    LOWEST_SAMPLE_RATE_HZ,
    MOST_CHANNELS,
)
from transforms.audio.packets import (
    MPEG_AUDIO,
    SELF_LIMITED,
    STEADY,
    PacketLengths,
    keep_end,
    skipped,
)
from transforms.audio.survey import silent_file, survey
from transforms.audio.track_ends import Position, edit_list_end, ended, extent, trimmed
from transforms.plan import Landmarks
from transforms.problems import RenderFailed, UnsupportedMedia
from transforms.sources import LinkedFile, Source

# So many timestamps settle where decoding has begun.
_TIMED_FRAMES = 9


def decode(
    source: Source,
    *,
    track: int = 1,
    start: int = 0,
    end: int | None = None,
    landmarks: Landmarks | None = None,
) -> Iterator[AudioFrame]:
    """
    Decode the samples ``start <= n < end`` of one track.

    Args:
        source: The bytes.

        track: Which audio track, from 1.

        start: First sample wanted, in the track's own sample rate.

        end: First sample no longer wanted; ``None`` for all there is. Past the end of the track
            it changes nothing.

        landmarks: As in ``SourceFacts``, of a track whose *end* is given: padding is not told in
            the middle of a file.

    Yields:
        Frames in the decoder's own format, whose lengths add up to exactly the samples there are.

    Raises:
        UnsupportedMedia: As ``open_track`` says, or not one packet could be decoded.
        RenderFailed: The track ends before *start*.
    """
    first = first_link(source)
    known = landmarks if end is not None else None
    reached_end = began = False
    try:
        reached_end = yield from _decode_link(first, track, start, end, known)
        began = True
    except (RenderFailed, UnsupportedMedia):
        if next_link(first) is None:
            raise
    # A chain has no landmarks.
    if reached_end or known is not None or next_link(first) is None:
        return
    yield from _decode_others(first, track, start, end, began=began)


def _decode_others(
    first: Source, track: int, start: int, end: int | None, *, began: bool
) -> Iterator[AudioFrame]:
    """Decode the links of a chain behind the first, whose rate *start* and *end* count in."""
    facts = survey(first, track=track, exact=True)
    rate, at = facts.sample_rate_hz, facts.duration or Fraction(0)
    link = next_link(first)
    while link is not None and (end is None or at * rate < end):
        try:
            facts = survey(link, track=track, exact=True)
        except UnsupportedMedia as problem:
            # What may be behind an Ogg file nobody knows; what a playlist lists is to be heard.
            if isinstance(link, LinkedFile) and problem.code != "no_audio":
                raise
            link = next_link(link)
            continue
        own = facts.sample_rate_hz
        samples = facts.samples or 0
        if isinstance(link, LinkedFile) and not samples:
            raise silent_file()
        begins = max(0, round((Fraction(start, rate) - at) * own))
        ends = samples if end is None else min(samples, round((Fraction(end, rate) - at) * own))
        at += Fraction(samples, own)
        if begins < ends:
            began = True
            yield from _decode_link(link, track, begins, ends)
        link = next_link(link)
    if not began:
        raise _nothing(start, rate, sound=at > 0)


def _decode_link(
    source: Source, track: int, start: int, end: int | None, landmarks: Landmarks | None = None
) -> Generator[AudioFrame, None, bool]:
    """Decode one link, and tell whether *end* was reached before the link's own."""
    if (edited := edited_track(source, track)) is not None:
        return (yield from _decode_edits(edited, track, start, end))
    source = from_first_frame(source)
    with opened_before(source, track, start, landmarks) as entry:
        container, stream = entry.container, entry.stream
        rate = stream.codec_context.sample_rate
        gapless = stated_gapless(container)
        if gapless and gapless[1]:
            end = gapless[1] if end is None else min(end, gapless[1])
        if entry.ends_at is not None:
            end = entry.ends_at if end is None else min(end, entry.ends_at)
        frames = _placed(_frames(entry), entry)
        if is_mov(container):
            frames = ended(frames, edit_list_end(stream), rate)
        elif entry.sound is not None and landmarks is None:
            frames = trimmed(frames, source, entry.sound, rate)
        began = False
        reached: Position = 0
        for at, frame in frames:
            samples = frame.samples
            reached = at + extent(frame, rate)
            own = 1 if frame.sample_rate == rate else Fraction(frame.sample_rate, rate)
            if reached <= start:
                continue
            if end is not None and at >= end:
                break
            first = max(0, round((start - at) * own))
            last = samples if end is None else min(samples, round((end - at) * own))
            if last > first:
                began = True
                yield cut(frame, first, last)
            if end is not None and reached >= end:
                break
        if not began:
            raise _nothing(start, rate, sound=entry.at is None or reached > 0)
        return end is not None and reached >= end


def _decode_edits(
    edited: EditedTrack, track: int, start: int, end: int | None
) -> Generator[AudioFrame, None, bool]:
    facts = survey(edited.media, track=track, exact=edited.needs_length)
    pieces = edited.pieces(facts.sample_rate_hz, facts.samples if edited.needs_length else None)
    there = length(pieces)
    if there is not None and start >= there:
        raise _nothing(start, facts.sample_rate_hz, sound=there > 0)
    return (yield from played(pieces, partial(_decode_link, edited.media, track), start, end))


def _frames(entry: Entry) -> Iterator[AudioFrame]:
    """Decode every packet that can be, and keep the time of those that cannot."""
    decoder = _Decoder(entry.stream, keeps_end=entry.sound is not None)
    # Only an MP4 cuts its last packet, and only afterwards it turns out which one that was.
    holds = is_mov(entry.container)
    held: list[AudioFrame] = []
    last: av.Packet[AudioStream] | None = None
    try:
        for packet in entry.packets:
            if not packet.size and packet.dts is not None:
                # A sample of no bytes, which a decoder would take for the end.
                continue
            frames = decoder.decode(packet)
            if not packet.size:
                held += frames
                continue
            yield from held
            held = []
            if decoder.lost and frames:
                yield from decoder.silence(frames[0])
            if holds:
                held, last = frames, packet
            else:
                yield from frames
    except av.error.FFmpegError as problem:
        # Reading on is not possible; what came before is as good as it ever was.
        if not decoder.decoded:
            raise UnsupportedMedia("The file breaks off before its first sound.") from problem
    shortened = decoder.lengths.cut(last) if last is not None else None
    if held and shortened is not None:
        held[-1] = cut(held[-1], 0, min(shortened, held[-1].samples))
    yield from held
    if not decoder.decoded and decoder.broken:
        raise UnsupportedMedia("None of the audio track's packets could be decoded.")


class _Decoder:
    """Packets to frames, with silence for those between others that give none."""

    def __init__(self, stream: AudioStream, *, keeps_end: bool = False) -> None:
        self.lengths = PacketLengths(stream)
        self.decoded = 0
        # Samples of packets that gave none, which silence stands in for.
        self.lost = 0
        self.broken = 0
        self._steady = stream.codec_context.codec.name in STEADY
        self._self_limited = keeps_end or stream.codec_context.codec.name in SELF_LIMITED
        self._mislabels = stream.codec_context.codec.name in MPEG_AUDIO
        self._kind: int | None = None
        self._order = settle(stream.codec_context)
        self._packer = Packer()
        self._plain: AudioLayout | None = None
        self._usual = 0
        self._skip = 0

    def decode(self, packet: av.Packet[AudioStream]) -> list[AudioFrame]:
        """Decode one packet; an empty one takes what is left."""
        whole = True
        first, last = skipped(packet)
        if last and self._self_limited:
            keep_end(packet)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            self.broken += 1
            whole = False
            frames = []
        if self._mislabels and frames and packet.size:
            self._label(packet, frames)
        if not all(map(self._is_plain, frames)):
            frames = self._made_plain(frames)
        if self._order:
            frames = [reordered(frame, self._order) for frame in frames]
        if not packet.size:
            return frames
        self._skip += first
        if frames and not self._skip:
            # As nearly all are.
            self._usual = frames[0].samples
        else:
            self._note(packet, sum(frame.samples for frame in frames), last, whole=whole)
        self.decoded += len(frames)
        return frames

    def _label(self, packet: av.Packet[AudioStream], frames: list[AudioFrame]) -> None:
        """Give the first frames of another rate that rate: libavcodec has it on the next only."""
        header = memoryview(packet)
        kind = header[1] & 0x18 | header[2] & 0x0C
        if kind != self._kind and self._kind is not None:
            for frame in frames:
                frame.sample_rate = self.lengths.rate_hz(packet)
        self._kind = kind

    def _is_plain(self, frame: AudioFrame) -> bool:
        return (
            frame.samples > 0
            and frame.layout == self._plain
            and LOWEST_SAMPLE_RATE_HZ <= frame.sample_rate <= HIGHEST_SAMPLE_RATE_HZ
        )

    def _made_plain(self, frames: list[AudioFrame]) -> list[AudioFrame]:
        """Pack what has many channels; drop what is empty, or has become what no track may be."""
        plain: list[AudioFrame] = []
        for frame in frames:
            layout, rate = frame.layout, frame.sample_rate
            sane = LOWEST_SAMPLE_RATE_HZ <= rate <= HIGHEST_SAMPLE_RATE_HZ
            if is_list(layout) or not (sane and frame.samples):
                continue
            if layout.nb_channels < FIRST_UNCOUNTABLE_PLANES:
                self._plain = layout
                plain.append(frame)
            elif layout.nb_channels <= MOST_CHANNELS:
                plain += self._packer.pack(frame)
        return plain

    def _note(self, packet: av.Packet[AudioStream], made: int, last: int, *, whole: bool) -> None:
        """Keep account of what was to be dropped, and of what is missing."""
        if whole and not made and not self._steady:
            # Others may give nothing at first, or give it later.
            return
        # What is broken cannot be asked how long it is; its neighbours are of its kind.
        told = self.lengths.of(packet)
        due = self._usual if self._usual and told != 0 else told or 0
        if made:
            self._skip = max(0, self._skip - max(0, due - made))
        elif packet.is_discard:
            self._skip = max(0, self._skip - due)
        else:
            dropped = min(self._skip, due)
            self._skip -= dropped
            self.lost += max(0, due - dropped - last)

    def silence(self, like: AudioFrame) -> Iterator[AudioFrame]:
        """Make what was lost before *like*; at the end of a file nobody misses it."""
        samples, self.lost = self.lost, 0
        return silence(like, samples=samples)


def _placed(frames: Iterator[AudioFrame], entry: Entry) -> Iterator[tuple[Position, AudioFrame]]:
    """Say where frames begin: counted from the first, whose timestamp may have to tell it."""
    rate = entry.stream.codec_context.sample_rate
    at: Position
    if entry.at is not None:
        at = entry.at
    else:
        # What was lost on the way to the landing point has no time.
        timed = dropwhile(lambda frame: frame.pts is None, frames)
        first = list(islice(timed, _TIMED_FRAMES))
        frames = chain(first, timed)
        at = _first_position(first, entry)
    for frame in frames:
        yield at, frame
        at += extent(frame, rate)


def _first_position(frames: Sequence[AudioFrame], entry: Entry) -> int:
    """
    Tell by their timestamps where some frames begin that follow each other.

    Most of them agree: in Ogg, libav misplaces single frames of Vorbis where blocks change size.
    """
    rate = entry.stream.codec_context.sample_rate
    unit = entry.stream.time_base or Fraction(1, rate)
    told: Counter[int] = Counter()
    before = 0
    for frame in frames:
        if frame.pts is not None:
            told[round((frame.pts - entry.origin_ticks) * unit * rate) - before] += 1
        before += frame.samples
    return told.most_common(1)[0][0] if told else 0


def _nothing(start: int, sample_rate_hz: int, *, sound: bool) -> Exception:
    if not sound:
        return UnsupportedMedia("The audio track has no sound in it.", code="no_audio")
    seconds = start / sample_rate_hz
    return RenderFailed(
        f"The track ends before its start at {seconds:.3f} s.",
        code="start_past_end",
        details={"parameter": "ts"},
    )
