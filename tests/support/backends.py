"""
PostgreSQL and S3 for tests: started when the first test asks, shared by all processes of a run.

Each server has a keeper, a process of its own that watches the run it is for and ends the server
with it, however that ended. To have both around any command, such as several runs of tests:

    python -m tests.support.backends -- COMMAND...

The command finds them in ``EDGE_TEST_POSTGRES`` (an SQLAlchemy URL of a superuser),
``EDGE_TEST_S3`` (an endpoint), ``EDGE_TEST_S3_KEY`` and ``EDGE_TEST_S3_SECRET``. Tests use what
these name, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import ceph, postgres
from tests.support.daemons import DaemonFailed

# What a server tells, by the names under which commands find it.
Told = Mapping[str, str]

POSTGRES = "postgres"
S3 = "s3"
_NEEDED = {POSTGRES: "EDGE_TEST_POSTGRES", S3: "EDGE_TEST_S3"}
# By these the processes of a run agree on its folder and on what they were given. None begins as
# settings do, for the product refuses settings that it does not know.
_FOLDER = "TEST_BACKENDS_FOLDER"
_RUN = "TEST_BACKENDS_RUN"
_GIVEN = "TEST_BACKENDS_GIVEN"
_OUTSIDE = "EDGE_TEST_"
_PAUSE_SECONDS = 0.02
_END_SECONDS = 20
_ROOT = Path(__file__).parent.parent.parent


class NotInstalled(Exception):
    """A server's programs are not there; the message says which, and where they come from."""


@contextlib.contextmanager
def run_of_tests() -> Iterator[None]:
    """Let this process, and those it starts, ask for servers; they end with the block."""
    # Made by whoever asks first, so that a run that asks for nothing leaves nothing.
    folder = Path(tempfile.gettempdir()) / f"edge-tests-{uuid.uuid4().hex[:8]}"
    given = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith(_OUTSIDE)}
    own = {_FOLDER: str(folder), _RUN: str(os.getpid()), _GIVEN: json.dumps(given)}
    os.environ |= own
    try:
        yield
    finally:
        for key in own:
            del os.environ[key]
        os.environ |= given
        for keeper in folder.glob("*.keeper"):
            _end(int(keeper.read_text()))
        shutil.rmtree(folder, ignore_errors=True)


def obtain(server: str) -> Told:
    """
    Return what is to be known of a server, which runs from then on.

    Raises:
        NotInstalled: Its programs are missing.
        DaemonFailed: It does not start.
    """
    given: dict[str, str] = json.loads(os.environ[_GIVEN])
    if _NEEDED[server] in given:
        return given
    if lacking := _lacking(server):
        raise NotInstalled(lacking)
    folder = Path(os.environ[_FOLDER])
    folder.mkdir(exist_ok=True)
    # PostgreSQL's own user passes through.
    folder.chmod(0o711)
    told = folder / f"{server}.json"
    with (folder / f"{server}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            _start_keeper(server, folder, told)
    found: dict[str, str] = json.loads(told.read_text())
    if "failed" in found:
        raise DaemonFailed(found["failed"])
    return found


def _lacking(server: str) -> str | None:
    if server == S3:
        return ceph.missing()
    return None if postgres.programs() else "a PostgreSQL server (apt-get install postgresql)"


def _start_keeper(server: str, folder: Path, told: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.support.backends", "--keep", server],
        stdin=subprocess.DEVNULL,
        cwd=_ROOT,
        start_new_session=True,
    )
    (folder / f"{server}.keeper").write_text(str(keeper.pid))
    while not told.exists():
        if keeper.poll() is not None:
            raise DaemonFailed(f"the keeper of {server} ended with {keeper.returncode}")
        time.sleep(_PAUSE_SECONDS)
    # It outlives the process that happened to ask first, and is not waited for.
    keeper.returncode = 0


def _keep(server: str) -> None:
    """Run a server until the run of tests is over, or a signal says so."""
    watched = os.pidfd_open(int(os.environ[_RUN]))
    folder = Path(os.environ[_FOLDER])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running = postgres.PostgresServer if server == POSTGRES else ceph.CephServer
    running_server = running(folder / server)
    try:
        try:
            running_server.create()
            _tell(folder / f"{server}.json", running_server.told())
        except DaemonFailed as failed:
            _tell(folder / f"{server}.json", {"failed": str(failed)})
        select.select([watched], [], [])
    finally:
        running_server.stop()
        if not _is_alive(watched):
            shutil.rmtree(folder, ignore_errors=True)


def _tell(file: Path, told: Told) -> None:
    whole = file.with_suffix(".new")
    whole.write_text(json.dumps(told))
    whole.rename(file)


def _is_alive(watched: int) -> bool:
    return not select.select([watched], [], [], 0)[0]


def _end(process_id: int) -> None:
    try:
        watched = os.pidfd_open(process_id)
    except ProcessLookupError:
        return
    with contextlib.closing(os.fdopen(watched)):
        os.kill(process_id, signal.SIGTERM)
        if not select.select([watched], [], [], _END_SECONDS)[0]:
            os.kill(process_id, signal.SIGKILL)


def _surround(command: Sequence[str]) -> int:
    """Run a command with both servers, and return its status."""
    with run_of_tests():
        with ThreadPoolExecutor() as both:
            told = {name: text for each in both.map(obtain, _NEEDED) for name, text in each.items()}
        return subprocess.run(command, env=os.environ | told).returncode


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says, and return its status."""
    match arguments:
        case ["--keep", server]:
            _keep(server)
            return 0
        case ["--", *command] if command:
            return _surround(command)
        case _:
            print("python -m tests.support.backends -- COMMAND...", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
