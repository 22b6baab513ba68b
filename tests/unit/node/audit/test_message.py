from dataclasses import replace
from xml.etree import ElementTree

from node.audit.events import EventType, Participant
from node.audit.message import audit_message
from tests.unit.node.audit.test_trail import EVENT


def test_message_when_instances_arrive_then_it_names_event_sides_and_study() -> None:
    root = ElementTree.fromstring(audit_message(EVENT, "MVINODE"))  # noqa: S314 - made above
    assert root.tag == "AuditMessage"
    event = root.find("EventIdentification/EventID")
    assert event is not None
    assert (event.get("csd-code"), event.get("codeSystemName")) == ("110104", "DCM")
    roles = [item.get("csd-code") for item in root.iter("RoleIDCode")]
    assert roles == ["110153", "110152"]
    study = root.find("ParticipantObjectIdentification")
    assert study is not None
    assert study.get("ParticipantObjectID") == "1.2.3"
    count = study.find("ParticipantObjectDescription/SOPClass")
    assert count is not None
    assert count.get("NumberOfInstances") == "7"


def test_message_when_a_type_and_a_detail_are_given_then_they_are_in_it() -> None:
    event = replace(EVENT, type=EventType.NODE_AUTHENTICATION, detail="a < b & c")
    root = ElementTree.fromstring(audit_message(event, "MVINODE"))  # noqa: S314 - made above
    kind, detail = root.find("EventIdentification/EventTypeCode"), root.find(".//EventOutcomeDescription")
    assert kind is not None
    assert kind.get("csd-code") == "110126"
    assert detail is not None
    assert detail.text == "a < b & c"


def test_message_when_an_ae_title_holds_control_characters_then_it_is_still_xml_and_one_line() -> None:
    event = replace(EVENT, participants=(Participant("A\x00\x1b[31m\n<B>"),))
    message = audit_message(event, "MVINODE")
    assert b"\n" not in message
    participant = ElementTree.fromstring(message).find("ActiveParticipant")  # noqa: S314 - made above
    assert participant is not None
    assert participant.get("UserID") == "A??[31m?<B>"
