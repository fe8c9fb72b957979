"""The doors of a node: each vendor's API, in front of what all of them share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from edge.accounts.plans import Plan, Plans
from edge.fill.allowance import Allowance
from edge.library.media.qualities import Transcoding
from edge.node import Node
from edge.web.access_tokens import AccessTokens
from edge.web.auth import Auth
from edge.web.base_url import BaseUrl
from edge.web.dialects.aioz.assets import Assets
from edge.web.dialects.aioz.endpoints import Credentials
from edge.web.dialects.aioz.routes import AiozApi
from edge.web.dialects.aioz.showing import Showing
from edge.web.dialects.bytescale.batches import BatchApi
from edge.web.dialects.bytescale.routes import BytescaleApi
from edge.web.dialects.bytescale.storage import StorageApi
from edge.web.dialects.musicapi.routes import MusicApi
from edge.web.dialects.picora.hosting import Hosting
from edge.web.dialects.picora.routes import PicoraApi
from edge.web.hits.gate import Gate
from edge.web.pages.assets import find_dash_player, find_player
from edge.web.viewers import Viewers


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What doors ask: who somebody is, what they may see and have made, where this edge is."""

    node: Node
    auth: Auth
    viewers: Viewers
    allowance: Allowance
    base_url: BaseUrl


def entrance_of(node: Node) -> Entrance:
    """Build what the doors of a node share."""
    settings = node.settings
    base_url = BaseUrl(settings.public_url)
    auth = Auth(
        node.records.accounts,
        node.records.jwt_keys,
        node.clock,
        demo_account=settings.account if settings.demo else None,
    )
    allowance = Allowance(
        accounts=node.records.accounts,
        ledger=node.records.ledger,
        jobs=node.records.jobs,
        default_seconds=settings.quota_seconds,
    )
    return Entrance(
        node=node,
        auth=auth,
        viewers=Viewers(auth, node.records.accounts, base_url),
        allowance=allowance,
        base_url=base_url,
    )


def doors(entrance: Entrance) -> list[Route]:
    """List the routes of all doors."""
    return [*_bytescale(entrance), *_picora(entrance), *_aioz(entrance), *_musicapi(entrance)]


def _bytescale(entrance: Entrance) -> list[Route]:
    node, auth, base_url = entrance.node, entrance.auth, entrance.base_url
    settings, records, archive = node.settings, node.records, node.archive
    api = BytescaleApi(
        auth=auth,
        accounts=records.accounts,
        jobs=records.jobs,
        ledger=records.ledger,
        filler=node.filler,
        runner=node.runner,
        base_url=base_url,
        allowance=entrance.allowance,
        storage=archive.intake.quota,
    )
    batches = BatchApi(
        auth=auth,
        catalogue=records.catalogue,
        media=records.media,
        runner=node.runner,
        filler=node.filler,
        base_url=base_url,
        clock=node.clock,
    )
    storage = StorageApi(
        auth=auth,
        intake=archive.intake,
        imports=archive.imports,
        library=archive.library,
        catalogue=records.catalogue,
        folders=records.folders,
        media=records.media,
        batches=batches,
        base_url=base_url,
        most_file_bytes=settings.max_upload_bytes,
    )
    tokens = AccessTokens(auth=auth, clock=node.clock, base_url=base_url)
    return [*api.routes(), *storage.routes(), *tokens.routes()]


def _picora(entrance: Entrance) -> list[Route]:
    node, settings = entrance.node, entrance.node.settings
    sizes = {
        Plan.PRO: settings.plan_pro_file_bytes,
        Plan.PRO_PLUS: settings.plan_pro_plus_file_bytes,
    }
    most = settings.max_upload_bytes
    plans = Plans(
        accounts=node.records.accounts,
        default=Plan(settings.plan),
        most_file_bytes={plan: min(size, most) for plan, size in sizes.items()},
    )
    api = PicoraApi(
        auth=entrance.auth,
        hosting=Hosting(library=node.archive.library, plans=plans),
        base_url=entrance.base_url,
        most_file_bytes=most,
        upload_hours=settings.upload_hours,
    )
    return api.routes()


def _aioz(entrance: Entrance) -> list[Route]:
    node, records = entrance.node, entrance.node.records
    credentials = Credentials(auth=entrance.auth)
    api = AiozApi(
        credentials=credentials,
        library=node.archive.library,
        transcoding=Transcoding(rows=records.media, jobs=records.jobs, filler=node.filler),
        allowance=entrance.allowance,
        usd_a_minute={each.quality: each.usd_a_minute for each in node.settings.transcode_prices},
        base_url=entrance.base_url,
        most_file_bytes=node.settings.max_upload_bytes,
    )
    assets = Assets(
        showing=Showing(
            credentials=credentials,
            viewers=entrance.viewers,
            accounts=records.accounts,
            clock=node.clock,
            rows=records.media,
            base_url=entrance.base_url,
            gate=Gate(node.clock),
        ),
        files=node.workshop.files,
        sounds=node.workshop.sounds,
        filler=node.filler,
        hls_player=find_player(),
        dash_player=find_dash_player(),
    )
    return [*assets.routes(), *api.routes()]


def _musicapi(entrance: Entrance) -> list[Route]:
    node, records, archive = entrance.node, entrance.node.records, entrance.node.archive
    api = MusicApi(
        auth=entrance.auth,
        importer=archive.importer,
        library=archive.library,
        jobs=records.jobs,
        filler=node.filler,
        tempos=node.workshop.tempos,
        allowance=entrance.allowance,
        base_url=entrance.base_url,
    )
    return api.routes()
