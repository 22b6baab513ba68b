"""The storage folder, and the ledger in it."""

import uuid
from pathlib import Path

from config.errors import NodeError
from config.settings import Settings

LEDGER_FILE = "ledger.sqlite"


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
