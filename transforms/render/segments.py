"""
The files of a segmented artifact: segments one at a time, in whatever order, then its manifest.
"""

from __future__ import annotations

from collections.abc import Mapping

import av

from transforms.audio.encode import AAC_FRAME_SAMPLES, Stretch, encode_stretch
from transforms.formats import DASH_MEDIA_TYPE, FORMATS, HLS_MEDIA_TYPE, Manifest
from transforms.manifests import dash, hls, parts
from transforms.manifests.grid import Grid
from transforms.mux.fmp4 import Fmp4Muxer
from transforms.mux.mpegts import TsMuxer
from transforms.mux.segments import SegmentMuxer
from transforms.plan import Container, Encoding, RenderedFile, RenderPlan, Segment
from transforms.problems import RenderFailed
from transforms.sinks import Sink


class Segments:
    """Makes the segments of all variants; several threads may ask it to."""

    def __init__(self, plan: RenderPlan, grid: Grid, sink: Sink) -> None:
        self._encodings = plan.encodings
        self._container = plan.container or Container.TS
        self._event = FORMATS[plan.format].real_time
        self._manifest = FORMATS[plan.format].manifest
        self._target_seconds = grid.target_seconds
        self._sink = sink
        self._muxers = [_muxer(self._container, encoding) for encoding in plan.encodings]
        self._made: list[dict[int, Segment]] = [{} for _ in plan.encodings]
        self._files: dict[str, RenderedFile] = {}
        for variant, muxer in enumerate(self._muxers):
            if (start := muxer.initialisation()) is not None:
                self._write(parts.initialisation_path(variant), muxer.media_type, start)

    def make(self, variant: int, stretch: Stretch) -> None:
        """Encode a stretch of sound and write it as the segment of its number."""
        encoding, muxer = self._encodings[variant], self._muxers[variant]
        try:
            packets = encode_stretch(encoding, stretch)
        except av.error.FFmpegError as problem:
            raise RenderFailed("The encoder failed.") from problem
        content = muxer.segment(
            packets,
            number=stretch.number,
            first_packet=stretch.first_packet,
            padding_samples=_padding(stretch, len(packets)),
        )
        path = parts.segment_path(variant, stretch.number, self._container)
        self._write(path, muxer.media_type, content)
        first_sample = stretch.first_frame * AAC_FRAME_SAMPLES
        segment = Segment(
            variant=variant,
            path=path,
            first_sample=first_sample,
            samples=stretch.end_sample - first_sample,
            sample_rate_hz=encoding.sample_rate_hz,
            size_bytes=len(content),
        )
        self._made[variant][stretch.number] = segment
        self._sink.segment(segment)

    def made_samples(self, variant: int) -> int:
        """Tell how much sound a variant's segments hold together."""
        return parts.total_samples(self._made[variant].values())

    def finish(self) -> tuple[RenderedFile, ...]:
        """Write the MPD, or the media playlists and then the multivariant one; list all files."""
        if self._manifest is Manifest.DASH:
            self._write(dash.MPD_PATH, DASH_MEDIA_TYPE, self._mpd().encode())
        else:
            for path, text in self._playlists().items():
                self._write(path, HLS_MEDIA_TYPE, text.encode())
        return tuple(file for _, file in sorted(self._files.items()))

    def _mpd(self) -> str:
        return dash.mpd(
            [
                dash.Representation(
                    variant=variant, channels=encoding.channels, segments=self._in_order(variant)
                )
                for variant, encoding in enumerate(self._encodings)
            ]
        )

    def _in_order(self, variant: int) -> list[Segment]:
        return [segment for _, segment in sorted(self._made[variant].items())]

    def _playlists(self) -> Mapping[str, str]:
        streams = [
            hls.Stream(
                variant=variant,
                bitrate_bps=encoding.bitrate_bps or 0,
                segments=self._in_order(variant),
            )
            for variant, encoding in enumerate(self._encodings)
        ]
        texts = {
            hls.media_playlist_path(stream.variant): hls.media_playlist(
                stream.segments,
                container=self._container,
                target_seconds=self._target_seconds,
                event=self._event,
                ended=True,
            )
            for stream in streams
        }
        texts[hls.MULTIVARIANT_PATH] = hls.multivariant_playlist(
            streams,
            container=self._container,
            target_seconds=self._target_seconds,
            complete=True,
        )
        return texts

    def _write(self, path: str, media_type: str, content: bytes) -> None:
        with self._sink.create(path) as file:
            file.write(content)
            file.flush()
            size_bytes = file.seek(0, 2)
        if size_bytes != len(content):
            raise RenderFailed(f"{path} holds {size_bytes} bytes instead of {len(content)}.")
        self._files[path] = RenderedFile(path=path, media_type=media_type, size_bytes=size_bytes)


def _padding(stretch: Stretch, packets: int) -> int:
    """Tell how many samples of a stretch's packets lie past the end of the timeline."""
    if stretch.end_frame is not None:
        return 0
    # Packet n ends frame n - 1.
    return (stretch.first_packet + packets - 1) * AAC_FRAME_SAMPLES - stretch.end_sample


def _muxer(container: Container, encoding: Encoding) -> SegmentMuxer:
    match container:
        case Container.TS:
            return TsMuxer(encoding)
        case Container.MP4:
            return Fmp4Muxer(encoding)
