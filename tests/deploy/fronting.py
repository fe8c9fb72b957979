"""nginx with the project's own configuration, in front of nodes under test."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.e2e.running import PATIENCE_SECONDS, Answer, Edge, until

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
# Debian keeps it where only root looks.
PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def require_nginx() -> str:
    """Return the program; without it tests are skipped, and fail in CI."""
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed: apt-get install nginx-light")
        pytest.skip("nginx is not installed")
    return PROGRAM


def configuration(folder: Path, *, port: int, nodes: Sequence[int], kept: str = "60s") -> str:
    """
    Write the project's configuration with the paths and ports of a test.

    Args:
        folder: Where the pid, the logs, the cache and bodies on their way go.

        port: Where nginx listens, on loopback.

        nodes: The ports of two nodes.

        kept: How long an answer is believed.
    """
    first, second = nodes
    text = CONFIGURATION.read_text()
    for said, meant in {
        "edge-1:8000": f"127.0.0.1:{first}",
        "edge-2:8000": f"127.0.0.1:{second}",
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "listen [::]:8080;": "",
        "/run/nginx.pid": f"{folder}/nginx.pid",
        "/var/cache/nginx/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
        " 60s;": f" {kept};",
        "worker_processes auto;": "worker_processes 1;",
        "worker_rlimit_nofile 65536;": "",
        "worker_connections 8192;": "worker_connections 512;",
    }.items():
        assert said in text, f"the configuration says {said!r} no more"
        text = text.replace(said, meant)
    return text


class Front:
    """One nginx, and a client that sends what it is told."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def send(
        self, target: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
    ) -> Answer:
        """Send one request whose target is exactly as given."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, target, headers=dict(headers or {}))
            with connection.getresponse() as response:
                return Answer(
                    status=response.status, headers=response.headers, body=response.read()
                )

    def connect(self) -> http.client.HTTPConnection:
        """Prepare a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def cache_of(self, target: str, headers: Mapping[str, str] | None = None) -> str | None:
        """Tell what the cache had to do with the answer to a GET that succeeds."""
        answer = self.send(target, headers)
        assert answer.status == 200, answer.body
        return answer.headers["X-Cache-Status"]

    @property
    def log(self) -> str:
        """All requests that were answered."""
        return (self.folder / "access.log").read_text()

    @property
    def bodies(self) -> list[Path]:
        """The files into which nginx has put bodies of requests, or answers it does not keep."""
        return [
            path
            for name in ("bodies", "answers")
            for path in (self.folder / name).rglob("*")
            if path.is_file()
        ]


@contextlib.contextmanager
def fronting(folder: Path, nodes: Sequence[Edge], *, kept: str = "60s") -> Iterator[Front]:
    """Run nginx in front of two *nodes*, with its files in *folder*, until the block ends."""
    program = require_nginx()
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    written = folder / "nginx.conf"
    ports = [node.port for node in nodes]
    written.write_text(configuration(folder, port=port, nodes=ports, kept=kept))
    # Root's nginx becomes nobody, who may not enter a temporary folder.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    with (folder / "error.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-e", "stderr", "-c", written, "-g", directives], stderr=log
        )
    try:
        until(lambda: answers(port) or process.poll() is not None, "nginx to listen")
        assert process.poll() is None, (folder / "error.log").read_text()
        yield Front(folder, port)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def answers(port: int) -> bool:
    """Tell whether somebody listens at a port."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Find a port that nobody listens at, below those that the kernel gives to clients."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free between 20000 and 32000")
