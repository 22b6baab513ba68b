"""What a person is told where the database of the ledger fails at work."""

import shutil
from pathlib import Path

from sqlalchemy.exc import OperationalError

from config.errors import NodeError

FULL = "LG-FULL"
LEAST_BYTES = 64 * 1024
"""What SQLite needs beside an embedded ledger to open it, twice."""
_FULL = ("database or disk is full", "no space left on device", "disk full")


class LedgerError(NodeError):
    """The ledger cannot be reached, or its schema does not fit this software."""


class LedgerFailureError(LedgerError):
    """The database could not do what was asked; nothing of it was done.

    Parameters
    ----------
    code
        ``LG-FULL``: its disk is full; ``LG-AWAY``: anything else.
    """

    def __init__(self, code: str, because: str) -> None:
        self.code = code
        remedy = (
            "make space on its disk, as `mvi-node studies purge UID` can, then repeat this"
            if code == FULL
            else "`mvi-node doctor` looks at it; then repeat this"
        )
        super().__init__(f"the database of the ledger: {because}; {remedy}")


def no_space(place: str | None) -> bool:
    """Return whether the disk of an embedded ledger is full; SQLite says "I/O error" then."""
    try:
        return bool(place) and shutil.disk_usage(Path(str(place)).parent).free < LEAST_BYTES
    except OSError:
        return False


def told(error: OperationalError, *, full: bool = False) -> LedgerFailureError:
    """Return a failure of the database in words; no statement, and no value of one.

    Parameters
    ----------
    full
        Whether its disk is known to be full.
    """
    because = str(error.orig).splitlines()[0] if error.orig else "it does not answer"
    full = full or any(words in because.lower() for words in _FULL)
    return LedgerFailureError(FULL if full else "LG-AWAY", because)
