"""A copy of the ledger, and the ledger put back from one; PostgreSQL by the tools that come with it."""

import logging
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, MetaData
from sqlalchemy.engine import make_url

from node.ledger.connection import make_engine
from node.ledger.failure import LedgerError

logger = logging.getLogger(__name__)

TOOL_TIMEOUT_S = 3600.0
"""A dump that takes longer hangs, s."""


def back_up(url: str, target: Path) -> None:
    """Write a copy of the ledger, of one moment, also while the node runs; only its owner may read it.

    Parameters
    ----------
    url
        SQLAlchemy URL of the ledger.
    target
        File to write; one that is there is left alone.

    Raises
    ------
    LedgerError
        `target` exists or cannot be written, the ledger cannot be read, or pg_dump is not there or fails.
    """
    if target.exists():
        raise LedgerError(f"{target} exists and is left as it is; name another file")
    partial = target.with_name(f".{target.name}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            _copy_sqlite(Path(str(parsed.database)), partial)
        else:
            _run_tool("pg_dump", ["--format=custom", "--no-owner", f"--file={partial}"], parsed)
        _keep(partial)
        partial.rename(target)
    except OSError as error:
        raise LedgerError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def put_back(url: str, source: Path) -> None:
    """Replace the ledger by a copy; the node must not run.

    An embedded ledger that is there is kept beside it, with ``.replaced`` at the end of its name. The tables of a
    PostgreSQL ledger are dropped once the copy has been looked through.

    Raises
    ------
    LedgerError
        `source` is not there or damaged, or pg_restore is not there or fails.
    """
    if not source.is_file():
        raise LedgerError(f"{source} is not there")
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _put_back_sqlite(Path(str(parsed.database)), source)
    else:
        _run_tool("pg_restore", ["--list", str(source)], parsed)
        _empty(url)
        options = ["--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={parsed.database}"]
        _run_tool("pg_restore", [*options, str(source)], parsed)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise LedgerError(f"there is no ledger at {source}")
    try:
        with closing(sqlite3.connect(source)) as ledger, closing(sqlite3.connect(target)) as copy:
            ledger.backup(copy)
            # A copy of one file, that a tape or another machine takes as it is.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"the ledger {source} cannot be read: {error}") from error
    _demand_sound(target)


def _put_back_sqlite(target: Path, source: Path) -> None:
    _demand_sound(source)
    fresh = target.with_name(f".{target.name}.restored")
    try:
        shutil.copyfile(source, fresh)
        fresh.chmod(0o600)
        _keep(fresh)
        if target.exists():
            _set_aside(target)
        fresh.replace(target)
    except (OSError, sqlite3.OperationalError) as error:
        raise LedgerError(f"{target} cannot be replaced: {error}") from error
    finally:
        fresh.unlink(missing_ok=True)


def _set_aside(ledger: Path) -> None:
    # What the write-ahead log still holds belongs into the file; a damaged ledger is what a copy is for.
    with closing(sqlite3.connect(ledger)) as open_ledger:
        try:
            open_ledger.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            logger.warning("the ledger that is replaced is damaged")
    for suffix in ("", "-wal", "-shm"):
        part = ledger.with_name(ledger.name + suffix)
        if part.exists():
            part.replace(ledger.with_name(f"{ledger.name}.replaced{suffix}"))


def _demand_sound(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as copy:
            answer = copy.execute("PRAGMA quick_check").fetchone()[0]
            copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"{path} is no copy of a ledger: {error}") from error
    if answer != "ok":
        raise LedgerError(f"{path} is damaged: {answer}")


def _empty(url: str) -> None:
    """Drop every table: those that only a newer schema has would be in the way of its migration."""
    engine = make_engine(url)
    try:
        tables = MetaData()
        tables.reflect(engine)
        tables.drop_all(engine)
    finally:
        engine.dispose()


def _run_tool(name: str, options: Sequence[str], url: URL) -> None:
    program = shutil.which(name)
    if program is None:
        raise LedgerError(f"{name} is not installed; it comes with the client of PostgreSQL")
    command, environment = [program, *options], _environment(url)
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False
    )
    if result.returncode:
        because = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LedgerError(f"{name}: {because}")


def _environment(url: URL) -> Mapping[str, str]:
    # Not on the command line: everybody on the machine can read that.
    given = {"PGHOST": url.host, "PGUSER": url.username, "PGPASSWORD": url.password, "PGDATABASE": url.database}
    given["PGPORT"] = str(url.port) if url.port else None
    for key, value in url.query.items():
        given[f"PG{key.upper()}"] = str(value)
    return os.environ | {name: str(value) for name, value in given.items() if value}


def _keep(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
