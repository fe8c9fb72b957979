"""``serve`` and ``worker``: the processes that stay."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from types import FrameType

import uvicorn

from edge.app import build_app, build_health
from edge.ids import KeyKind
from edge.node import Node, open_node
from edge.settings import Settings
from edge.web.connections import Connection
from edge.web.health import Health
from edge.web.hits.path import HitPath
from edge.web.pages.welcome import TRIES
from edge.web.problems import CatchAll

_STOPPING = (signal.SIGINT, signal.SIGTERM)

# A client that keeps its connection does not keep the process.
_DRAIN_SECONDS = 10
# What is still being answered then without a connection is cancelled.
_CANCEL_SECONDS = 5


def serve(_: argparse.Namespace, settings: Settings) -> int:
    """Answer requests until a signal ends it."""
    with uvicorn_loop() as runner:
        runner.run(_serving(settings))
    return 0


def work(given: argparse.Namespace, settings: Settings) -> int:
    """Make what is queued until a signal ends it."""
    if settings.database_url is None and settings.root is None and not settings.mounts:
        raise OSError("a worker needs the files that jobs are made from: give it the same --root")
    if not settings.workers:
        raise OSError("a worker that makes nothing is none: EDGE_WORKERS=0 is for 'serve'")
    with uvicorn_loop() as runner:
        runner.run(_working(settings, healthy=given.port is not None))
    return 0


def uvicorn_loop() -> asyncio.Runner:
    """Make a runner with the fastest event loop that is installed."""
    config = uvicorn.Config(app="", loop="auto", log_config=None)
    return asyncio.Runner(loop_factory=config.get_loop_factory())


async def _serving(settings: Settings) -> None:
    listening = _listen(settings.host, settings.port)
    address = _address(listening)
    async with open_node(settings) as node:
        health = Health(node)
        app = build_app(node, health)
        await _introduce(node, settings.public_url or address)
        try:
            # Where it listens, even if clients know it by another name: port 0 is told nowhere
            # else.
            server = _Server(app, node, health, announcement=f"ready {address}")
            await server.serve(sockets=[listening])
        finally:
            app.close()


class _Server(uvicorn.Server):
    """Uvicorn, telling when requests are answered, and ending in peace."""

    def __init__(
        self, app: HitPath | CatchAll, node: Node, health: Health, *, announcement: str
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=node.settings.log_level == "debug",
                proxy_headers=False,
                server_header=False,
                lifespan="off",
                http=Connection,
                ws="none",
                timeout_graceful_shutdown=_DRAIN_SECONDS + _CANCEL_SECONDS,
            )
        )
        self._node = node
        self._health = health
        self._announcement = announcement

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """
        Begin to end: no job is begun any more, and load balancers are given time to notice.

        A second signal, or an operator's SIGINT, ends it without that time.
        """
        wait_seconds = self._node.settings.drain_seconds
        self._node.runner.rest()
        if sig == signal.SIGTERM and wait_seconds and not self._health.draining:
            loop = asyncio.get_running_loop()
            loop.call_later(wait_seconds, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
        self._health.draining = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """
        Stop serving at a signal, and let the process end by itself.

        Uvicorn raises the signal again once it has stopped, which would end the process before
        the node is closed and its jobs are given back.
        """
        loop = asyncio.get_running_loop()
        for number in _STOPPING:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in _STOPPING:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so on standard output."""
        await super().startup(sockets=sockets)
        print(self._announcement, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is being answered, then hang up on those who do not take it."""
        self._node.filler.end_waits()
        hang_up = asyncio.get_running_loop().call_later(_DRAIN_SECONDS, self._hang_up)
        try:
            await super().shutdown(sockets=sockets)
        finally:
            hang_up.cancel()

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


async def _working(settings: Settings, *, healthy: bool) -> None:
    """Work, and tell how that goes if *healthy*."""
    if healthy:
        listening = _listen(settings.host, settings.port)
        async with open_node(settings) as node:
            health = Health(node)
            ready = f"ready {_address(listening)}"
            server = _Server(build_health(health), node, health, announcement=ready)
            await server.serve(sockets=[listening])
        return
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOPPING:
        loop.add_signal_handler(number, stop.set)
    async with open_node(settings):
        print("ready worker", flush=True)
        await stop.wait()


async def _introduce(node: Node, base: str) -> None:
    """Print what a newcomer needs: the keys, once, and URLs to try."""
    settings = node.settings
    account = settings.account
    keys = await node.records.accounts.list_keys(account)
    if not keys:
        print(f"account {account}")
        for kind in KeyKind:
            made = await node.records.accounts.create_key(account, kind)
            print(f"{kind.value} key {made.key}")
        print("These keys are shown this once; 'audio-edge keys' makes others.")
    if settings.root is None:
        others = "uploaded files and mounts" if settings.mounts else "uploaded files"
        print(f"No --root is given: only {others} are served.", file=sys.stderr)
    else:
        for path, what in TRIES:
            if (settings.root / path.partition("?")[0]).is_file():
                print(f"try {base}/{account}/audio/{path}  ({what})")
    sys.stdout.flush()


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything is opened, so that a taken port costs nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as refusal:
        listening.close()
        raise OSError(f"cannot listen at {host} port {port}: {refusal.strerror}") from refusal
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
