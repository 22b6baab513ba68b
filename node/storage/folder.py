"""The storage folder, and the ledger in it."""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.errors import NodeError
from config.settings import Settings
from node.ledger.ledger import Ledger

LEDGER_FILE = "ledger.sqlite"
STORAGE_ID_FILE = "storage-id"
PATIENCE_S = 3.0
_LOOK_EVERY_S = 0.05


class StorageError(NodeError):
    """The storage folder cannot be used."""


def ledger_url(settings: Settings) -> str:
    """Return the URL of the ledger in force."""
    return settings.ledger.url or f"sqlite:///{settings.node.storage.resolve() / LEDGER_FILE}"


def existing_ledger_url(settings: Settings) -> str:
    """Return the URL of the ledger in force; a verb that only looks must not make an empty one.

    Raises
    ------
    StorageError
        The embedded ledger is not there.
    """
    if not settings.ledger.url and not (settings.node.storage / LEDGER_FILE).is_file():
        raise StorageError(f"no ledger in {settings.node.storage}; start `mvi-node serve`, or set node.storage")
    return ledger_url(settings)


def prepare_storage(storage: Path) -> Path:
    """Make the storage folder, readable by this user alone, and check that it can be written to.

    Raises
    ------
    StorageError
        It cannot.
    """
    try:
        storage.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = storage / f".probe-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"storage folder {storage}: {reason}; set node.storage to a folder to write to"
        ) from error
    return storage.resolve()


def demand_own_storage(ledger: Ledger, settings: Settings) -> None:
    """Check that the storage folder of this machine is the one that a ledger is the index of.

    Raises
    ------
    StorageError
        There is none here: the ledger is that of another machine.
    LedgerError
        It is another.
    """
    storage = settings.node.storage
    if not (storage / STORAGE_ID_FILE).is_file():
        raise StorageError(f"no node has worked in {storage}; run this where its storage is, or set node.storage")
    ledger.bind(storage_id(storage))


@contextmanager
def sole_node(settings: Settings, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the storage folder while the block runs, where its ledger is the embedded one.

    Two services on one SQLite file would both send every result. The kernel lets go of the folder with the
    process, however it ends; nodes that share a PostgreSQL ledger share its locks and leases instead.

    Parameters
    ----------
    patience_s
        A node that was killed just now lets go with the last of its threads, s.

    Raises
    ------
    StorageError
        Another node holds the folder.
    """
    if settings.ledger.url:
        yield
        return
    storage = settings.node.storage
    descriptor = os.open(storage, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _held_within(descriptor, patience_s):
            raise StorageError(
                f"another node works on the storage folder {storage}: stop it, give this one a node.storage of "
                "its own, or share a PostgreSQL ledger (ledger.url)"
            )
        yield
    finally:
        os.close(descriptor)


def _held_within(descriptor: int, patience_s: float) -> bool:
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return False
            time.sleep(_LOOK_EVERY_S)
        else:
            return True


def storage_id(storage: Path) -> str:
    """Return the random name of a storage folder, 32 hexadecimal digits; it gets one where it has none.

    Paths do not tell one folder from another: each of two machines may have its own under the same one.
    """
    named, own = storage / STORAGE_ID_FILE, uuid.uuid4().hex
    if not named.exists():
        fresh = storage / f".{STORAGE_ID_FILE}-{own}"
        with fresh.open("x", encoding="ascii") as file:
            file.write(own)
            file.flush()
            os.fsync(file.fileno())
        # A link never takes the place of a name that another node has given in the meantime.
        with suppress(FileExistsError):
            named.hardlink_to(fresh)
        fresh.unlink()
        # The ledger keeps this name at once: lost in a power cut, the folder would not be its own any more.
        descriptor = os.open(storage, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return named.read_text(encoding="ascii").strip()
