"""What happened to a study, in order."""

from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from node.ledger import schema
from node.ledger.connection import reading
from node.ledger.records import StudyEvent

_LINE = insert(schema.events)


def note(connection: Connection, study_instance_uid: str, at: datetime, event: str, detail: str = "") -> None:
    """Append one line to the history of a study."""
    line = {"study_instance_uid": study_instance_uid, "at": at, "event": event, "detail": detail}
    connection.execute(_LINE, line)


def history(engine: Engine, study_instance_uid: str) -> tuple[StudyEvent, ...]:
    """Return the history of a study, oldest first."""
    table = schema.events
    query = (
        select(table.c.study_instance_uid, table.c.at, table.c.event, table.c.detail)
        .where(table.c.study_instance_uid == study_instance_uid)
        .order_by(table.c.number)
    )
    with reading(engine) as connection:
        return tuple(StudyEvent(**row) for row in connection.execute(query).mappings())
