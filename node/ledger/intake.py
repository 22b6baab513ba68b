"""Instances as they arrive: recorded once, and a new image re-opens its study."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, null, select, update

from node.ledger import schema
from node.ledger.connection import insert_new
from node.ledger.history import note
from node.ledger.records import ANALYSED_SOP_CLASSES, InstanceRecord, Recorded
from node.states import Event, StudyState, next_state


def record(connection: Connection, instance: InstanceRecord, now: datetime) -> Recorded:
    """Enter one instance; doing it twice changes nothing.

    Parameters
    ----------
    connection
        In a transaction that the caller commits.
    now
        For `updated_at` and the history; the times of receipt come from `instance`.
    """
    study = _locked_study(connection, instance, now)
    known = _known_hashes(connection, instance)
    usable = any(not conflicting for conflicting in known.values())
    if usable and instance.content_sha256 in known:
        return Recorded.DUPLICATE
    # Another image under a known UID is kept and marked, but which of the two is right is not ours to guess.
    _enter(connection, instance, conflicting=usable)
    if usable:
        _mark(connection, instance, now)
    if instance.sop_class_uid in ANALYSED_SOP_CLASSES:
        # Also for one in conflict: the first may have been damaged on its way, and the study refused for it.
        _advance(connection, StudyState(study), instance, now, images=0 if usable else 1)
    return Recorded.CONFLICT if usable else Recorded.NEW


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


# The statements of every instance are made once: making them anew took longer than running them.
_STATE_OF = (
    select(schema.studies.c.state).where(schema.studies.c.study_instance_uid == bindparam("uid")).with_for_update()
)
_HASHES_OF = select(schema.instances.c.content_sha256, schema.instances.c.conflicting).where(
    schema.instances.c.study_instance_uid == bindparam("study"),
    schema.instances.c.sop_instance_uid == bindparam("instance"),
)
_ADVANCED = (
    update(schema.studies)
    .where(schema.studies.c.study_instance_uid == bindparam("uid"))
    .values(
        state=bindparam("next_state"),
        generation=schema.studies.c.generation + 1,
        images=schema.studies.c.images + bindparam("more_images"),
        last_received_at=bindparam("received_at"),
        updated_at=bindparam("now"),
        attempts=0,
        not_before=null(),
        owner=null(),
        lease_expires_at=null(),
    )
)


def _locked_study(connection: Connection, instance: InstanceRecord, now: datetime) -> str:
    uid = instance.study_instance_uid
    # Two associations may bring one study: the row lock makes them count one after the other.
    state = connection.scalar(_STATE_OF, {"uid": uid})
    if state is not None:
        return str(state)
    new = {
        "study_instance_uid": uid,
        "state": StudyState.RECEIVING.value,
        "generation": 0,
        "images": 0,
        "conflicting": False,
        "first_received_at": instance.received_at,
        "last_received_at": instance.received_at,
        "updated_at": now,
        "attempts": 0,
    }
    if insert_new(connection, schema.studies, new):
        note(connection, uid, now, "created", f"from {instance.calling_ae_title}")
    return str(connection.scalar(_STATE_OF, {"uid": uid}))


def _known_hashes(connection: Connection, instance: InstanceRecord) -> dict[str, bool]:
    """Return the hashes under the UID of an instance, and of each whether it came in conflict with an earlier."""
    of = {"study": instance.study_instance_uid, "instance": instance.sop_instance_uid}
    return {row.content_sha256: row.conflicting for row in connection.execute(_HASHES_OF, of)}


def _enter(connection: Connection, instance: InstanceRecord, *, conflicting: bool) -> None:
    table = schema.instances
    values = {name: getattr(instance, name) for name in InstanceRecord.__dataclass_fields__}
    if insert_new(connection, table, {**values, "conflicting": conflicting}):
        return
    # It came in conflict, the file it was in conflict with is lost, and now it is the one that was sent again.
    connection.execute(
        update(table)
        .where(
            table.c.study_instance_uid == instance.study_instance_uid,
            table.c.sop_instance_uid == instance.sop_instance_uid,
            table.c.content_sha256 == instance.content_sha256,
        )
        .values(conflicting=conflicting)
    )


def _mark(connection: Connection, instance: InstanceRecord, now: datetime) -> None:
    uid = instance.study_instance_uid
    connection.execute(
        update(schema.studies)
        .where(schema.studies.c.study_instance_uid == uid)
        .values(conflicting=True, updated_at=now)
    )
    note(connection, uid, now, "conflict", f"{instance.sop_instance_uid} came again with other bytes")


def _advance(
    connection: Connection, state: StudyState, instance: InstanceRecord, now: datetime, *, images: int
) -> None:
    uid = instance.study_instance_uid
    then = next_state(state, Event.INSTANCE)
    if then is not state:
        note(connection, uid, now, "re-opened", f"an image arrived while {state}")
    values = {
        "uid": uid,
        "next_state": then.value,
        "more_images": images,
        "received_at": instance.received_at,
        "now": now,
    }
    connection.execute(_ADVANCED, values)
