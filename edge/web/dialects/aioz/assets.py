"""
What media are played by: their file, picture, playlist, MPD and M4A, and the pages of players.

Everybody may ask for these. What is private is shown to a signed URL, to the account's secret key
and to tokens, as by the CDN; playlists then lead to URLs that are signed as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cache.source import read_whole
from edge.fill.filler import Filler, Standing
from edge.fill.wanted import Wanted
from edge.jobs.job import JobState
from edge.library.files import Files
from edge.library.media.media import THUMBNAIL_PATH, Quality
from edge.library.media.qualities import Placed, fitting_rates, placed
from edge.library.sounds import Sounds
from edge.web import problems
from edge.web.children import encoded
from edge.web.delivery.answer import Representation
from edge.web.delivery.caching import CachePolicy
from edge.web.delivery.content import content_of
from edge.web.delivery.files import FileDelivery
from edge.web.delivery.text import Text
from edge.web.dialects.aioz.endpoints import resource
from edge.web.dialects.aioz.playlists import Made, mpd, multivariant_playlist
from edge.web.dialects.aioz.showing import Showing, Shown
from edge.web.made import CHANGING, failure, file_answer
from edge.web.pages.assets import PlayerAssets
from edge.web.pages.stream import Stream, dash_page, hls_page
from edge.web.prefer import LONGEST_WAIT_SECONDS
from edge.web.refusals import problem_told
from edge.web.resource import Endpoint, Resource, subject_of
from edge.web.streams import Streams
from transforms import grammar, planner
from transforms.formats import DASH_MEDIA_TYPE, HLS_MEDIA_TYPE, Format
from transforms.rates import khz

# Most qualities are made within this, and then nothing else has to be made to be played.
_MOMENT_SECONDS = 2.0

_MOST_MANIFEST_BYTES = 16 << 20

# What is made of media that have no quality of a kind, once somebody asks for it.
_USUAL = Quality(
    name="standard", protocol="hls", container="ts", bitrate_bps=128_000, sample_rate_hz=44_100
)
_USUAL_DASH = msgspec.structs.replace(_USUAL, protocol="dash", container="mp4")

_NOT_YET = CachePolicy(shared=True, max_age_seconds=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The endpoints, and what stands behind them."""

    showing: Showing
    files: Files
    sounds: Sounds
    filler: Filler
    hls_player: PlayerAssets | None
    dash_player: PlayerAssets | None

    def routes(self) -> list[Route]:
        """List the routes; those below the prefix of the API have to come before its last."""
        one = "/api/media/{id}"
        return [
            _asset(one + "/source", self.source),
            _asset(one + "/thumbnail", self.thumbnail),
            _asset(one + "/m3u8", self.playlist),
            _asset(one + "/manifest", self.manifest),
            _asset(one + "/mp4", self.m4a),
            _page("/vod/hls/{id}", self.hls_page),
            _page("/vod/dash/{id}", self.dash_page),
        ]

    async def source(self, request: Request) -> ASGIApp:
        """Answer with the file as it came."""
        shown = await self.showing.show(request, "raw")
        source = shown.file.source
        return shown.confided(
            FileDelivery(
                representation=Representation(
                    size_bytes=source.size_bytes,
                    etag=source.etag,
                    modified_ms=source.modified_ms,
                    content=content_of(_name(shown)),
                    cache=CHANGING,
                ),
                open_reader=lambda: self.files.open(shown.media.account, source),
            )
        )

    async def thumbnail(self, request: Request) -> ASGIApp:
        """Answer with the picture; there is one size of it."""
        wished = request.query_params.get("resolution", "original")
        if wished != "original":
            raise problems.bad_parameter(
                "resolution", f"resolution cannot be {wished[:80]!r}: expected original."
            )
        shown = await self.showing.show(request, "raw")
        account = shown.media.account
        picture = await self.files.find(account, THUMBNAIL_PATH.format(id=shown.media.id))
        if picture is None:
            raise problems.not_found("These media have no picture.")
        found = picture
        return shown.confided(
            FileDelivery(
                representation=Representation(
                    size_bytes=found.size_bytes,
                    etag=found.etag,
                    modified_ms=found.modified_ms,
                    content=content_of(found.path),
                    cache=CHANGING,
                ),
                open_reader=lambda: self.files.open(account, found),
            )
        )

    async def playlist(self, request: Request) -> ASGIApp:
        """
        Answer with the playlist of the HLS qualities that are there.

        While none is, or if none was wished for, the media play in real time.
        """
        shown = await self._sound(request)
        wished = [each for each in placed(shown.media) if each.quality.protocol == "hls"]
        made = await self._made(wished, _MOMENT_SECONDS)
        if not made:
            track = _track(wished[0].quality) if wished else ""
            wanted = await self._usual(shown, Format.HLS_AAC_RT, f"&playlist=full{track}")
            return shown.confided(await Streams(self.filler).answer(request.scope, wanted))
        children = shown.children
        text = multivariant_playlist(made, str if children is None else children.path)
        policy = CHANGING if len(made) == len(wished) else _NOT_YET
        answer = Text(text, media_type=HLS_MEDIA_TYPE).delivery(request.scope, policy)
        return shown.confided(answer)

    async def manifest(self, request: Request) -> ASGIApp:
        """Answer with the MPD of the DASH qualities, waiting for them; of one, if none."""
        shown = await self._sound(request)
        wished = [each for each in placed(shown.media) if each.quality.protocol == "dash"]
        if not wished:
            wanted = await self._usual(shown, Format.DASH_AAC)
            wished = [Placed(quality=_USUAL_DASH, wanted=wanted, variant=0)]
        made = await self._made(wished, LONGEST_WAIT_SECONDS)
        if not made:
            begun = await self._begun(wished[0].wanted, LONGEST_WAIT_SECONDS)
            if begun.receipt is None:
                raise failure(begun.job)
            made = await self._made(wished, 0)
        children = shown.children

        def suffix(parts: str) -> str:
            if children is None:
                return ""
            return children.signer.suffix_of_parts(children.host + encoded(parts))

        policy = CHANGING if len(made) == len(wished) else _NOT_YET
        text = Text(mpd(made, suffix), media_type=DASH_MEDIA_TYPE)
        return shown.confided(text.delivery(request.scope, policy))

    async def m4a(self, request: Request) -> ASGIApp:
        """Answer with one file of the best quality, waiting while it is made."""
        shown = await self._sound(request)
        best = max(shown.media.qualities, key=lambda each: each.bitrate_bps or 0, default=_USUAL)
        wanted = await self._wanted(shown, f"f={Format.M4A}{_rates(best)}{_track(best)}")
        standing = await self._begun(wanted, LONGEST_WAIT_SECONDS)
        file = standing.receipt.file(wanted.url.spec.artifact or "") if standing.receipt else None
        if file is None:
            raise failure(standing.job)
        found = file
        return shown.confided(
            file_answer(wanted, found, CHANGING, lambda: self.filler.open(wanted, found))
        )

    async def hls_page(self, request: Request) -> ASGIApp:
        """Answer with the player of the playlist."""
        shown = await self._sound(request)
        return shown.confided(hls_page(_stream(shown, "m3u8"), self.hls_player))

    async def dash_page(self, request: Request) -> ASGIApp:
        """Answer with the player of the MPD."""
        shown = await self._sound(request)
        return shown.confided(dash_page(_stream(shown, "manifest"), self.dash_player))

    async def _sound(self, request: Request) -> Shown:
        shown = await self.showing.show(request, "audio")
        if shown.media.flaw is not None:
            raise problems.unsupported_media(f"This cannot be played: {shown.media.flaw}")
        return shown

    async def _made(self, wished: Sequence[Placed], seconds: float) -> list[Made]:
        """List the qualities that are there, waiting for those that are being made."""
        wanted = {each.wanted.key: each.wanted for each in wished}
        standings = await asyncio.gather(*(self._waited(each, seconds) for each in wanted.values()))
        texts = {
            key: await self._text(standing)
            for key, standing in zip(wanted, standings, strict=True)
            if standing is not None and standing.receipt is not None
        }
        return [
            Made(placed=each, manifest=texts[each.wanted.key])
            for each in wished
            if each.wanted.key in texts
        ]

    async def _waited(self, wanted: Wanted, seconds: float) -> Standing | None:
        """Wait for what somebody has begun, and have it made again if it was evicted."""
        standing = await self.filler.look(wanted)
        if standing is None:
            return None
        if standing.job.state is JobState.DONE and standing.receipt is None:
            standing = await self.filler.obtain(wanted)
        return await self.filler.wait(standing, seconds)

    async def _begun(self, wanted: Wanted, seconds: float) -> Standing:
        return await self.filler.wait(await self.filler.obtain(wanted), seconds)

    async def _text(self, standing: Standing) -> str:
        wanted, receipt = standing.wanted, standing.receipt
        file = receipt.file(wanted.url.spec.artifact or "") if receipt else None
        if file is None:
            raise failure(standing.job)
        reader = await self.filler.open(wanted, file)
        try:
            return (await read_whole(reader, _MOST_MANIFEST_BYTES)).decode()
        finally:
            await reader.aclose()

    async def _usual(self, shown: Shown, output: Format, more: str = "") -> Wanted:
        return await self._wanted(shown, f"f={output}{_rates(_USUAL)}{more}")

    async def _wanted(self, shown: Shown, query: str) -> Wanted:
        path = f"/{shown.media.account}/audio{quote(shown.file.path, safe='/')}"
        viewer = shown.proof.viewer((shown.file.path,))
        transform = planner.plan(grammar.split(path, query))
        return await self.filler.find(transform, self.sounds.seen_by(viewer))


def _asset(path: str, endpoint: Endpoint) -> Route:
    return Route(path, resource(GET=endpoint))


def _page(path: str, endpoint: Endpoint) -> Route:
    return Route(path, Resource(_refused, {"GET": endpoint}))


def _refused(request: Request, exception: Exception) -> Response:
    """Say on a page, which may be in somebody's frame, why there is no player on it."""
    problem = problem_told(exception, subject_of(request))
    said = Stream(url="", title="Audio", problem=problem.message)
    return hls_page(said, None, status=problem.status)


def _stream(shown: Shown, asset: str) -> Stream:
    media = shown.media
    signed = str if shown.children is None else shown.children.path
    of_media = f"/api/media/{media.id}"
    picture = f"{of_media}/thumbnail?resolution=original"
    return Stream(
        url=signed(f"{of_media}/{asset}"),
        title=media.name,
        cover_url=None if media.thumbnail is None else signed(picture),
        seconds=media.duration_seconds,
    )


def _name(shown: Shown) -> str:
    """Name a file after its path; one that came without an extension by what is in it."""
    path = shown.file.path
    kind = shown.media.format
    return path if "." in path.rpartition("/")[2] or kind is None else f"{path}.{kind}"


def _rates(quality: Quality) -> str:
    fit = fitting_rates(quality.bitrate_bps, quality.sample_rate_hz)
    return f"&br={fit.bitrate_bps // 1000}&sr={khz(fit.sample_rate_hz)}"


def _track(quality: Quality) -> str:
    return f"&track={quality.track + 1}" if quality.track else ""
