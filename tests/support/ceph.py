"""
A throw-away S3 server: Ceph of one monitor, one OSD that keeps all in memory, one RADOS gateway.

All of it is on loopback, without authentication between its parts. Nothing is a daemon of the
machine: the three run in the foreground, as children.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.support.daemons import (
    LOOPBACK,
    PATIENCE_SECONDS,
    DaemonFailed,
    end,
    free_port,
    run,
    start_tied,
    wait_for,
)

ACCESS_KEY = "edge-tests"
SECRET_KEY = "edge-tests-secret"

_PROGRAMS = ("monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin")
_PACKAGES = "ceph-mon ceph-osd ceph-common radosgw"
_MEMORY_BYTES = 4 << 30
_TRIES = 5
_PAUSE_SECONDS = 0.1

_Said = TypeVar("_Said")

_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v1:{host}:{monitor_port}/0
mon initial members = a
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}/run
admin socket = {folder}/run/$name.$pid.asok
log file = {folder}/log/$name.log
debug default = 0/0
debug ms = 0/0
ms bind ipv6 = false
ms bind msgr2 = false
ms async op threads = 1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
mon warn on pool no redundancy = false
[mon]
mon data = {folder}/mon
mon allow pool size one = true
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01
[osd]
osd class update on start = false
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = {memory_bytes}
osd op num shards = 1
osd op num threads per shard = 2
[client.rgw]
rgw frontends = beast endpoint={host}:{port}
rgw dns name = localhost
rgw thread pool size = 64
rgw enable usage log = false
rgw run sync thread = false
rgw gc obj min wait = 1
rgw gc processor period = 5
"""


def missing() -> str | None:
    """Name the programs that are not installed, and where they come from; None if all are."""
    names = [name for name in _PROGRAMS if shutil.which(name) is None]
    if not names:
        return None
    return f"{', '.join(names)} (apt-get install {_PACKAGES})"


class CephServer:
    """
    An S3 server in a folder of its own.

    Args:
        folder: New.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._configuration = folder / "ceph.conf"
        self._children: list[subprocess.Popen[bytes]] = []
        self._port = 0

    @property
    def endpoint(self) -> str:
        """Where it answers; buckets are told by the path."""
        return f"http://{LOOPBACK}:{self._port}"

    def told(self) -> dict[str, str]:
        """Say where it is and who may enter, as commands are told."""
        return {
            "EDGE_TEST_S3": self.endpoint,
            "EDGE_TEST_S3_KEY": ACCESS_KEY,
            "EDGE_TEST_S3_SECRET": SECRET_KEY,
        }

    def create(self) -> None:
        """
        Make the server's files and start it, with a user who may do everything.

        Raises:
            DaemonFailed: It does not start.
        """
        if lacking := missing():
            raise DaemonFailed(f"there is no Ceph here: {lacking}")
        for tries_left in reversed(range(_TRIES)):
            try:
                self._start_monitor()
                self._start_osd()
                self._start_gateway()
            except DaemonFailed:
                # Somebody else may have taken a port meanwhile.
                self.stop()
                if not tries_left:
                    raise
            else:
                return

    def stop(self) -> None:
        """End it at once; what it kept was in its memory."""
        for child in reversed(self._children):
            end(child, signal.SIGKILL)
        self._children.clear()

    def _start_monitor(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("mon", "osd", "run", "log"):
            (self._folder / name).mkdir(parents=True)
        fsid = str(uuid.uuid4())
        monitor_port, self._port = free_port(), free_port()
        self._configuration.write_text(
            _CONFIGURATION.format(
                fsid=fsid,
                host=LOOPBACK,
                monitor_port=monitor_port,
                port=self._port,
                folder=self._folder,
                memory_bytes=_MEMORY_BYTES,
            )
        )
        addresses = f"v1:{LOOPBACK}:{monitor_port}"
        monitors = self._folder / "monmap"
        run(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, monitors])
        self._run("ceph-mon", "--mkfs", "--id", "a", "--monmap", monitors)
        self._start("ceph-mon", "--id", "a")

    def _start_osd(self) -> None:
        identity = str(uuid.uuid4())
        # Until the monitor's first round of Paxos it refuses whatever it is asked (EPERM).
        _insist(lambda: self._run("ceph", "osd", "new", identity))
        # A client that has no map of the monitors yet may be refused as one of another cluster,
        # and an OSD that is refused gives up.
        _insist(lambda: self._format_osd(identity))
        _insist(self._boot_osd)

    def _format_osd(self, identity: str) -> None:
        shutil.rmtree(self._folder / "osd")
        (self._folder / "osd").mkdir()
        self._run("ceph-osd", "--id", "0", "--mkfs", "--osd-uuid", identity)

    def _boot_osd(self) -> None:
        osd = self._start("ceph-osd", "--id", "0")
        socket_path = self._folder / f"run/osd.0.{osd.pid}.asok"
        try:
            wait_for(lambda: _state(socket_path) == "active", osd, self._words)
        except DaemonFailed:
            self._children.remove(osd)
            end(osd, signal.SIGKILL)
            raise

    def _start_gateway(self) -> None:
        _insist(
            lambda: self._run(
                *("radosgw-admin", "user", "create", "--uid", "edge", "--display-name", "edge"),
                *("--access-key", ACCESS_KEY, "--secret", SECRET_KEY),
            )
        )
        gateway = self._start("radosgw", "--name", "client.rgw")
        wait_for(self._answers, gateway, self._words)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.endpoint, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def _words(self) -> Path:
        return self._folder / "log/words"

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        child = start_tied(
            [program, "--conf", self._configuration, *arguments, "-f"], log=self._words
        )
        self._children.append(child)
        return child

    def _run(self, program: str, *arguments: str | Path) -> str:
        for child in self._children:
            if child.poll() is not None:
                raise DaemonFailed(f"{child.args!r}: {self._words.read_text(errors='replace')}")
        return run([program, "--conf", self._configuration, *arguments])


def _state(admin_socket: Path) -> str | None:
    """
    Ask a daemon how it is, by the socket that the ``ceph`` command uses for it.

    A request is JSON that a NUL ends; the answer is its length, 32 bits big-endian, and JSON.
    """
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(admin_socket))
            asking.sendall(b'{"prefix": "status"}\0')
            with asking.makefile("rb") as answer:
                answer.read(4)
                state: str | None = json.load(answer).get("state")
        except (OSError, ValueError):
            return None
        return state


def _insist(ask: Callable[[], _Said]) -> _Said:
    """Ask until it does not fail, as long as patience lasts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except DaemonFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
