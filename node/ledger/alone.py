"""One of the nodes that share a ledger does what must not be done twice at once."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from node.ledger.abandoned import SILENT_MACHINE, STANDS_STILL

_LONGEST_MS = 3_600_000
"""The session is idle while the block runs; no round of deliveries takes so long, ms."""
_SETTINGS = {**SILENT_MACHINE, STANDS_STILL: _LONGEST_MS}


@contextmanager
def alone(engine: Engine, what: str) -> Iterator[bool]:
    """Yield whether this process alone does `what` while the block runs; it must not where it is not.

    A PostgreSQL lock that ends with its transaction, and so with the process, however it ends. With the embedded
    ledger there is one node, which holds the storage folder.

    Parameters
    ----------
    engine
        Of the ledger.
    what
        Names it, the same at every node.
    """
    if engine.dialect.name != "postgresql":
        yield True
        return
    with engine.connect() as connection:
        transaction = connection.begin()
        taken = _taken(connection, what)
        try:
            yield taken
        finally:
            # A server that ended the session, since it was idle or for its own end, has let go already.
            with suppress(SQLAlchemyError):
                transaction.rollback()


def _taken(connection: Connection, what: str) -> bool:
    for name, value in _SETTINGS.items():
        connection.execute(text(f"SET LOCAL {name} = {value}"))
    # Of the transaction and not of the session: a pooler between may give the session to somebody else.
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_key(what)))))


def _key(what: str) -> int:
    """Return 64 bits, signed, that other users of the database will not hit upon."""
    digest = hashlib.sha256(f"mvi-node {what}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
