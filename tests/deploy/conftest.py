from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.deploy.fronting import require_nginx
from tests.e2e.running import Edge
from tests.e2e.sounds import LONG_SECONDS, long_silence, note, talk


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Edge]]:
    """Two nodes on the same folders and records, shared by the tests of one module."""
    require_nginx()
    with ExitStack() as stack:
        first = Edge(tmp_path_factory.mktemp("edges"), EDGE_WORKERS="2")
        second = first.beside("second")
        first.put("example.mp3", talk())
        first.put("note.wav", note(2))
        long_silence(first.root / "long.wav", LONG_SECONDS)
        for node in (first, second):
            stack.callback(node.end)
            node.start()
        yield [first, second]
