"""
The DASH manifest (ISO/IEC 23009-1): an MPD of the same segments that HLS has in fragmented MP4.

Times are exact, because a Representation counts in its own sample rate. They are those that hold
after the edit list of the initialization segment (Media Source Extensions apply it), so that the
sound begins with the Period, and the encoder's priming before it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from xml.sax.saxutils import escape

from transforms.manifests.parts import (
    CODEC,
    INITIALISATION_NAME,
    MEDIA_TYPES,
    bps,
    extension,
    variant_folder,
)
from transforms.plan import Container, Segment

MPD_PATH = "/audio.mpd"

# ISO/IEC 23009-1, 8.4: what segments by a template need, of finished recordings too.
_PROFILE = "urn:mpeg:dash:profile:isoff-live:2011"
_CHANNELS = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"

_PERIOD = "  <Period "
_SEGMENT_URI = re.compile(r'( (?:initialization|media)="[^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """A variant as the MPD shows it, with all of its segments in order."""

    variant: int
    channels: int
    segments: Sequence[Segment]

    @property
    def sample_rate_hz(self) -> int:
        """The rate that it counts in."""
        return self.segments[0].sample_rate_hz

    @property
    def bandwidth_bps(self) -> int:
        """
        Measure ``@bandwidth`` (ISO/IEC 23009-1, 5.3.5.2): the bit rate of the densest segment.

        Who receives so much, and waits for as long as the longest segment lasts, always has the
        next segment in time.
        """
        rate = self.sample_rate_hz
        return max(bps(8 * each.size_bytes, each.samples, rate) for each in self.segments)

    @property
    def bounds(self) -> tuple[Fraction, ...]:
        """When its segments begin, in seconds; all but the first are where two of them meet."""
        return tuple(Fraction(each.first_sample, each.sample_rate_hz) for each in self.segments)


def mpd(representations: Sequence[Representation]) -> str:
    """
    Write the MPD of a finished artifact, Representations in the order of the URL.

    Args:
        representations: At least one, none without segments.
    """
    seconds = max(sum(part.duration for part in each.segments) for each in representations)
    longest = max(part.duration for each in representations for part in each.segments)
    # Rates without a common frame boundary are cut at their own nearest frame.
    aligned = len({each.bounds for each in representations}) == 1
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="{_PROFILE}" type="static"'
        f' mediaPresentationDuration="{_duration(Fraction(seconds))}"'
        f' maxSegmentDuration="{_duration(longest)}" minBufferTime="{_duration(longest)}">',
        f'{_PERIOD}id="0" start="PT0S">',
        f'    <AdaptationSet id="0" contentType="audio" mimeType="{MEDIA_TYPES[Container.MP4]}"'
        f' codecs="{CODEC}" startWithSAP="1" segmentAlignment="{str(aligned).lower()}">',
        *(line for each in representations for line in _representation(each)),
        "    </AdaptationSet>",
        "  </Period>",
        "</MPD>",
    ]
    return "\n".join(lines) + "\n"


def rebase(text: str, prefix: str) -> str:
    """Have the URIs of an MPD of ours, which are relative to it, be relative to *prefix*."""
    if not prefix:
        return text
    return text.replace(_PERIOD, f"  <BaseURL>{escape(prefix)}</BaseURL>\n{_PERIOD}", 1)


def extend(text: str, suffix: str) -> str:
    """Put *suffix* behind the URIs of all segments of an MPD of ours."""
    return _SEGMENT_URI.sub(lambda found: f'{found[1]}{escape(suffix)}"', text)


def _representation(each: Representation) -> Iterator[str]:
    folder = variant_folder(each.variant).removeprefix("/")
    yield (
        f'      <Representation id="{each.variant}" bandwidth="{each.bandwidth_bps}"'
        f' audioSamplingRate="{each.sample_rate_hz}">'
    )
    yield (
        f'        <AudioChannelConfiguration schemeIdUri="{_CHANNELS}" value="{each.channels}"/>'
    )
    yield (
        f'        <SegmentTemplate timescale="{each.sample_rate_hz}" startNumber="0"'
        f' initialization="{folder}/{INITIALISATION_NAME}"'
        f' media="{folder}/$Number${extension(Container.MP4)}">'
    )
    yield "          <SegmentTimeline>"
    for samples, run in groupby(each.segments, key=lambda segment: segment.samples):
        first, *others = run
        repeated = f' r="{len(others)}"' if others else ""
        yield f'            <S t="{first.first_sample}" d="{samples}"{repeated}/>'
    yield "          </SegmentTimeline>"
    yield "        </SegmentTemplate>"
    yield "      </Representation>"


def _duration(seconds: Fraction) -> str:
    """Spell a duration as ``xs:duration``, in whole microseconds, never too short."""
    microseconds = math.ceil(seconds * 1_000_000)
    decimal = f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}"
    return f"PT{decimal.rstrip('0').rstrip('.')}S"
