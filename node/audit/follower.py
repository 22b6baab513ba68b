"""The trail follows the ledger: what arrived, what was delivered, what a person asked for.

The ledger is durable and in order, so that a killed node audits after its restart what happened before.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from node.audit.events import Action, AuditEvent, EventId, Outcome, Participant, Role
from node.audit.trail import Trail
from node.ledger.changes import Arrived, Changes
from node.ledger.interventions import EXPORTED
from node.ledger.outbox import HURRIED
from node.ledger.records import StudyEvent
from node.states import Event

INSTANCES, EVENTS = "instances", "events"

_SENT: Mapping[str, Outcome] = {
    Event.CONFIRMED.value: Outcome.SUCCESS,
    Event.SENT.value: Outcome.SUCCESS,
    Event.PEER_REFUSED.value: Outcome.MINOR_FAILURE,
}
_ASKED_FOR: Mapping[str, str] = {
    Event.ASKED.value: "asked for another attempt",
    Event.SEND_AGAIN.value: "asked to send the result again",
    HURRIED: "asked to deliver at once",
    Event.ASSIGNED.value: "overrode the choice of series",
    Event.REPROCESS.value: "asked for a result that supersedes the last one",
    Event.CANCEL.value: "cancelled the study",
}


class Follower:
    """Tells the trail of what is new in the ledger; call `follow` again and again.

    Parameters
    ----------
    ae_title
        Our own.
    clock
        Time of day, aware.
    patient_of
        The Patient ID of a study, by its UID; empty where nobody knows.
    """

    def __init__(
        self,
        trail: Trail,
        changes: Changes,
        ae_title: str,
        clock: Callable[[], datetime],
        patient_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._trail = trail
        self._changes = changes
        self._ae_title = ae_title
        self._clock = clock
        self._patient_of = patient_of
        told = trail.position()
        self._instances, self._events = told.get(INSTANCES, 0), told.get(EVENTS, 0)

    def follow(self) -> None:
        """Audit what happened since the last time."""
        groups = self._changes.arrived(self._instances)
        for number, arrived in enumerate(groups, start=1):
            # Rows of the groups lie between one another: only the last may say that all are told of. Killed before
            # it, the node tells of some again, and of none not at all.
            position = {INSTANCES: arrived.last_number} if number == len(groups) else {}
            self._trail.append(self._with_patient(self._received(arrived)), position)
            self._instances = position.get(INSTANCES, self._instances)
        for number, happened in self._changes.events(self._events):
            self._events = number
            told = [self._with_patient(event) for event in self._told(happened)]
            for place, event in enumerate(told, start=1):
                # Killed between two, the node tells of the first again.
                self._trail.append(event, {EVENTS: number} if place == len(told) else {})

    def _with_patient(self, event: AuditEvent) -> AuditEvent:
        return replace(event, patient_id=self._patient_of(event.study_instance_uid))

    def _received(self, arrived: Arrived) -> AuditEvent:
        sender = Participant(arrived.calling_ae_title, Role.SOURCE, arrived.peer, is_requestor=True)
        return AuditEvent(
            EventId.INSTANCES_TRANSFERRED,
            self._clock(),
            Action.CREATE,
            (sender, Participant(self._ae_title, Role.DESTINATION)),
            study_instance_uid=arrived.study_instance_uid,
            instances=arrived.instances,
        )

    def _told(self, happened: StudyEvent) -> Iterator[AuditEvent]:
        if happened.event in _SENT:
            for peer in self._changes.destinations(happened):
                yield self._sent(happened, peer)
        if happened.event == EXPORTED:
            yield self._exported(happened)
        if happened.event == Event.PURGE.value:
            yield self._deleted(happened)
        by = happened.detail.removeprefix("by ")
        if happened.event in _ASKED_FOR and by != happened.detail:
            user, _, what = by.partition(": ")
            yield AuditEvent(
                EventId.INSTANCES_ACCESSED,
                happened.at,
                Action.UPDATE,
                (Participant(user, is_requestor=True), Participant(self._ae_title)),
                study_instance_uid=happened.study_instance_uid,
                detail=": ".join(filter(None, (_ASKED_FOR[happened.event], what))),
            )

    def _sent(self, happened: StudyEvent, peer: str) -> AuditEvent:
        # A.5.3.7: one process that received; and Read, of a sender that does not know what the receiver held.
        return AuditEvent(
            EventId.INSTANCES_TRANSFERRED,
            happened.at,
            Action.READ,
            (Participant(self._ae_title, Role.SOURCE, is_requestor=True), Participant(peer, Role.DESTINATION)),
            outcome=_SENT[happened.event],
            study_instance_uid=happened.study_instance_uid,
            detail=happened.detail,
        )

    def _deleted(self, happened: StudyEvent) -> AuditEvent:
        who, _, what = happened.detail.partition(": ")
        person = who.removeprefix("by ")
        node = Participant(self._ae_title, Role.APPLICATION, is_requestor=person == who)
        return AuditEvent(
            EventId.STUDY_DELETED,
            happened.at,
            Action.DELETE,
            (node,) if person == who else (Participant(person, is_requestor=True), node),
            study_instance_uid=happened.study_instance_uid,
            detail=f"deleted by rule: {what}" if person == who else f"deleted: {what}",
        )

    def _exported(self, happened: StudyEvent) -> AuditEvent:
        who, _, what = happened.detail.partition(": ")
        person = Participant(who.removeprefix("by "), Role.SOURCE, is_requestor=True)
        folder = Participant("folder of the export", Role.DESTINATION_MEDIA)
        return AuditEvent(
            EventId.EXPORT,
            happened.at,
            Action.READ,
            (person, folder),
            study_instance_uid=happened.study_instance_uid,
            detail=f"exported without the patient: {what}",
        )
