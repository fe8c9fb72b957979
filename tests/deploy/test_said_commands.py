"""What the program is told in deploy/, wherever it is started there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edge.cli.parser import build_parser

DEPLOY = Path(__file__).parents[2] / "deploy"


def commands() -> Iterator[list[str]]:
    for service in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values():
        if "build" in service and "command" in service:
            yield service["command"]
    for manifest in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for resource in yaml.safe_load_all(manifest.read_text()):
            if "template" in resource.get("spec", {}):
                (container,) = resource["spec"]["template"]["spec"]["containers"]
                yield container["args"]
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        (started,) = re.findall(r"^ExecStart=\S+/audio-edge (.+)$", unit.read_text(), re.MULTILINE)
        yield started.split()


@pytest.mark.parametrize("command", [*commands()], ids=" ".join)
def test_every_command_is_one_of_ours(command: list[str]) -> None:
    assert build_parser().parse_args(command).verb
