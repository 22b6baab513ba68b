"""Messages of laboratories in the ledger: known by sender, control ID and content, answered once.

Statements are built once here: SQLAlchemy takes longer to build one than to execute it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from config.errors import NodeError
from node.ledger import lab_schema
from node.ledger.connection import insert_new
from node.ledger.lab_entry import enter_results
from node.ledger.lab_reconcile import merge_and_reconcile
from node.ledger.lab_records import Entered, LabMessage, LabSource, PatientMerge, PatientResults, Taken

_M, _R = lab_schema.messages, lab_schema.refusals
_NAMED_SO: Final = (
    select(_M)
    .where(_M.c.sender == bindparam("of_sender"), _M.c.control_id == bindparam("of_control_id"))
    .order_by(_M.c.received_at.desc(), _M.c.number.desc())
)
_FORGET: Final = delete(_M).where(
    _M.c.sender == bindparam("of_sender"),
    _M.c.control_id == bindparam("of_control_id"),
    _M.c.content_sha256 == bindparam("of_sha256"),
)
_ANSWER_ANEW: Final = update(_M).where(_M.c.number == bindparam("of_number"))
_FORGET_REFUSALS: Final = delete(_R).where(
    _R.c.sender == bindparam("of_sender"),
    _R.c.message_id == bindparam("of_control_id"),
    _R.c.received_at >= bindparam("since"),
)

CONTROL_ID_LIFE = timedelta(hours=24)
"""Within this time one control ID (MSH-10) names one message; later a sender's counter may have come round."""
GONE: Final = "gone"
"""In place of the digest of a resource: its server does not have it any more."""


class ControlIdInUseError(NodeError):
    """A control ID named another message within `CONTROL_ID_LIFE`."""


@dataclass(frozen=True)
class Incoming:
    """An HL7 message and what it says, to be entered whole or not at all."""

    message: LabMessage
    results: Sequence[PatientResults] = ()
    merges: Sequence[PatientMerge] = ()


def take_message(connection: Connection, incoming: Incoming, now: datetime) -> Taken:
    """Enter all of an HL7 message, or nothing of it where it is known already.

    Raises
    ------
    ControlIdInUseError
        Its control ID named another message within `CONTROL_ID_LIFE`.
    """
    message = incoming.message
    known = _named_so(connection, message)
    for row in known:
        if row["content_sha256"] == message.content_sha256:
            if row["rules"] == message.rules:
                return Taken(_message(row), Entered())
            return Taken(message, _judged_anew(connection, incoming, row, now))
    if known and known[0]["received_at"] > now - CONTROL_ID_LIFE:
        raise ControlIdInUseError("MSH-10 named another message within the last 24 hours")
    entered = Entered()
    # False: another listener on this database has entered it in between.
    if enter_message(connection, message, now):
        for wanted in incoming.merges:
            merge_and_reconcile(connection, wanted, now)
        for part in incoming.results:
            entered += enter_results(connection, LabSource.HL7, message.sender, part, now)
    return Taken(message, entered)


def _judged_anew(connection: Connection, incoming: Incoming, row: RowMapping, now: datetime) -> Entered:
    """Enter what a known message says under other rules; whatever came after it was first received stands."""
    message, entered = incoming.message, Entered()
    first = row["received_at"]
    key = {"of_sender": message.sender, "of_control_id": message.control_id, "since": first}
    connection.execute(_FORGET_REFUSALS, key)
    anew = {"rules": message.rules, "acknowledgement": message.acknowledgement, "answer": message.answer}
    connection.execute(_ANSWER_ANEW.values(**anew), {"of_number": row["number"]})
    for part in incoming.results:
        entered += enter_results(connection, LabSource.HL7, message.sender, part, now, until=first)
    return entered


def enter_message(connection: Connection, message: LabMessage, now: datetime) -> bool:
    """Enter a message; return False where it is known."""
    row = {name: getattr(message, name) for name in LabMessage.__dataclass_fields__}
    return insert_new(connection, _M, {**row, "received_at": now})


def enter_latest(connection: Connection, message: LabMessage, now: datetime, *, again: bool) -> bool:
    """Enter what a server says now; return False where it is what it said last.

    Parameters
    ----------
    again
        Whether what it said earlier counts again; otherwise it does only where the resource was gone since then.
    """
    said = [row["content_sha256"] for row in _named_so(connection, message)]
    if said[:1] == [message.content_sha256]:
        return False
    if message.content_sha256 in said:
        if not again and said[0] != GONE:
            return False
        key = {"of_sender": message.sender, "of_control_id": message.control_id}
        connection.execute(_FORGET, {**key, "of_sha256": message.content_sha256})
    return enter_message(connection, message, now)


def _named_so(connection: Connection, message: LabMessage) -> Sequence[RowMapping]:
    key = {"of_sender": message.sender, "of_control_id": message.control_id}
    return connection.execute(_NAMED_SO, key).mappings().all()


def _message(row: RowMapping) -> LabMessage:
    return LabMessage(**{name: row[name] for name in LabMessage.__dataclass_fields__})
