"""What deploy/ declares: it has the form its readers want, and says what the edge understands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from edge.settings.load import load_settings
from edge.settings.table import DECLARED, variable_of

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted(KUBERNETES.glob("*.yaml"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

# The oldest release that its project still mends, and the newest that the schemas are of.
RELEASES = ("1.34", kubernetes_validate.latest_version())
_WRITTEN_ANYWHERE = ("", ".yaml", ".env", ".service", ".sh", ".conf")


def resources() -> list[dict[str, Any]]:
    """List all that is declared for Kubernetes, the example of a Secret included."""
    documents = [yaml.safe_load_all(path.read_text()) for path in MANIFESTS]
    return [found for found in chain(*documents) if found["kind"] != "Kustomization"]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [r for r in resources() if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def pod_of(resource: dict[str, Any]) -> dict[str, Any]:
    return dict(resource["spec"]["template"]["spec"])


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def installed(name: str) -> Path:
    """Find a program that a Python package brought."""
    return Path(sys.executable).parent / name


# All of it


def test_every_setting_that_is_named_exists() -> None:
    known = {*map(variable_of, DECLARED), "EDGE_CONFIG"}
    named_in = {
        (str(path.relative_to(DEPLOY)), name)
        for path in DEPLOY.rglob("*")
        if path.is_file() and path.suffix in _WRITTEN_ANYWHERE
        for name in re.findall(r"\bEDGE_[A-Z0-9_]*[A-Z0-9]", path.read_text())
    }

    assert sorted(found for found in named_in if found[1] not in known) == []


@pytest.mark.parametrize("file", ["audio-edge.env", "kubernetes/settings.env"])
def test_the_settings_that_are_shown_are_accepted(file: str) -> None:
    said = dict(
        line.split("=", 1)
        for line in (DEPLOY / file).read_text().splitlines()
        if line.startswith("EDGE_")
    )
    seal_key = {"EDGE_SEAL_KEY": "A" * 43 + "="} if "EDGE_SEAL_KEY" in said else {}
    settings = load_settings({**said, **seal_key})

    assert settings.public_url == "https://audio.example"
    assert str(settings.blobs) != "None"


def images() -> Iterator[str]:
    yield from re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    for service in compose()["services"].values():
        yield service["image"]


def test_every_image_is_pinned_to_a_release() -> None:
    assert [i for i in images() if not re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)*$", i)] == []


def test_our_own_image_has_the_version_of_the_package() -> None:
    (image,) = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["images"]
    built = {s["image"] for s in compose()["services"].values() if "build" in s}

    assert ({f"audio-edge:{VERSION}"}, VERSION) == (built, image["newTag"])


# Dockerfile


def test_the_dockerfile_is_as_hadolint_wants_it() -> None:
    told = run(installed("hadolint"), DEPLOY / "Dockerfile")

    assert (told.returncode, told.stdout) == (0, "")


def test_the_image_runs_as_nobody_in_particular_and_ends_when_told() -> None:
    last_stage = (DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last_stage, re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", last_stage, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n +CMD .*/healthz", last_stage, re.MULTILINE)
    assert re.search(r"^LABEL org\.opencontainers\.image\.title=", last_stage, re.MULTILINE)


def test_what_the_image_is_built_from_is_let_through_and_nothing_else() -> None:
    ignored, *let_through = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and line[0] != "#" and not line.startswith("**/")
    ]
    copied = {
        name.split("/")[0]
        for names in re.findall(
            r"^COPY (?!--from)((?:.+\\\n)*.+) \S+$",
            (DEPLOY / "Dockerfile").read_text(),
            re.MULTILINE,
        )
        for name in names.replace("\\\n", " ").split()
    }

    assert ignored == "*"
    assert {f"!{name}" for name in copied} == set(let_through)


# Compose


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def test_the_compose_file_has_the_form_of_one() -> None:
    told = run(
        *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
        DEPLOY / "compose.yaml",
    )

    assert told.returncode == 0, told.stdout + told.stderr


def test_every_secret_of_the_compose_file_is_made_and_fits() -> None:
    wanted = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    made = dict(
        line.split("=", 1) for line in run("sh", DEPLOY / "compose.env.sh").stdout.splitlines()
    )
    edge = compose()["services"]["edge-1"]["environment"]
    said = {
        name: re.sub(r"\$\{(\w+):[?-]([^}]*)\}", lambda m: made.get(m[1], m[2]), value)
        for name, value in edge.items()
        if name.startswith("EDGE_") and name != "EDGE_ROOT"
    }
    settings = load_settings(said)

    assert wanted == set(made)
    assert (len(settings.seal_key or b""), settings.public_url) == (32, "http://localhost:8080")
    assert re.fullmatch(r"GK[0-9a-f]{24}", made["S3_ACCESS_KEY"])


def test_nodes_wait_for_the_schema_and_nginx_knows_them() -> None:
    services = compose()["services"]
    nodes = [name for name in services if name.startswith("edge-")]
    upstream = re.findall(r"^ +server (\S+):8000 ", (DEPLOY / "nginx.conf").read_text(), re.M)

    assert ["edge-1", "edge-2"] == nodes == upstream
    for node in nodes:
        needs = services[node]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert f"{node}:/data" in services[node]["volumes"]
    assert services["migrate"]["command"] == ["migrate"]
    assert all("healthcheck" in services[name] for name in ("postgres", "s3", "nginx"))


# systemd


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_understands_every_line_of_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    written = tmp_path / unit.name
    # It looks whether the program is there.
    text = re.sub(r"(?<=^ExecStart=)\S+", sys.executable, unit.read_text(), flags=re.M)
    written.write_text(text)
    told = run("systemd-analyze", "verify", "--man=no", written)

    assert (told.returncode, told.stderr) == (0, "")


def test_units_leave_workers_their_walls_and_end_the_server_alone() -> None:
    for unit in UNITS:
        lines = unit.read_text().splitlines()
        assert "NoNewPrivileges=yes" in lines
        if "Type=oneshot" in lines:
            continue
        assert {"Type=exec", "KillMode=mixed", "OOMPolicy=continue"} <= set(lines)
        (calls,) = [line for line in lines if line.startswith("SystemCallFilter=")]
        assert {"landlock_create_ruleset", "landlock_restrict_self"} <= set(calls.split())
        (families,) = [line for line in lines if line.startswith("RestrictAddressFamilies=")]
        assert "AF_UNIX" in families


# Kubernetes


@pytest.mark.parametrize("release", RELEASES)
def test_every_manifest_has_the_form_that_the_api_server_wants(release: str) -> None:
    for resource in resources():
        kubernetes_validate.validate(resource, release, strict=True)


def test_kustomize_puts_everything_together() -> None:
    declared = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    files = {path.name for path in MANIFESTS} - {"kustomization.yaml", "secret.example.yaml"}

    assert files == set(declared["resources"])
    if shutil.which("kubectl") is None:
        return
    told = run("kubectl", "kustomize", KUBERNETES)
    assert told.returncode == 0, told.stderr
    put_together = list(yaml.safe_load_all(told.stdout))
    assert len(resources()) == len(put_together)  # the ConfigMap in place of the Secret
    for resource in put_together:
        kubernetes_validate.validate(resource, RELEASES[-1], strict=True)


def test_pods_may_do_no_more_than_they_need() -> None:
    pods = [pod_of(r) for r in resources() if "template" in r.get("spec", {})]

    assert len(pods) == 3
    for pod in pods:
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"/data", "/tmp"} == {mount["mountPath"] for mount in container["volumeMounts"]}
        assert container["resources"]["limits"]["memory"]


def test_what_refers_to_something_finds_it() -> None:
    serve, worker = named("Deployment", "audio-edge"), named("Deployment", "audio-edge-worker")
    labels = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"] for d in (serve, worker)
    }
    budgets = {
        r["metadata"]["name"]: r["spec"]["selector"]["matchLabels"]
        for r in resources()
        if r["kind"] == "PodDisruptionBudget"
    }
    scaled = {
        r["metadata"]["name"]: r["spec"]["scaleTargetRef"]["name"]
        for r in resources()
        if r["kind"] == "HorizontalPodAutoscaler"
    }
    secret = named("Secret", "audio-edge-secrets")
    (rule,) = named("Ingress", "audio-edge")["spec"]["rules"]
    led_to = [path["backend"]["service"]["name"] for path in rule["http"]["paths"]]

    assert labels == budgets
    assert scaled == {"audio-edge": "audio-edge", "audio-edge-worker": "audio-edge-worker"}
    assert labels["audio-edge"] == named("Service", "audio-edge")["spec"]["selector"]
    assert secret["metadata"]["name"] == "audio-edge-secrets"
    assert led_to == ["audio-edge-nobody", "audio-edge"]


def test_nodes_are_asked_how_they_are_and_warned_before_they_end() -> None:
    (serve,) = pod_of(named("Deployment", "audio-edge"))["containers"]
    (worker,) = pod_of(named("Deployment", "audio-edge-worker"))["containers"]

    for container in (serve, worker):
        assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        # Not by what asks the database.
        assert "/healthz" not in str(container["livenessProbe"])
    assert serve["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
