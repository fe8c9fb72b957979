from __future__ import annotations

import base64
from pathlib import Path

import pytest

from edge.sandbox import lockdown
from tests.edge.cli.conftest import Command


def test_a_healthy_installation(command: Command) -> None:
    told = command("doctor", "--json")

    assert told.status == 0
    report = told.json()
    assert set(report) == {"healthy", "checks", "versions", "settings"}
    assert report["healthy"] is True
    assert set(report["checks"]) >= {"data folder", "records", "sandbox", "engine"}
    assert report["settings"]["EDGE_PORT"] == "8000"
    walls = lockdown.examine()
    assert report["checks"]["sandbox"] == f"{walls.level}: {walls}"


def test_secrets_are_not_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_BOOTSTRAP_SECRET_KEY", "secret_W142hJkHunter2")
    told = command("doctor")

    assert "Hunter2" not in told.out + told.err
    assert "EDGE_BOOTSTRAP_SECRET_KEY" in told.out


def test_keys_that_cannot_be_unsealed_are_told(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = command("keys", "create", "--json").json()["id"]
    assert command("doctor", "--json").json()["checks"]["keys"] == "secret keys can be unsealed"
    monkeypatch.setenv("EDGE_SEAL_KEY", base64.b64encode(bytes(32)).decode())
    told = command("doctor", "--json")

    assert told.status == 1
    assert told.json()["checks"]["keys"].startswith(f"FAILED: {key} sealed under another")
    assert told.json()["settings"]["EDGE_SEAL_KEY"] == "(hidden)"


def test_a_sick_installation_is_status_1(command: Command, folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "edge.sqlite3").write_bytes(b"This is no database." * 100)
    told = command("doctor", "--json")

    assert told.status == 1
    report = told.json()
    assert report["healthy"] is False
    assert report["checks"]["records"].startswith("FAILED: ")
    assert report["checks"]["sandbox"].startswith("FAILED") is False
