"""Instances as they arrive: recorded once, and a new image re-opens its study."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from node.ledger import schema
from node.ledger.arriving import ArrivingStudy
from node.ledger.history import note
from node.ledger.records import ANALYSED_SOP_CLASSES, InstanceRecord, Recorded


def record(connection: Connection, instances: Iterable[InstanceRecord], now: datetime) -> list[Recorded]:
    """Enter instances; doing it twice changes nothing.

    Parameters
    ----------
    connection
        In a transaction that the caller commits.
    instances
        Of one study in the order in which they arrived.
    now
        For `updated_at` and the history; the times of receipt come from the instances.

    Returns
    -------
    list of Recorded
        What each was, in the order of `instances`.
    """
    numbered: dict[str, list[tuple[int, InstanceRecord]]] = {}
    for number, instance in enumerate(instances):
        numbered.setdefault(instance.study_instance_uid, []).append((number, instance))
    found: dict[int, Recorded] = {}
    for own in numbered.values():
        study = ArrivingStudy(connection, [instance for _, instance in own], now)
        found.update({number: study.take(instance) for number, instance in own})
        study.write()
    return [found[number] for number in sorted(found)]


def forget(connection: Connection, paths: Collection[str], now: datetime) -> int:
    """Take out the instances at `paths`; return how many there were."""
    table = schema.instances
    number = 0
    for path in sorted(paths):
        row = connection.execute(select(table).where(table.c.path == path)).mappings().first()
        if row is None:
            continue
        connection.execute(delete(table).where(table.c.number == row["number"]))
        image = row["sop_class_uid"] in ANALYSED_SOP_CLASSES and not row["conflicting"]
        uid = row["study_instance_uid"]
        connection.execute(
            update(schema.studies)
            .where(schema.studies.c.study_instance_uid == uid)
            .values(images=schema.studies.c.images - int(image), updated_at=now)
        )
        note(connection, uid, now, "file-lost", f"{row['sop_instance_uid']} is not in the inbox any more")
        number += 1
    return number
