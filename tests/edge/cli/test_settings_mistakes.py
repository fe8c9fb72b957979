from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge.cli.conftest import Command


def test_all_mistakes_are_told_at_once(
    command: Command, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("EDGE_WORKERS", "many")
    monkeypatch.setenv("EDGE_QUOTA_SECOND", "5")
    monkeypatch.setenv("EDGE_PUBLIC_URL", "audio.example")
    monkeypatch.setenv("EDGE_BOOTSTRAP_SECRET_KEY", "hunter2")
    refused = command("serve", "--root", str(folder / "none"), "--port", "70000")

    assert (refused.status, refused.out) == (2, "")
    for said in (
        "EDGE_WORKERS='many'",
        "EDGE_QUOTA_SECOND: there is no such setting; the nearest is EDGE_QUOTA_SECONDS",
        "EDGE_PUBLIC_URL='audio.example'",
        "EDGE_BOOTSTRAP_SECRET_KEY",
        "there is no such folder",
        "--port='70000'",
    ):
        assert said in refused.err
    assert "hunter2" not in refused.err
    assert "Traceback" not in refused.err
