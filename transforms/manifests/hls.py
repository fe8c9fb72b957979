"""
HLS playlists (RFC 8216): segments in, text out, URIs relative to the playlist itself.

Durations are differences of boundaries that were each rounded to a microsecond, so that however
many are added up, the sum is the timeline's length to the sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from transforms.manifests.parts import (
    CODEC,
    INITIALISATION_NAME,
    bps,
    total_samples,
    variant_folder,
)
from transforms.plan import Container, Segment

MULTIVARIANT_PATH = "/audio.m3u8"

# EXT-X-MAP outside I-frame playlists needs version 6 (RFC 8216, 7); Apple asks for 7 with fMP4.
_VERSIONS = {Container.TS: 3, Container.MP4: 7}

# What a variant may need beyond its nominal bitrate while nobody can know: the encoder's reservoir
# and the container. A TS segment of 2 s may have 15 packets of 188 bytes more than it would need.
_HEADROOM = Fraction(5, 4)
_CONTAINER_BPS = {Container.TS: 16_000, Container.MP4: 2_000}

_MAP = '#EXT-X-MAP:URI="'
_BLOCKING_RELOAD = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES"


def media_playlist_path(variant: int) -> str:
    """Name a variant's media playlist."""
    return f"{variant_folder(variant)}/manifest.m3u8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A variant as the multivariant playlist shows it, with the segments there are so far."""

    variant: int
    bitrate_bps: int
    segments: Sequence[Segment]


def media_playlist(
    segments: Sequence[Segment],
    *,
    container: Container,
    target_seconds: int,
    event: bool,
    ended: bool,
) -> str:
    """
    Write a variant's media playlist.

    Args:
        event: It is, or was, shown while it grows, and asks to be played from its start.

        ended: No segment will follow.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSIONS[container]}",
        f"#EXT-X-TARGETDURATION:{target_seconds}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if event else 'VOD'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if event:
        lines += [
            "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES",
            _BLOCKING_RELOAD,
        ]
    if container is Container.MP4:
        lines.append(f'{_MAP}{INITIALISATION_NAME}"')
    for segment in segments:
        lines += (f"#EXTINF:{_duration(segment)},", segment.path.rpartition("/")[2])
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def multivariant_playlist(
    streams: Sequence[Stream], *, container: Container, target_seconds: int, complete: bool
) -> str:
    """
    Write the multivariant playlist, variants in the order of the URL.

    Args:
        complete: All segments are there, so that bitrates are measured; before that they are
            estimated, and never below what was measured.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSIONS[container]}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for stream in streams:
        peak = peak_bps(stream.segments, target_seconds)
        average = average_bps(stream.segments)
        if not complete:
            nominal = stream.bitrate_bps
            average = max(average, nominal)
            headroom = _CONTAINER_BPS[container]
            peak = max(peak, average, math.ceil(nominal * _HEADROOM) + headroom)
        lines += (
            f'#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS="{CODEC}"',
            media_playlist_path(stream.variant).removeprefix("/"),
        )
    return "\n".join(lines) + "\n"


def average_bps(segments: Sequence[Segment]) -> int:
    """Measure the average segment bit rate (RFC 8216, 4.3.4.2), rounded up."""
    if not segments:
        return 0
    bits = 8 * sum(segment.size_bytes for segment in segments)
    return bps(bits, total_samples(segments), segments[0].sample_rate_hz)


def peak_bps(segments: Sequence[Segment], target_seconds: int) -> int:
    """
    Measure the peak segment bit rate, rounded up.

    RFC 8216, 4.3.4.2: the largest of any contiguous run of segments that lasts between 0.5 and
    1.5 target durations. A stream shorter than that is one run.
    """
    if not segments:
        return 0
    # Integers, because a day of ten variants has 150 000 segments.
    rate = segments[0].sample_rate_hz
    least, most = -(-target_seconds * rate // 2), 3 * target_seconds * rate // 2
    peak = 0
    for first in range(len(segments)):
        samples = bits = 0
        for index in range(first, len(segments)):
            samples += segments[index].samples
            bits += 8 * segments[index].size_bytes
            if samples > most:
                break
            if samples >= least:
                peak = max(peak, bps(bits, samples, rate))
    return peak or average_bps(segments)


def rebase(text: str, prefix: str) -> str:
    """Put *prefix* in front of every URI of a playlist of ours."""
    return respell(text, lambda uri: prefix + uri) if prefix else text


def respell(text: str, spell: Callable[[str], str]) -> str:
    """Have every URI of a playlist of ours be as *spell* says."""
    return "".join(f"{_respelt(line, spell)}\n" for line in text.splitlines())


def without_blocking_reload(text: str) -> str:
    """Have players not add parameters to the URL of a playlist of ours, to ask for its news."""
    return text.replace(f"{_BLOCKING_RELOAD}\n", "")


def _respelt(line: str, spell: Callable[[str], str]) -> str:
    if line.startswith(_MAP):
        uri = line.removeprefix(_MAP).removesuffix('"')
        return f'{_MAP}{spell(uri)}"'
    return line if line.startswith("#") else spell(line)


def _duration(segment: Segment) -> str:
    rate = segment.sample_rate_hz
    begin, end = (
        (2_000_000 * sample + rate) // (2 * rate)
        for sample in (segment.first_sample, segment.first_sample + segment.samples)
    )
    return f"{(end - begin) // 1_000_000}.{(end - begin) % 1_000_000:06}"
