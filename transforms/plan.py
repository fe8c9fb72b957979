"""
The nouns of a transform, from the URL's wishes to what was made.

``TransformPlan`` is what a URL asks for, with every default and adjustment made explicit; it
needs no source. ``RenderPlan`` is the same against known sources: nothing but integers, ready to
cross into a worker process, as are ``SourceFacts`` and ``RenderReport`` on their way back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from transforms.formats import Format
from transforms.timecode import TimePoint


class TrimMode(StrEnum):
    """Values of ``tm``: whether ``ts`` and ``te`` cut each play or the repeated run."""

    BEFORE_REPEAT = "before-repeat"
    AFTER_REPEAT = "after-repeat"


class RealTime(StrEnum):
    """Values of ``rt``: whether a variant is shown while it is being made."""

    TRUE = "true"
    AUTO = "auto"
    FALSE = "false"


class Container(StrEnum):
    """Values of ``container``: what segments are wrapped in."""

    TS = "ts"
    MP4 = "mp4"


class Playlist(StrEnum):
    """Values of ``playlist``: whether a real-time stream is shown as it grows, or whole at once."""

    EVENT = "event"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One file on the timeline, how it is cut and how often it plays."""

    path: str
    start: TimePoint | None = None
    end: TimePoint | None = None
    trim_mode: TrimMode = TrimMode.BEFORE_REPEAT
    repeat: int = 1
    track: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One encoding of the timeline; ``None`` follows the sources."""

    bitrate_bps: int | None = None
    average: bool = False
    sample_rate_hz: int
    channels: int | None = None
    bit_depth: str | None = None
    points: int | None = None
    real_time: RealTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaping:
    """
    What is done to the whole timeline's sound.

    Gain in 1/100 dB, fades in milliseconds, loudness to be reached in 1/100 LUFS.
    """

    gain_centibels: int = 0
    loudness_centilufs: int | None = None
    fade_in_ms: int = 0
    fade_out_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformPlan:
    """What a URL asks for; equal plans of equal sources are one artifact and one bill."""

    account: str
    format: Format
    clips: tuple[Clip, ...]
    variants: tuple[Variant, ...] = ()
    shaping: Shaping = field(default_factory=Shaping)
    container: Container | None = None
    version: str | None = None


class LandmarkUnit(StrEnum):
    """What landmarks are found by."""

    BYTES = "bytes"
    TICKS = "ticks"
    PAGES = "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """
    Places from which on a track can be decoded, in rising order.

    Each is the first sample there, in a player's count, and where its packet is: at which byte
    of the file, or at which timestamp of the track, in the container's ticks; in Ogg it is the
    first sample that a decoder gives which begins with the page at that byte.
    """

    unit: LandmarkUnit
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """
    What a survey found out about one audio track.

    ``frame_samples`` is the codec's fixed frame, ``None`` where there is none (PCM, FLAC,
    Vorbis). ``samples`` is what a player plays, priming and padding excluded; when it is not
    ``exact`` it is the container's own claim. ``landmarks`` are of a track without an exact index.
    """

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    frame_samples: int | None
    samples: int | None
    exact: bool
    landmarks: Landmarks | None = None

    @property
    def duration(self) -> Fraction | None:
        """Seconds that a player plays, if the source says or was counted."""
        return None if self.samples is None else Fraction(self.samples, self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of one source in its own samples, end excluded; ``None`` is the source's end."""

    source: int
    start_samples: int
    end_samples: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a span is, in samples of its source."""

    samples: int
    sample_rate_hz: int

    @property
    def seconds(self) -> Fraction:
        """The same in seconds."""
        return Fraction(self.samples, self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """
    A variant with nothing left open.

    A ``deferred`` one is not shown while it is made, and lets those that are go first.
    """

    bitrate_bps: int | None
    average: bool
    sample_rate_hz: int
    channels: int
    bit_depth: str | None
    points: int | None = None
    deferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a render stops with an error instead of filling the disk."""

    duration_ms: int
    file_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderPlan:
    """
    A transform against known sources: what a worker is told to do.

    ``lengths`` are those of the spans, if all of them are known for certain: then the timeline
    can be entered anywhere. ``landmarks`` are those of each source, if it has some.
    """

    format: Format
    spans: tuple[Span, ...]
    tracks: tuple[int, ...]
    encodings: tuple[Encoding, ...]
    shaping: Shaping
    limits: Limits
    expected_ms: int | None
    container: Container | None = None
    lengths: tuple[Length, ...] | None = None
    landmarks: tuple[Landmarks | None, ...] = ()

    @property
    def duration(self) -> Fraction | None:
        """Seconds of the timeline, if they are known for certain."""
        if self.lengths is None:
            return None
        return sum((length.seconds for length in self.lengths), Fraction(0))

    def samples(self, sample_rate_hz: int) -> int | None:
        """Tell how many samples the timeline has at an output rate, if that is certain."""
        duration = self.duration
        return None if duration is None else round(duration * sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFile:
    """One artifact file as it was written and verified."""

    path: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """
    One finished piece of one variant of HLS or DASH.

    ``first_sample`` and ``samples`` place it on the timeline at the variant's own rate: encoder
    priming and padding lie inside its bytes, but are not counted.
    """

    variant: int
    path: str
    first_sample: int
    samples: int
    sample_rate_hz: int
    size_bytes: int

    @property
    def duration(self) -> Fraction:
        """Seconds of the timeline."""
        return Fraction(self.samples, self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderReport:
    """What a render made; ``samples`` per channel at ``sample_rate_hz``, the timeline's length."""

    samples: int
    sample_rate_hz: int
    files: tuple[RenderedFile, ...]
    encoder: str

    @property
    def duration(self) -> Fraction:
        """Seconds of sound produced: what is billed."""
        return Fraction(self.samples, self.sample_rate_hz)
