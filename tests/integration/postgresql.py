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


@contextmanager
def running_postgresql() -> Iterator[Path]:
    """Run a server without network until the block ends; yield the folder of its socket."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    # Not below pytest's folder: the path of a socket has 107 characters at most, and another user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="mvi-pg-"))
    user = _unprivileged_user(folder)
    data = str(folder / "data")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries / program), *arguments],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )

    try:
        run("initdb", "-D", data, "-U", SUPERUSER, "--auth=trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
