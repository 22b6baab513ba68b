"""An audit event as the XML message of PS3.15 A.5.1."""

from xml.etree.ElementTree import Element, SubElement, tostring

from node.audit.events import AuditEvent, Participant

CODE_SYSTEM = "DCM"
_IP_ADDRESS = "2"
_APPLICATION_SERVER = "4"
_SYSTEM_OBJECT, _REPORT = "2", "3"
_STUDY_INSTANCE_UID = ("110180", "Study Instance UID")


def audit_message(event: AuditEvent, source: str) -> bytes:
    """Return the message, UTF-8.

    Parameters
    ----------
    source
        AuditSourceID: which node says so.
    """
    root = Element("AuditMessage")
    identification = SubElement(
        root,
        "EventIdentification",
        EventActionCode=event.action.value,
        EventDateTime=event.at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=event.outcome.value,
    )
    _code(identification, "EventID", event.event.value)
    if event.type is not None:
        _code(identification, "EventTypeCode", event.type.value)
    if event.detail:
        SubElement(identification, "EventOutcomeDescription").text = _allowed(event.detail)
    for participant in event.participants:
        _participant(root, participant)
    audit_source = SubElement(root, "AuditSourceIdentification", AuditSourceID=source)
    SubElement(audit_source, "AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER})
    if event.study_instance_uid:
        _study(root, event)
    # Without a declaration: XML without one is UTF-8, and a message is one line.
    return tostring(root, encoding="unicode").encode()


def _participant(root: Element, participant: Participant) -> None:
    attributes = {
        "UserID": _allowed(participant.user_id),
        "UserIsRequestor": str(participant.is_requestor).lower(),
    }
    if participant.host:
        attributes |= {"NetworkAccessPointID": participant.host, "NetworkAccessPointTypeCode": _IP_ADDRESS}
    element = SubElement(root, "ActiveParticipant", attributes)
    if participant.role is not None:
        _code(element, "RoleIDCode", participant.role.value)


def _study(root: Element, event: AuditEvent) -> None:
    element = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=event.study_instance_uid,
        ParticipantObjectTypeCode=_SYSTEM_OBJECT,
        ParticipantObjectTypeCodeRole=_REPORT,
    )
    _code(element, "ParticipantObjectIDTypeCode", _STUDY_INSTANCE_UID)
    if event.instances:
        description = SubElement(element, "ParticipantObjectDescription")
        SubElement(description, "SOPClass", NumberOfInstances=str(event.instances))


def _allowed(text: str) -> str:
    """Show what XML 1.0 has no place for as a question mark: an AE title is a peer's to write."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _code(parent: Element, name: str, code: tuple[str, str]) -> None:
    value, meaning = code
    SubElement(parent, name, {"csd-code": value, "codeSystemName": CODE_SYSTEM, "originalText": meaning})
