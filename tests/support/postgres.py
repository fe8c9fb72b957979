"""
A throw-away PostgreSQL server: everything in one folder, nothing of it written to the disk in time.

It compares text as a language does (ICU, en-US), as most real servers do: what leans on the order
of bytes, as SQLite's is, fails here.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.daemons import (
    LOOPBACK,
    DaemonFailed,
    end,
    free_port,
    is_listening,
    run,
    start_tied,
    wait_for,
)

# Debian keeps the server's programs out of the way.
_DEBIAN = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "postgres")
_SUPERUSER = "postgres"
_TRIES = 5

# For speed, and against work in the background. What was committed outlives the server's sudden
# end all the same, for the kernel has it; only the machine's own end would lose it.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "32MB",
    "max_connections": "300",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
}


def programs() -> Path | None:
    """Return the folder of the newest server that is installed, or None."""
    versions = sorted(
        (path for path in _DEBIAN.glob("*/bin") if path.parent.name.isdecimal()),
        key=lambda path: int(path.parent.name),
    )
    on_path = shutil.which("postgres")
    found = [*([Path(on_path).resolve().parent] if on_path else []), *versions]
    complete = [path for path in found if all((path / name).exists() for name in _PROGRAMS)]
    return complete[-1] if complete else None


class PostgresServer:
    """
    A server in a folder of its own.

    Args:
        folder: New, and not below one that only its owner may enter: PostgreSQL does not run as
            root, so root runs it as the user ``postgres``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The database that is always there, for the superuser, who needs no password."""
        return f"postgresql+asyncpg://{_SUPERUSER}@{LOOPBACK}:{self.port}/postgres"

    def told(self) -> dict[str, str]:
        """Say where it is, as commands are told."""
        return {"EDGE_TEST_POSTGRES": self.url}

    def create(self) -> None:
        """
        Make the server's files, and start it on a port of its own.

        Raises:
            DaemonFailed: It does not start.
        """
        self._folder.mkdir(mode=0o700)
        if _user() is not None:
            shutil.chown(self._folder, _SUPERUSER, _SUPERUSER)
        run(
            [
                *(_program("initdb"), "--pgdata", self._folder / "data", "--no-sync"),
                *("--username", _SUPERUSER, "--auth", "trust", "--encoding", "UTF8"),
                *("--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"),
            ],
            user=_user(),
        )
        for tries_left in reversed(range(_TRIES)):
            self.port = free_port()
            try:
                return self.start()
            except DaemonFailed:
                if not tries_left:
                    raise

    def start(self) -> None:
        """
        Start the server, again on the same port if it was stopped.

        Raises:
            DaemonFailed: It does not start.
        """
        settings = {**_SETTINGS, "port": str(self.port)}
        process = self._process = start_tied(
            [
                *(_program("postgres"), "-D", self._folder / "data"),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            log=self._log,
            user=_user(),
            # Its own word for ending at once, with all it has started.
            last_signal=signal.SIGQUIT,
        )
        # It writes "ready" here as soon as it takes connections.
        state = self._folder / "data/postmaster.pid"
        wait_for(lambda: _says_ready(state, process.pid), process, self._log)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End the server: at once, or with SIGINT after telling its clients."""
        if self._process is not None:
            end(self._process, how)
            self._process = None

    @property
    def is_up(self) -> bool:
        """Whether it listens."""
        return is_listening(self.port)


def _says_ready(state: Path, process_id: int) -> bool:
    try:
        lines = state.read_text().split("\n")
    except OSError:
        return False
    return lines[0] == str(process_id) and len(lines) > 7 and lines[7].strip() == "ready"


def _program(name: str) -> Path:
    folder = programs()
    if folder is None:
        raise DaemonFailed("there is no PostgreSQL server here: apt-get install postgresql")
    return folder / name


def _user() -> str | None:
    return _SUPERUSER if os.geteuid() == 0 else None


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Make a temporary folder that other users may enter, and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="edge-tests-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """Run a server for a test that stops it or has it fail."""
    with open_folder() as folder:
        server = PostgresServer(folder / "postgres")
        server.create()
        try:
            yield server
        finally:
            server.stop()
