"""The file of an embedded ledger, watched while it is open: somebody may delete it, or put another in its place.

SQLite goes on writing into a deleted file, and whoever opens the ledger afresh gets an empty one: two processes of
one node would no longer know of each other. Every transaction therefore looks whether its file is still the one
under the name, which takes some microseconds, and one whose file is gone writes it anew from what is still open.
Deleted again before every process of the node has noticed, it may come back without their last entries; the inbox
has their instances, and the next start enters them.
"""

import logging
import os
import sqlite3
import threading
import uuid
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError

logger = logging.getLogger(__name__)

_BESIDE = ("-wal", "-shm")
"""Files of the write-ahead log; left behind, they would be taken for those of the new file."""
_NONE = (0, 0)
Identity = tuple[int, int]
"""Device and inode of a file: what tells it from another under the same name."""


class LedgerFileError(SQLAlchemyError, NodeError):
    """The file of the ledger was deleted or replaced while it was open."""


class EmbeddedFile:
    """The file of one SQLite ledger, which is kept open from its first use.

    Parameters
    ----------
    path
        Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: sqlite3.Connection | None = None
        self._opened: Identity = _NONE
        self._lock = threading.Lock()

    def identity(self) -> Identity:
        """Return which file lies there."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked for each transaction
        except OSError:
            return _NONE
        return found.st_dev, found.st_ino

    def keep_open(self) -> Identity:
        """Keep the file open that lies there now, and return which it is."""
        with self._lock:
            now = self.identity()
            if now not in (self._opened, _NONE):
                self._close()
                self._open = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?mode=rw", uri=True, check_same_thread=False, timeout=30
                )
                self._open.isolation_level = None
                # SQLite opens the file, and its log, with the first question.
                self._open.execute("SELECT count(*) FROM sqlite_master").close()
                self._opened = now
            return now

    def see_to(self) -> None:
        """Put the file back where it was deleted, with all that it held.

        Raises
        ------
        LedgerFileError
            It cannot be written.
        """
        with self._lock:
            if self._open is None:
                return
            if self.identity() not in (_NONE, self._opened):
                logger.warning(
                    "another file lies at %s: if nobody of this node wrote it anew, start the node again, "
                    "which compares it with the inbox",
                    self._path,
                )
                return
            copy = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}.new")
            try:
                while self.identity() == _NONE:
                    self._write_anew(self._open, copy)
            except (sqlite3.Error, OSError) as error:
                raise LedgerFileError(
                    f"the ledger {self._path} was deleted while it is open and cannot be written anew ({error}): "
                    "let the node write to its folder, or start it again, which rebuilds it from the inbox"
                ) from error
            finally:
                with suppress(OSError):
                    copy.unlink(missing_ok=True)

    def require(self, before: Identity) -> None:
        """Raise LedgerFileError where another file lies there than `before`: a transaction goes astray."""
        if self.identity() != before:
            raise LedgerFileError(f"the ledger {self._path} was deleted or replaced at this moment; try again")

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open, self._opened = None, _NONE

    def _write_anew(self, deleted: sqlite3.Connection, copy: Path) -> None:
        copy.unlink(missing_ok=True)
        version = _commits_of_others(deleted)
        deleted.execute("VACUUM INTO ?", (str(copy),)).close()
        _synchronise(copy)
        # Nobody writes into the deleted file, or writes it anew, from here on: who waits for it looks at the name
        # when its turn comes.
        deleted.execute("BEGIN IMMEDIATE").close()
        try:
            if _commits_of_others(deleted) == version and self.identity() == _NONE:
                self._name(copy)
        finally:
            deleted.execute("ROLLBACK").close()

    def _name(self, copy: Path) -> None:
        for suffix in _BESIDE:
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.hardlink_to(copy)
        _synchronise(self._path.parent)
        logger.error(
            "the ledger %s was deleted while the node runs; it is written anew with all that it held: "
            "leave it there, and find out who deletes files of the node",
            self._path,
        )


def _commits_of_others(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
