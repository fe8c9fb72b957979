from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.running import PUBLIC_URL, Edge, serving
from tests.e2e.sounds import furnish


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """A server with the standard files, shared by the tests of one module."""
    with serving(tmp_path_factory.mktemp("edge"), EDGE_PUBLIC_URL=PUBLIC_URL) as edge:
        furnish(edge)
        yield edge


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Edge]]:
    """Make the installation of one test, not yet serving, with settings of its own."""
    with contextlib.ExitStack() as stack:

        def make(name: str = "edge", *, fresh: bool = False, **settings: str) -> Edge:
            edge = Edge(tmp_path / name, fresh=fresh, **settings)
            stack.callback(edge.end)
            furnish(edge)
            return edge

        yield make
