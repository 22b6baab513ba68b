"""What a session of PostgreSQL holds goes free where its node is gone or stands still.

The server notices neither by itself: it waits two hours for a machine that lost its power, and for ever for a
process that was stopped. All the while the other nodes would wait for the rows of a study, and its scanner too.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import OperationalError

SILENT_MACHINE: Mapping[str, int] = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
}
"""Of the server: a machine that lost its power lets go after a minute; s, s and probes."""
STANDS_STILL = "idle_in_transaction_session_timeout"
STANDS_STILL_S = 120
"""As long as a lease. Between two statements of a transaction of the ledger lie milliseconds."""


def let_go(engine: Engine) -> None:
    """Let the server end the sessions of `engine` that nobody drives any more."""
    event.listen(engine, "connect", _tell_server)
    event.listen(engine, "handle_error", _call_it_away)


def _tell_server(connection: Any, _record: object) -> None:
    settings = {**SILENT_MACHINE, STANDS_STILL: STANDS_STILL_S * 1000}
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute(f"SET {name} = {value}")
    connection.commit()  # Else it goes with the transaction in which it was set.


def _call_it_away(context: ExceptionContext) -> None:
    """Raise what says that the database is away: psycopg takes the end of an idle session for a fault."""
    error = context.original_exception
    if context.is_disconnect and not isinstance(context.sqlalchemy_exception, OperationalError):
        raise OperationalError(
            context.statement, context.parameters, error, connection_invalidated=True
        ) from error
