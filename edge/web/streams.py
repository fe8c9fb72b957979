"""
HLS and DASH, answered: playlists that grow while their segments are made, MPDs, and the segments.

Whatever the form of the request, a manifest's URIs are relative to it (seed, Example 6): a player
that was given ``talk.mp3?f=hls-aac-rt`` finds ``talk.mp3!f=hls-aac-rt&a=/0f/manifest.m3u8``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Scope

from cache.receipts import ArtifactFile, Receipt
from cache.source import Reader, read_whole
from edge.fill.filler import Filler, Standing
from edge.fill.growing import Growth
from edge.fill.wanted import Wanted
from edge.jobs.job import JobState
from edge.web import problems
from edge.web.delivery.caching import NOT_KEPT, CachePolicy, for_ever
from edge.web.delivery.text import Text
from edge.web.made import CHANGING, failure, file_answer, kept, standing_of
from edge.web.prefer import LONGEST_WAIT_SECONDS
from edge.web.viewers import children_of
from edge.web.whole import is_of_this_grid, timeline
from transforms.formats import DASH_MEDIA_TYPE, FORMATS, HLS_MEDIA_TYPE, Manifest
from transforms.manifests import dash, hls, parts
from transforms.manifests.grid import Grid
from transforms.plan import Container, Playlist, TransformPlan

_GROWING = CachePolicy(shared=True, max_age_seconds=0)

# A first media playlist of less than three target durations makes players stop and ask again
# (RFC 8216, 6.3.3); so much more is soon there that it is worth a moment.
_FIRST_TARGETS = 3
_MOMENT_SECONDS = 0.1

# The rest of a short stream is worth a longer one: a player that is shown its end at once knows
# its length, and need not look again.
_SHORT_SECONDS = 60
_MOMENT_TO_THE_END_SECONDS = 0.3

# Who waits for a segment by its number asks again as soon as it is answered; work that is much
# faster than playback would be asked for every segment by itself.
_NEWS_SECONDS = 0.5

_MOST_MANIFEST_BYTES = 16 << 20

_MANIFESTS = {HLS_MEDIA_TYPE: hls.rebase, DASH_MEDIA_TYPE: dash.rebase}

_PATH = re.compile(r"/(?P<variant>[0-9])f/(?P<name>manifest\.m3u8|init\.mp4|[0-9]{1,6}\.(ts|m4s))")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """A request for a part of a segmented artifact, its parts understood."""

    scope: Scope
    wanted: Wanted
    path: str

    @property
    def container(self) -> Container:
        return self.wanted.url.plan.container or Container.TS

    @property
    def variant(self) -> int | None:
        """The variant that the path is of; None for what is of all of them."""
        found = _PATH.fullmatch(self.path)
        return int(found["variant"]) if found else None

    @property
    def number(self) -> int | None:
        """The number of the segment that the path is of; None for what is no segment."""
        name = self.path.rpartition("/")[2].partition(".")[0]
        return int(name) if name.isdecimal() else None


def is_part(path: str, plan: TransformPlan) -> bool:
    """Tell whether a segmented artifact can have a file at *path*."""
    spec = FORMATS[plan.format]
    found = _PATH.fullmatch(path)
    if found is None:
        return path == spec.artifact
    if int(found["variant"]) >= len(plan.variants):
        return False
    container = plan.container or Container.TS
    if found["name"] == parts.INITIALISATION_NAME:
        return container is Container.MP4
    if found["name"].endswith(".m3u8"):
        return spec.manifest is Manifest.HLS
    return found["name"].endswith(parts.extension(container))


class Streams:
    """Answers for segmented artifacts: finished ones, and those of HLS that grow."""

    def __init__(self, filler: Filler) -> None:
        self._filler = filler

    async def answer(self, scope: Scope, wanted: Wanted) -> ASGIApp:
        """Answer a request for a part of a real-time artifact, which begins it if need be."""
        path = wanted.url.delivery.artifact or hls.MULTIVARIANT_PATH
        request = StreamRequest(scope=scope, wanted=wanted, path=path)
        if not is_part(path, wanted.url.plan):
            raise problems.not_found(f"This transform has no artifact {path}.")
        standing = await self._standing(request)
        if standing.receipt is not None:
            return await self.finished(scope, wanted, standing, path)
        if standing.job.state is not JobState.FAILED and (whole := await self._whole(request)):
            return whole
        if path == hls.MULTIVARIANT_PATH:
            return await self._multivariant(request, standing)
        if path.endswith(".m3u8"):
            return await self._media(request, standing)
        return await self._segment(request, standing)

    async def finished(
        self, scope: Scope, wanted: Wanted, standing: Standing, path: str
    ) -> ASGIApp:
        """Answer with a file of a finished artifact, its manifests as the request's form needs."""
        file = standing.receipt.file(path) if standing.receipt else None
        if file is None:
            raise problems.not_found(f"This transform has no artifact {path}.")
        request = StreamRequest(scope=scope, wanted=wanted, path=path)
        if whole := await self._whole(request, standing.receipt):
            return whole
        # The URL without the artifact's name follows its source when that is replaced.
        policy = CHANGING if wanted.url.delivery.artifact is None else for_ever(shared=True)
        if file.media_type not in _MANIFESTS:
            return file_answer(wanted, file, policy, self._opener(wanted, file))
        reader = await self._filler.open(wanted, file)
        try:
            text = (await read_whole(reader, _MOST_MANIFEST_BYTES)).decode()
        finally:
            await reader.aclose()
        return self._manifest(request, text, kept(wanted.url.delivery, policy), file.media_type)

    async def _standing(self, request: StreamRequest) -> Standing:
        """Where the artifact stands; only the multivariant playlist begins anew what has ended."""
        if request.path != hls.MULTIVARIANT_PATH:
            standing = await self._filler.look(request.wanted)
            if standing is not None and standing.job.state in (
                JobState.FAILED,
                JobState.CANCELLED,
            ):
                _, growth = await self._filler.watch(standing, lambda _: True, 0)
                if growth is not None:
                    return standing
        return await standing_of(self._filler, request.wanted)

    async def _whole(
        self, request: StreamRequest, receipt: Receipt | None = None
    ) -> ASGIApp | None:
        """
        Answer with a playlist of the whole timeline, if that is wanted and can be written.

        Args:
            request: Of any kind.

            receipt: The artifact's, once it is finished: an older version may have made it.
        """
        full = request.wanted.url.playlist is Playlist.FULL
        if not full or not request.path.endswith(".m3u8"):
            return None
        if receipt is not None and not is_of_this_grid(receipt):
            return None
        planned = await timeline(self._filler, request.wanted)
        if planned is None:
            return None
        variant = request.variant
        text = planned.multivariant() if variant is None else planned.media(variant)
        self._filler.note_played(request.wanted)
        delivery = request.wanted.url.delivery
        # What follows from the plan is the same before and after everything is made.
        policy = CHANGING if delivery.artifact is None else for_ever(shared=True)
        return self._playlist(request, text, kept(delivery, policy))

    async def _multivariant(self, request: StreamRequest, standing: Standing) -> ASGIApp:
        standing, growth = await self._filler.watch(
            standing, lambda growth: growth.shown is not None, LONGEST_WAIT_SECONDS
        )
        if standing.receipt is not None:
            return await self.finished(request.scope, request.wanted, standing, request.path)
        if growth is None or growth.shown is None:
            raise failure(standing.job)
        plan = request.wanted.url.plan
        streams = [
            hls.Stream(
                variant=number,
                bitrate_bps=plan.variants[number].bitrate_bps or 0,
                segments=growth.variants[number],
            )
            for number in growth.shown
        ]
        text = hls.multivariant_playlist(
            streams,
            container=request.container,
            target_seconds=_grid(request.wanted).target_seconds,
            complete=False,
        )
        self._filler.note_played(request.wanted)
        return self._playlist(request, text, self._growing_policy(request))

    async def _media(self, request: StreamRequest, standing: Standing) -> ASGIApp:
        variant = request.variant or 0
        standing, growth = await self._enough(request, standing, variant)
        if standing.receipt is not None:
            return await self.finished(request.scope, request.wanted, standing, request.path)
        if growth is None or not growth.variants[variant]:
            raise failure(standing.job)
        text = hls.media_playlist(
            growth.variants[variant],
            container=request.container,
            target_seconds=_grid(request.wanted).target_seconds,
            event=True,
            ended=growth.ended,
        )
        return self._playlist(request, text, self._growing_policy(request))

    async def _enough(
        self, request: StreamRequest, standing: Standing, variant: int
    ) -> tuple[Standing, Growth | None]:
        """
        Wait until a media playlist is worth its answer.

        Another node that publishes its artifact takes away what it has noted of it a moment before
        its job is done: what was seen until then is still true.
        """
        number = request.wanted.url.delivery.media_sequence or 0
        standing, seen = await self._filler.watch(
            standing, lambda growth: len(growth.variants[variant]) > number, LONGEST_WAIT_SECONDS
        )
        if request.wanted.url.delivery.media_sequence is not None:
            standing, growth = await self._filler.watch(standing, lambda _: False, _NEWS_SECONDS)
            return standing, growth or seen
        least_seconds: float = _FIRST_TARGETS * _grid(request.wanted).target_seconds
        moment = _MOMENT_SECONDS
        if standing.receipt is None and not standing.job.state.settled:
            duration = (await self._filler.resolve(request.wanted)).duration
            left = 0 if duration is None else float(duration) - least_seconds
            if 0 < left <= _SHORT_SECONDS:
                least_seconds, moment = float("inf"), _MOMENT_TO_THE_END_SECONDS
        standing, growth = await self._filler.watch(
            standing,
            lambda growth: growth.made_seconds(variant) >= least_seconds,
            moment,
        )
        return standing, growth or seen

    async def _segment(self, request: StreamRequest, standing: Standing) -> ASGIApp:
        path, wanted = request.path, request.wanted
        standing, growth = await self._filler.watch(standing, lambda _: True, 0)
        if (growth is None or path not in growth.files) and (number := request.number) is not None:
            await self._filler.want(wanted, request.variant or 0, number)
        standing, growth = await self._filler.watch(
            standing, lambda growth: path in growth.files, LONGEST_WAIT_SECONDS
        )
        if standing.receipt is not None:
            return await self.finished(request.scope, wanted, standing, path)
        file = growth.files.get(path) if growth is not None else None
        if file is None:
            raise failure(standing.job)
        self._filler.note_played(wanted)
        return file_answer(wanted, file, for_ever(shared=True), self._opener(wanted, file))

    def _opener(self, wanted: Wanted, file: ArtifactFile) -> Callable[[], Awaitable[Reader]]:
        return lambda: self._filler.open(wanted, file)

    def _growing_policy(self, request: StreamRequest) -> CachePolicy:
        """What will be longer in a second is kept by nobody, whatever ``cache_ttl`` says."""
        return _GROWING if request.wanted.url.delivery.cache else NOT_KEPT

    def _playlist(self, request: StreamRequest, text: str, policy: CachePolicy) -> ASGIApp:
        return self._manifest(request, text, policy, HLS_MEDIA_TYPE)

    def _manifest(
        self, request: StreamRequest, text: str, policy: CachePolicy, media_type: str
    ) -> ASGIApp:
        folder = request.path.rpartition("/")[0]
        target = request.wanted.url.artifact_path(f"{folder}/")
        base = _request_path(request.scope)
        prefix = relative(base, target)
        children = children_of(request.scope)
        if children is None:
            text = _MANIFESTS[media_type](text, prefix)
        else:
            text = children.manifest(text, media_type, base=base, prefix=prefix)
        return Text(text, media_type=media_type).delivery(request.scope, policy)


def relative(base: str, target: str) -> str:
    """
    Spell a path relative to the one that was requested.

    Only what follows the last slash of *base* is replaced (RFC 3986, 5.2.3), wherever that slash
    is: a parameter's value may have some.
    """
    folder = base[: base.rfind("/") + 1]
    reference = target.removeprefix(folder).replace('"', "%22").replace("?", "%3F")
    # A colon before the first slash would make a scheme of what stands before it.
    return f"./{reference}" if ":" in reference.partition("/")[0] else reference


def _request_path(scope: Scope) -> str:
    path: bytes = scope["raw_path"]
    return path.decode("latin-1")


def _grid(wanted: Wanted) -> Grid:
    return Grid(variant.sample_rate_hz for variant in wanted.url.plan.variants)
