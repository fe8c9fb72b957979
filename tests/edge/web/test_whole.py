"""Whole timelines beside artifacts that are finished."""

from __future__ import annotations

import pytest

from cache.receipts import Receipt
from edge.web.whole import is_of_this_grid
from transforms.manifests.grid import GRID


@pytest.mark.parametrize(
    ("extra", "same"), [({"grid": GRID}, True), ({"grid": "2-2-4-6"}, False), ({}, False)]
)
def test_an_artifact_of_another_grid_keeps_its_own_playlists(
    extra: dict[str, str], same: bool
) -> None:
    receipt = Receipt(
        key="0" * 64,
        account="W142hJk",
        source_path="/talk.mp3",
        created_ms=0,
        files=(),
        extra=extra,
    )

    assert is_of_this_grid(receipt) == same
