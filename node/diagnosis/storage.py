"""Whether a node could work in its storage folder, told by writing there; nothing is left behind or made."""

import uuid
from pathlib import Path

from node.audit.trail import TRAIL_FILE
from node.storage.folder import LEDGER_FILE, StorageError
from node.storage.inbox_layout import ARRIVING, INBOX
from node.storage.results_folder import RESULTS

_FOLDERS = ("", INBOX, f"{INBOX}/{ARRIVING}", RESULTS)
_FILES = (LEDGER_FILE, f"{LEDGER_FILE}-wal", f"{LEDGER_FILE}-shm", TRAIL_FILE)


def check_storage(storage: Path) -> Path:
    """Write to what a node writes to, and remove it again.

    Parameters
    ----------
    storage
        Absolute. Where it is not there yet, the folder that it would be made in is written to in its place.

    Returns
    -------
    Path
        The folder that is there, for its free space.

    Raises
    ------
    StorageError
        This user cannot write to it.
    """
    place = storage
    try:
        place = next(folder for folder in (storage, *storage.parents) if folder.exists())
        if place != storage:
            _write_to(place)
            return place
        for name in _FOLDERS:
            place = storage / name
            if place.exists():
                _write_to(place)
        for name in _FILES:
            place = storage / name
            if place.exists():
                # Opened for appending and closed: its bytes stay as they are.
                place.open("ab").close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        made = "" if place == storage or storage in place.parents else f", and {storage} is to be made in it"
        raise StorageError(
            f"{place} cannot be written to{made}: {reason}; let this user write there, or set node.storage to "
            "another folder"
        ) from error
    return storage


def _write_to(folder: Path) -> None:
    probe = folder / f".probe-{uuid.uuid4().hex}"
    probe.mkdir(mode=0o700)
    probe.rmdir()
