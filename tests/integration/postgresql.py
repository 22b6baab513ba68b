"""A PostgreSQL server of its own for the tests, on a socket in a temporary folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUPERUSER = "postgres"


class Server:
    """A server that may be stopped and started again.

    Parameters
    ----------
    folder
        Of its data and its socket.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._user = _unprivileged_user(folder)
        self._binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self._data = str(folder / "data")

    def initialise(self) -> None:
        """Make the data folder."""
        self._run("initdb", "-D", self._data, "-U", SUPERUSER, "--auth=trust", "--no-sync")

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-o", options, "-l", log, "start")

    def stop(self) -> None:
        """Stop at once, as a crash does."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def url(self, name: str = SUPERUSER) -> str:
        """Return the URL of one of its databases."""
        return database_url(self.folder, name)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            check=True,
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """Run a server without network until the block ends."""
    # Not below pytest's folder: the path of a socket has 107 characters at most, and another user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="mvi-pg-"))
    try:
        server = Server(folder)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgresql() -> Iterator[Path]:
    """Run a server without network until the block ends; yield the folder of its socket."""
    with postgresql_server() as server:
        yield server.folder


def database_url(socket_folder: Path, name: str) -> str:
    """Return the URL of one database of the server."""
    return f"postgresql+psycopg://{SUPERUSER}@/{name}?host={socket_folder}"


def _unprivileged_user(folder: Path) -> str | None:
    """Give `folder` to a user that PostgreSQL agrees to run as; it refuses to run as root."""
    if os.getuid() != 0:
        return None
    entry = pwd.getpwnam("postgres")
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return entry.pw_name
