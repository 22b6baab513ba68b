"""How an attempt failed, by code: a bug, or something that is away; and how many attempts that is worth."""

import errno

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from node.compute.executor import WORKER_HUNG, WORKER_LOST, WORKER_MEMORY, WORKER_NONE
from pipeline.errors import TransientError

MAXIMUM_ATTEMPTS = 8
"""Attempts at a study while something is not available, before it is parked."""
MAXIMUM_CRASHES = 3
"""Attempts at a study that ends its worker process, hangs in it or fills it: the first and two more."""
MAXIMUM_OUTAGES = 1000
"""Attempts at a study while ledger, disk or all Dask workers are away: about ten days at the longest back-off."""
BUG = "BUG"
"""Code of a study that met an error nobody foresaw."""
LEDGER = "LEDGER"
"""Code of an attempt during which the ledger did not answer."""
STORAGE = "STORAGE"
"""Code of an attempt during which the disk was full or away."""

LEDGER_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
_STORAGE_AWAY = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS),
        *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.ENODEV),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EBUSY),
    }
)


def outage(error: Exception) -> TransientError | None:
    """Return what is away: neither the ledger nor the disk is the fault of the study at hand."""
    if isinstance(error, LEDGER_AWAY):
        # Only the kind: the words of a driver quote the statement.
        return TransientError(LEDGER, f"The ledger did not answer ({type(error).__name__}).", stage="ledger")
    if isinstance(error, OSError) and error.errno in _STORAGE_AWAY:
        return TransientError(STORAGE, f"The storage cannot be used ({error.strerror}).", stage="storage")
    return None


def attempts_worth(error: TransientError) -> int:
    """Return after how many attempts a study that failed of this is parked."""
    if error.code in (WORKER_LOST, WORKER_HUNG, WORKER_MEMORY):
        return MAXIMUM_CRASHES
    return MAXIMUM_OUTAGES if error.code in (LEDGER, STORAGE, WORKER_NONE) else MAXIMUM_ATTEMPTS
