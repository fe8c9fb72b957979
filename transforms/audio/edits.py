"""
MP4 edit lists of more than one piece (ISO 14496-12, section 8.6.6), played as they are written.

One edit says what is left out at the ends of a track, and libavformat does that. Several put pieces
of a track in an order, with silence where an edit is empty; libavformat repeats and drops whole
packets for them and knows no silence. So the list is hidden from it, and the pieces are taken from
the track as it was recorded. Opus without a list is taken for one edit that drops its pre-skip:
a decoder drops it, and neither positions nor lengths know.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

from av.audio.frame import AudioFrame

from transforms.audio.frames import silence
from transforms.audio.lengths.claims import stated_end
from transforms.plan import SourceFacts
from transforms.sources import Source

# What a file of this family begins with: section 4.3 and Apple's QuickTime File Format.
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp")
_MOST_BOXES = 1000

_MOST_ENTRY_BYTES = 4096
_OPUS_HZ = 48_000

# A list of more is left to libavformat.
MOST_EDITS = 1000

# Where Apple's tag says what else is to be left out, which the list says already.
_TAGS = (b"udta", b"meta")


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a box of a file is (section 4.2): its beginning, its content, its end."""

    name: bytes
    at: int
    body: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """
    One entry of a list.

    ``duration`` counts in the movie's units, and is ``None`` for all that is left; ``media`` counts
    in the track's, from where it was recorded, and is ``None`` for silence.
    """

    duration: int | None
    media: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """
    So many samples of a track as it was recorded, from *first* on, or of silence.

    ``None`` are all that are left, which only the last piece may say.
    """

    first: int | None
    samples: int | None


class Unedited:
    """A file with a few of its bytes covered by others, so that nobody finds what they said."""

    def __init__(self, source: Source, covers: Sequence[tuple[int, bytes]]) -> None:
        """Take a source, and what is to be read in which places."""
        self._source = source
        self._covers = tuple(covers)
        self.size_bytes = source.size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Read *length* bytes at *offset*; fewer only at the end of the source."""
        piece = self._source.read_at(offset, length)
        for at, cover in self._covers:
            first, end = max(0, at - offset), min(len(piece), at - offset + len(cover))
            if first < end:
                begin = offset - at
                piece = piece[:first] + cover[begin + first : begin + end] + piece[end:]
        return piece


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedTrack:
    """A track's edits, and the file without them: ``media``."""

    media: Source
    edits: tuple[Edit, ...]
    movie_units: int
    media_units: int

    @property
    def needs_length(self) -> bool:
        """Tell whether what is played depends on how long ``media`` is."""
        return any(edit.media is not None and edit.duration is not None for edit in self.edits)

    def pieces(self, sample_rate_hz: int, there: int | None) -> list[Piece]:
        """
        Say which samples are played one after another.

        Args:
            sample_rate_hz: The track's.

            there: How many samples ``media`` has; if that is not known, nothing is cut off there.

        An edit ends where all edits up to it do, so that their roundings do not add up. What is
        missing of an edit in the middle is silence, at the end it is nothing.
        """
        pieces: list[Piece] = []
        passed = at = 0
        for number, edit in enumerate(self.edits):
            passed += edit.duration or 0
            samples = round(Fraction(passed * sample_rate_hz, self.movie_units)) - at
            at += samples
            if edit.media is None:
                pieces.append(Piece(None, samples))
                continue
            first = round(Fraction(edit.media * sample_rate_hz, self.media_units))
            left = None if there is None else max(0, there - first)
            if edit.duration is None:
                pieces.append(Piece(first, left))
            elif left is None:
                pieces.append(Piece(first, samples))
            elif number == len(self.edits) - 1:
                pieces.append(Piece(first, stated_end(samples, left, sample_rate_hz)))
            else:
                pieces += [Piece(first, min(samples, left)), Piece(None, max(0, samples - left))]
        return [piece for piece in pieces if piece.samples != 0]

    def facts(self, media: SourceFacts) -> SourceFacts:
        """Say what the track is, from what a survey says of ``media``; without sound, nothing."""
        if media.samples == 0:
            return media
        pieces = self.pieces(media.sample_rate_hz, media.samples)
        return replace(media, samples=length(pieces), landmarks=None)


def edited_track(source: Source, track: int) -> EditedTrack | None:
    """Read the edits of an MP4's audio track; ``None`` where libavformat makes all of them."""
    if source.read_at(4, 4) not in _FIRST_BOXES:
        return None
    movie = _find(source, _Box(b"", 0, 0, source.size_bytes), b"moov")
    head = _find(source, movie, b"mvhd")
    sounds = (box for box in _boxes(source, movie) if _is_sound(source, box))
    own = next(islice(sounds, track - 1, None), None)
    media = _find(source, own, b"mdia")
    list_box = _find(source, own, b"edts")
    units = [_time_scale(source, box) for box in (head, _find(source, media, b"mdhd"))]
    if not all(units):
        return None
    edits = _edits(source, _find(source, list_box, b"elst"))
    pre_skip = _pre_skip(source, media)
    if pre_skip is not None and not edits:
        skipped = round(Fraction(pre_skip[1] * units[1], _OPUS_HZ))
        edits = (Edit(duration=None, media=skipped),)
    elif not _is_more_than_ends(edits):
        return None
    names = [box.at + 4 for box in _boxes(source, movie) if box.name in _TAGS]
    names += [] if list_box is None else [list_box.at + 4]
    covers = [(at, b"free") for at in names]
    covers += [] if pre_skip is None else [(pre_skip[0], bytes(2))]
    return EditedTrack(
        media=Unedited(source, covers), edits=edits, movie_units=units[0], media_units=units[1]
    )


def length(pieces: Sequence[Piece]) -> int | None:
    """Tell how many samples pieces have, if each of them says."""
    known = [piece.samples for piece in pieces if piece.samples is not None]
    return sum(known) if len(known) == len(pieces) else None


def played(
    pieces: Sequence[Piece],
    decode: Callable[[int, int | None], Generator[AudioFrame, None, bool]],
    start: int,
    end: int | None,
) -> Generator[AudioFrame, None, bool]:
    """
    Play the samples ``start <= n < end`` of an edited track; tell whether *end* was reached.

    Args:
        pieces: As ``EditedTrack.pieces`` has them.

        decode: Decodes the samples between two places of the track as it was recorded, and tells
            the same of them.

        start: First sample wanted.

        end: First sample no longer wanted; ``None`` for all there is.
    """
    at = 0
    reached = False
    for piece in pieces:
        first, wanted = max(0, start - at), None if end is None else end - at
        last = min((n for n in (piece.samples, wanted) if n is not None), default=None)
        at += piece.samples or 0
        if last is not None and first >= last:
            continue
        whole = True
        if piece.first is not None:
            until = None if last is None else piece.first + last
            whole = yield from decode(piece.first + first, until)
        elif last is not None:
            # It sounds like the rest of the track.
            yield from silence(next(decode(0, 1)), samples=last - first)
        reached = whole and last == wanted
    return reached and end is not None


def _is_more_than_ends(edits: Sequence[Edit]) -> bool:
    if len(edits) > MOST_EDITS:
        return False
    return len(edits) > 1 or any(edit.media is None for edit in edits)


def _boxes(source: Source, within: _Box | None) -> Iterator[_Box]:
    """Yield the boxes that a box consists of, as far as they are whole."""
    at = within.body if within else 0
    end = within.end if within else 0
    for _ in range(_MOST_BOXES):
        head = source.read_at(at, max(0, min(16, end - at)))
        if len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        body = 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            body = 16
        size = size or end - at
        if size < body or at + size > end:
            return
        yield _Box(name, at, at + body, at + size)
        at += size


def _find(source: Source, within: _Box | None, name: bytes) -> _Box | None:
    return next((box for box in _boxes(source, within) if box.name == name), None)


def _is_sound(source: Source, box: _Box) -> bool:
    """Section 8.4.3: a track's handler says what it is."""
    if box.name != b"trak":
        return False
    handler = _find(source, _find(source, box, b"mdia"), b"hdlr")
    return handler is not None and source.read_at(handler.body + 8, 4) == b"soun"


def _pre_skip(source: Source, media: _Box | None) -> tuple[int, int] | None:
    """
    Find what an Opus track says is to be dropped of its beginning: at which byte, and how much.

    "Encapsulation of Opus in ISO Base Media File Format", section 4.3.2. Decoders drop it by
    themselves when they begin there, and only then.
    """
    for name in (b"minf", b"stbl", b"stsd"):
        media = _find(source, media, name)
    if media is None:
        return None
    content = source.read_at(media.body, min(_MOST_ENTRY_BYTES, media.end - media.body))
    at = content.find(b"dOps") + 6
    if at < 6 or len(content) < at + 2:
        return None
    skipped = int.from_bytes(content[at : at + 2], "big")
    return (media.body + at, skipped) if skipped else None


def _time_scale(source: Source, box: _Box | None) -> int:
    """Sections 8.2.2 and 8.4.2: how many units a second has; 0 if nobody says."""
    if box is None:
        return 0
    # Two dates are before it, of 4 or 8 bytes.
    content = source.read_at(box.body, min(24, box.end - box.body))
    at = 20 if content[:1] == b"\1" else 12
    return int.from_bytes(content[at : at + 4], "big")


def _edits(source: Source, box: _Box | None) -> tuple[Edit, ...]:
    """
    Section 8.6.6: no place or no speed is silence.

    An edit without length is none; as the last, in a file whose fragments come later, it is all.
    """
    if box is None:
        return ()
    content = source.read_at(box.body, min(8 + 20 * (MOST_EDITS + 1), box.end - box.body))
    if len(content) < 8:
        return ()
    entry = struct.Struct(">QqhH" if content[0] == 1 else ">IihH")
    (count,) = struct.unpack_from(">I", content, 4)
    whole = min(count, (len(content) - 8) // entry.size)
    found: list[Edit] = []
    for number in range(whole):
        duration, place, speed, _ = entry.unpack_from(content, 8 + number * entry.size)
        media = None if place < 0 or speed == 0 else place
        if duration:
            found.append(Edit(duration=duration, media=media))
        elif media is not None and number == whole - 1:
            found.append(Edit(duration=None, media=media))
    return tuple(found)
