"""Which files the artifact of a plan can have, and what each of them is."""

from __future__ import annotations

import re

from transforms.formats import DASH_MEDIA_TYPE, FORMATS, HLS_MEDIA_TYPE, Manifest
from transforms.manifests import dash, hls, parts
from transforms.plan import Container, RenderPlan

_NUMBERED = re.compile(r"/(?:0|[1-9])f/(?P<number>0|[1-9][0-9]{0,5})\.[a-z0-9]+", re.ASCII)


def media_type_of(plan: RenderPlan, path: str) -> str | None:
    """Tell the media type of the file *path* of a plan's artifact; None if it can have no such."""
    spec = FORMATS[plan.format]
    if not spec.segmented:
        return spec.media_type if path == spec.artifact else None
    if path in _manifests(plan):
        return DASH_MEDIA_TYPE if spec.manifest is Manifest.DASH else HLS_MEDIA_TYPE
    container = plan.container or Container.TS
    return parts.MEDIA_TYPES[container] if _is_part(plan, container, path) else None


def _manifests(plan: RenderPlan) -> tuple[str, ...]:
    if FORMATS[plan.format].manifest is Manifest.DASH:
        return (dash.MPD_PATH,)
    variants = range(len(plan.encodings))
    return (hls.MULTIVARIANT_PATH, *map(hls.media_playlist_path, variants))


def _is_part(plan: RenderPlan, container: Container, path: str) -> bool:
    numbered = _NUMBERED.fullmatch(path)
    return any(
        path == parts.initialisation_path(variant) and container is Container.MP4
        if numbered is None
        else path == parts.segment_path(variant, int(numbered["number"]), container)
        for variant in range(len(plan.encodings))
    )
