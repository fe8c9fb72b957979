"""The ASGI application of a node: hits in front, then the CDN, then the APIs in a catch-all."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.doors import doors, entrance_of
from edge.node import Node
from edge.records.engine import tidings_of
from edge.web.cdn import Cdn
from edge.web.health import Health
from edge.web.hits.gate import Gate
from edge.web.hits.path import HitPath
from edge.web.hits.store import Hits
from edge.web.pages.assets import find_dash_player, find_player
from edge.web.pages.welcome import welcome_page
from edge.web.problems import EXCEPTION_HANDLERS, CatchAll


def build_app(node: Node, health: Health | None = None) -> HitPath:
    """Build the application of an open node; *health* is told by whoever is to end it."""
    health = health or Health(node)
    settings = node.settings
    entrance = entrance_of(node)

    async def welcome(request: Request) -> Response:
        return welcome_page(entrance.base_url.of(request.scope), settings.account)

    gate = Gate(node.clock)
    root = settings.root
    hits = Hits(
        files=node.workshop.files,
        folders={} if root is None else {(settings.account, "/"): root},
        gate=gate,
        hearing=node.hearing,
        most_bytes=settings.hit_memory_bytes,
    )
    tidings_of(node.records.engine).listen(hits.hear)
    player = find_player()
    router = Starlette(
        routes=[
            Route("/", welcome),
            *health.routes(),
            *doors(entrance),
            *(found.route() for found in (player, find_dash_player()) if found is not None),
        ],
        exception_handlers=dict(EXCEPTION_HANDLERS),
        middleware=[Middleware(CatchAll)],
    )
    cdn = Cdn(
        router,
        files=node.workshop.files,
        sounds=node.workshop.sounds,
        filler=node.filler,
        base_url=entrance.base_url,
        gate=gate,
        viewers=entrance.viewers,
        hits=hits,
        player=player,
    )
    return HitPath(cdn, hits)


def build_health(health: Health) -> CatchAll:
    """Build the application of a node that answers nothing but how it is."""
    return CatchAll(Starlette(routes=health.routes(), exception_handlers=dict(EXCEPTION_HANDLERS)))
