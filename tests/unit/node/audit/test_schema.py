"""Every message against the schema of PS3.15 A.5.1, and against what A.5.3 demands of its kind."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree  # type: ignore[import-untyped] # It has no types of its own.

from config.sections.node import NodeSection
from config.settings import Settings
from node.audit.alerts import Alerts
from node.audit.events import AuditEvent, event_from_json
from node.audit.follower import Follower
from node.audit.lab_entry import record_lab_entry
from node.audit.message import NO_PATIENT_ID, audit_message
from node.audit.reading import record_reading
from node.audit.recorder import Recorder
from node.audit.trail import Trail
from node.labs.observation import PatientIdentity
from node.ledger.assignments import Assignment
from node.ledger.changes import SETTLE, Changes
from node.ledger.delivery_records import Confirmation
from node.ledger.lab_records import PatientResults
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.purges import Extent
from node.states import Event
from tests.unit.node.audit.test_trail import EVENT
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).with_name("audit_message.rng")))
PATIENT = "P-1"


def parsed(event: AuditEvent) -> Any:
    return etree.fromstring(audit_message(event, "MVINODE"))


def written(folder: Path, ledger: Ledger, clock: FakeClock) -> list[AuditEvent]:
    """Return an event of every kind, as the node writes them."""
    settings = Settings(node=NodeSection(storage=folder))
    Recorder(settings, ledger, clock).started()
    # Other settings than at the last start.
    other = settings.model_copy(update={"node": NodeSection(storage=folder, port=1)})
    Recorder(other, ledger, clock).started()
    trail = Trail(folder)
    Alerts(trail, "MVINODE", clock, lambda: 0.0).rejected("EVIL\x00", "192.0.2.7", "called_ae_title")
    follower = Follower(trail, Changes(ledger.engine, clock), "MVINODE", clock, lambda _: PATIENT)
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs", "archive"])
    for item in ledger.outbox.of_study(STUDY):
        ledger.outbox.stored(item)
    for item in ledger.outbox.of_study(STUDY):
        ledger.confirmations.confirmed([item], Confirmation.COMMITMENT)
    clock.advance(SETTLE.total_seconds() + 1)
    follower.follow()
    ledger.assignments.change(STUDY, [Assignment("T2", "1.2.3", 7, "2 of 3", "1.2.3.4", 1)], [], "anna")
    ledger.interventions.exported(STUDY, 7, "anna")
    ledger.purges.purge(STUDY, Extent(), "by anna", lambda: None, lambda *_: True)
    clock.advance(SETTLE.total_seconds() + 1)
    follower.follow()
    Recorder(other, ledger, clock).stopped()
    record_reading(trail, "anna", clock())
    record_lab_entry(trail, "MVINODE", "anna", clock, [PatientResults(PatientIdentity(PATIENT, "HOSP"), "line 2")])
    return [event_from_json(record) for record in trail.records()]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[AuditEvent]:
    folder, clock = tmp_path_factory.mktemp("audit"), FakeClock()
    with open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}", clock) as ledger:
        return written(folder, ledger, clock)


def test_message_when_of_any_kind_then_is_valid_after_the_schema(events: Sequence[AuditEvent]) -> None:
    kinds = {(event.event.name, event.type and event.type.name) for event in events}
    assert kinds == {
        ("APPLICATION_ACTIVITY", "START"), ("APPLICATION_ACTIVITY", "STOP"), ("INSTANCES_TRANSFERRED", None),
        ("INSTANCES_ACCESSED", None), ("EXPORT", None), ("STUDY_DELETED", None),
        ("SECURITY_ALERT", "NODE_AUTHENTICATION"), ("SECURITY_ALERT", "SOFTWARE_CONFIGURATION"),
        ("LOG_USED", None), ("PATIENT_RECORD", None),
    }  # fmt: skip
    for event in events:
        SCHEMA.assertValid(parsed(event))


def without(name: str) -> Callable[[Any], object]:
    return lambda root: [item.getparent().remove(item) for item in root.iter(name)]


def changed(name: str, attribute: str, value: str | None) -> Callable[[Any], object]:
    def change(root: Any) -> None:
        item = next(root.iter(name))
        if value is None:
            del item.attrib[attribute]
        else:
            item.set(attribute, value)

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        without("ActiveParticipant"),
        without("AuditSourceIdentification"),
        without("ParticipantObjectName"),
        without("EventID"),
        changed("EventIdentification", "EventOutcomeIndicator", "1"),
        changed("EventIdentification", "EventDateTime", "2026-03-01 12:00"),
        changed("EventIdentification", "EventActionCode", "X"),
        changed("EventID", "originalText", None),
        changed("ActiveParticipant", "UserIsRequestor", "yes"),
        changed("SOPClass", "NumberOfInstances", "many"),
        changed("AuditMessage", "xmlns-not-there", "1"),
    ],
)
def test_schema_when_a_message_is_spoilt_then_refuses_it(spoil: Callable[[Any], object]) -> None:
    root = parsed(EVENT)
    assert SCHEMA.validate(root)
    spoil(root)
    assert not SCHEMA.validate(root)


def objects(root: Any) -> list[tuple[str, str, str, str]]:
    """Return type, role, code of the identifier, and identifier of each object."""
    return [
        (
            item.get("ParticipantObjectTypeCode"),
            item.get("ParticipantObjectTypeCodeRole"),
            item.find("ParticipantObjectIDTypeCode").get("csd-code"),
            item.get("ParticipantObjectID"),
        )
        for item in root.iter("ParticipantObjectIdentification")
    ]


def test_message_when_about_a_study_then_names_study_and_patient_by_id_and_not_by_name(
    events: Sequence[AuditEvent],
) -> None:
    about = [parsed(event) for event in events if event.study_instance_uid]
    assert len(about) >= 5
    for root in about:
        assert objects(root) == [("2", "3", "110180", STUDY), ("1", "1", "2", PATIENT)]
        system = root.findall(".//ParticipantObjectIDTypeCode")[1].get("codeSystemName")
        assert system == "RFC-3881"


def test_message_when_nobody_knows_the_patient_then_the_object_is_there_all_the_same() -> None:
    assert objects(parsed(EVENT))[1] == ("1", "1", "2", NO_PATIENT_ID)


def test_transfer_when_it_goes_to_two_peers_then_each_message_has_one_receiver(
    events: Sequence[AuditEvent],
) -> None:
    transfers = [parsed(event) for event in events if event.event.name == "INSTANCES_TRANSFERRED"]
    roles = [[code.get("csd-code") for code in root.iter("RoleIDCode")] for root in transfers]
    assert roles == [["110153", "110152"]] * 3
    receivers = {root.findall("ActiveParticipant")[1].get("UserID") for root in transfers}
    assert receivers == {"MVINODE", "pacs", "archive"}


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("APPLICATION_ACTIVITY", "E"),
        ("SECURITY_ALERT", "E"),
        ("EXPORT", "R"),
        ("STUDY_DELETED", "D"),
        ("LOG_USED", "R"),
        ("PATIENT_RECORD", "U"),
    ],
)
def test_action_when_the_standard_names_one_then_is_that(
    events: Sequence[AuditEvent], kind: str, action: str
) -> None:
    assert {event.action.value for event in events if event.event.name == kind} == {action}


def test_application_when_it_starts_then_its_ae_title_is_given_as_one(events: Sequence[AuditEvent]) -> None:
    (started, *_) = [event for event in events if event.event.name == "APPLICATION_ACTIVITY"]
    participant = parsed(started).find("ActiveParticipant")
    assert participant.get("AlternativeUserID") == "AETITLES=MVINODE"


def test_export_when_taken_then_names_media_and_that_the_patient_is_not_in_it(
    events: Sequence[AuditEvent],
) -> None:
    (root,) = [parsed(event) for event in events if event.event.name == "EXPORT"]
    assert [code.get("csd-code") for code in root.iter("RoleIDCode")] == ["110153", "110154"]
    assert root.find(".//MediaIdentifier/MediaType").get("csd-code") == "110037"
    assert root.find(".//Anonymized").text == "true"


def test_log_when_read_then_the_message_names_who_read_and_which(events: Sequence[AuditEvent]) -> None:
    (root,) = [parsed(event) for event in events if event.event.name == "LOG_USED"]
    assert root.find("EventIdentification/EventID").get("csd-code") == "110101"
    (reader,) = root.findall("ActiveParticipant")
    assert (reader.get("UserID"), reader.get("UserIsRequestor")) == ("anna", "true")
    ((kind, role, code, uri),) = objects(root)
    assert (kind, role, code) == ("2", "13", "12")
    assert uri.startswith("file:///")
    assert uri.endswith("/audit.jsonl")


def test_values_when_entered_by_hand_then_the_message_names_person_and_patient(
    events: Sequence[AuditEvent],
) -> None:
    (root,) = [parsed(event) for event in events if event.event.name == "PATIENT_RECORD"]
    assert [item.get("UserID") for item in root.findall("ActiveParticipant")] == ["anna", "MVINODE"]
    assert objects(root) == [("1", "1", "2", PATIENT)]


@pytest.mark.parametrize(
    ("host", "code"), [("192.0.2.7", "2"), ("2001:db8::7", "2"), ("scanner.example", "1"), ("several hosts", "1")]
)
def test_host_when_an_address_or_a_name_then_is_called_so(host: str, code: str) -> None:
    participant = replace(EVENT.participants[0], host=host)
    root = parsed(replace(EVENT, participants=(participant,)))
    assert root.find("ActiveParticipant").get("NetworkAccessPointTypeCode") == code
    SCHEMA.assertValid(root)
