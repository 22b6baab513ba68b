"""A study while instances of it are entered: a new image opens it again."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, Connection, bindparam, insert, literal_column, null, select, update

from node.ledger import schema
from node.ledger.connection import insert_new
from node.ledger.history import note
from node.ledger.prepared import Prepared
from node.ledger.records import ANALYSED_SOP_CLASSES, InstanceRecord, Recorded
from node.states import Event, StudyState, next_state

_STATE_OF = Prepared(
    select(schema.studies.c.state).where(schema.studies.c.study_instance_uid == bindparam("uid")).with_for_update()
)
_ENTERED = Prepared(
    insert(schema.instances).inline(), [*InstanceRecord.__dataclass_fields__, schema.instances.c.conflicting.name]
)
_ADVANCED = Prepared(
    update(schema.studies)
    .where(schema.studies.c.study_instance_uid == bindparam("uid"))
    .values(
        state=bindparam("next_state"),
        generation=schema.studies.c.generation + bindparam("more_generations"),
        images=schema.studies.c.images + bindparam("more_images"),
        last_received_at=bindparam("last_at"),
        updated_at=bindparam("now"),
        attempts=literal_column("0"),
        not_before=null(),
        owner=null(),
        lease_expires_at=null(),
    )
)
_AT_ONCE = 32
"""Instances that one statement asks for."""


@cache
def _hashes_of(instances: int) -> Prepared:
    table = schema.instances
    uids: list[BindParameter[str]] = [bindparam(f"instance_{number}") for number in range(instances)]
    return Prepared(
        select(table.c.sop_instance_uid, table.c.content_sha256, table.c.conflicting).where(
            table.c.study_instance_uid == bindparam("study"), table.c.sop_instance_uid.in_(uids)
        )
    )


class ArrivingStudy:
    """The study of some instances, locked, and what they change about it.

    Its row is written once for all of them: in a group the row, and the two indices it is in, would be written as
    often as there are images.
    """

    def __init__(self, connection: Connection, instances: Sequence[InstanceRecord], now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._uid = instances[0].study_instance_uid
        self._state = StudyState(self._locked(instances[0]))
        self._hashes = self._known_hashes(sorted({instance.sop_instance_uid for instance in instances}))
        self._new: list[dict[str, object]] = []
        self._generations = self._images = 0
        self._last_at = now

    def take(self, instance: InstanceRecord) -> Recorded:
        """Say what an instance is, and note what is to be written for it."""
        known = self._hashes.setdefault(instance.sop_instance_uid, {})
        usable = any(not conflicting for conflicting in known.values())
        if usable and instance.content_sha256 in known:
            return Recorded.DUPLICATE
        # Another image under a known UID is kept and marked, but which of the two is right is not ours to guess.
        if instance.content_sha256 in known:
            self._settle(instance)
        else:
            self._new.append({**vars(instance), "conflicting": usable})
        known[instance.content_sha256] = usable
        if usable:
            self._mark(instance)
        if instance.sop_class_uid in ANALYSED_SOP_CLASSES:
            # Also for one in conflict: the first may have been damaged on its way, and the study refused for it.
            self._advance(instance, images=0 if usable else 1)
        return Recorded.CONFLICT if usable else Recorded.NEW

    def write(self) -> None:
        """Write what the instances are and what they change."""
        self._write_new()
        if self._generations:
            values = {
                "uid": self._uid,
                "next_state": self._state.value,
                "more_generations": self._generations,
                "more_images": self._images,
                "last_at": self._last_at,
                "now": self._now,
            }
            _ADVANCED.run(self._connection, values)

    def _locked(self, first: InstanceRecord) -> str:
        # Two associations may bring one study: the row lock makes them count one after the other.
        state = _STATE_OF.run(self._connection, {"uid": self._uid}).scalar()
        if state is not None:
            return str(state)
        new = {
            "study_instance_uid": self._uid,
            "state": StudyState.RECEIVING.value,
            "generation": 0,
            "images": 0,
            "conflicting": False,
            "first_received_at": first.received_at,
            "last_received_at": first.received_at,
            "updated_at": self._now,
            "attempts": 0,
        }
        if insert_new(self._connection, schema.studies, new):
            note(self._connection, self._uid, self._now, "created", f"from {first.calling_ae_title}")
        return str(_STATE_OF.run(self._connection, {"uid": self._uid}).scalar())

    def _known_hashes(self, sop_instance_uids: Sequence[str]) -> dict[str, dict[str, bool]]:
        """Return the hashes under each UID, and of each whether it came in conflict with an earlier."""
        hashes: dict[str, dict[str, bool]] = {}
        for begin in range(0, len(sop_instance_uids), _AT_ONCE):
            asked = sop_instance_uids[begin : begin + _AT_ONCE]
            of = {"study": self._uid} | {f"instance_{number}": uid for number, uid in enumerate(asked)}
            for uid, content_sha256, conflicting in _hashes_of(len(asked)).run(self._connection, of):
                hashes.setdefault(uid, {})[content_sha256] = bool(conflicting)
        return hashes

    def _write_new(self) -> None:
        if self._new:
            _ENTERED.run(self._connection, *self._new)
            self._new = []

    def _settle(self, instance: InstanceRecord) -> None:
        # It came in conflict, the file it was in conflict with is lost, and now it is the one that was sent again.
        table = schema.instances
        self._connection.execute(
            update(table)
            .where(
                table.c.study_instance_uid == self._uid,
                table.c.sop_instance_uid == instance.sop_instance_uid,
                table.c.content_sha256 == instance.content_sha256,
            )
            .values(conflicting=False)
        )

    def _mark(self, instance: InstanceRecord) -> None:
        self._connection.execute(
            update(schema.studies)
            .where(schema.studies.c.study_instance_uid == self._uid)
            .values(conflicting=True, updated_at=self._now)
        )
        detail = f"{instance.sop_instance_uid} came again with other bytes"
        note(self._connection, self._uid, self._now, "conflict", detail)

    def _advance(self, instance: InstanceRecord, *, images: int) -> None:
        then = next_state(self._state, Event.INSTANCE)
        if then is not self._state:
            note(self._connection, self._uid, self._now, "re-opened", f"an image arrived while {self._state}")
        self._state = then
        self._generations += 1
        self._images += images
        self._last_at = instance.received_at
