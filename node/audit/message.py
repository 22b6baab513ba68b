"""An audit event as the XML message of PS3.15 A.5.1."""

import ipaddress
from xml.etree.ElementTree import Element, SubElement, tostring

from node.audit.events import AuditEvent, EventId, Participant, Role

CODE_SYSTEM = "DCM"
NO_PATIENT_ID = "<none>"
"""Stands for a Patient ID that is absent: A.5.3 wants the object in any case."""
_MACHINE_NAME, _IP_ADDRESS = "1", "2"
_APPLICATION_SERVER = "4"
_PERSON, _SYSTEM_OBJECT = "1", "2"
_PATIENT, _REPORT, _SECURITY_RESOURCE = "1", "3", "13"
_STUDY_INSTANCE_UID = ("110180", "Study Instance UID", CODE_SYSTEM)
_PATIENT_NUMBER = ("2", "Patient Number", "RFC-3881")
_URI = ("110037", "URI")
_LOG_URI = ("12", "URI", "RFC-3881")


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
    if event.study_instance_uid or event.event is EventId.PATIENT_RECORD:
        _patient(root, event.patient_id)
    if event.log_uri:
        _object(root, event.log_uri, (_SYSTEM_OBJECT, _SECURITY_RESOURCE), _LOG_URI, "Security Audit Log")
    # Without a declaration: XML without one is UTF-8, and a message is one line.
    return tostring(root, encoding="unicode").encode()


def _participant(root: Element, participant: Participant) -> None:
    attributes = {
        "UserID": _allowed(participant.user_id),
        "UserIsRequestor": str(participant.is_requestor).lower(),
    }
    if participant.role is Role.APPLICATION:
        attributes["AlternativeUserID"] = f"AETITLES={_allowed(participant.user_id)}"  # A.5.2.2
    if participant.host:
        kind = _IP_ADDRESS if _is_address(participant.host) else _MACHINE_NAME
        attributes |= {"NetworkAccessPointID": _allowed(participant.host), "NetworkAccessPointTypeCode": kind}
    element = SubElement(root, "ActiveParticipant", attributes)
    if participant.role is not None:
        _code(element, "RoleIDCode", participant.role.value)
    if participant.role is Role.DESTINATION_MEDIA:
        _code(SubElement(element, "MediaIdentifier"), "MediaType", _URI)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _study(root: Element, event: AuditEvent) -> None:
    element = _object(root, event.study_instance_uid, (_SYSTEM_OBJECT, _REPORT), _STUDY_INSTANCE_UID, "Study")
    is_export = event.event is EventId.EXPORT
    if event.instances or is_export:
        description = SubElement(element, "ParticipantObjectDescription")
        if event.instances:
            SubElement(description, "SOPClass", NumberOfInstances=str(event.instances))
        if is_export:
            SubElement(description, "Anonymized").text = "true"


def _patient(root: Element, patient_id: str) -> None:
    """Add whose study it is; the name is optional there, and stays where the images are."""
    _object(root, patient_id or NO_PATIENT_ID, (_PERSON, _PATIENT), _PATIENT_NUMBER, "name withheld")


def _object(
    root: Element, identifier: str, kind_and_role: tuple[str, str], code: tuple[str, str, str], name: str
) -> Element:
    kind, role = kind_and_role
    element = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_allowed(identifier),
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )
    value, meaning, system = code
    _code(element, "ParticipantObjectIDTypeCode", (value, meaning), system)
    # The schema wants a name or a query of every object.
    SubElement(element, "ParticipantObjectName").text = name
    return element


def _allowed(text: str) -> str:
    """Show what XML 1.0 has no place for as a question mark: an AE title is a peer's to write."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _code(parent: Element, name: str, code: tuple[str, str], system: str = CODE_SYSTEM) -> None:
    value, meaning = code
    SubElement(parent, name, {"csd-code": value, "codeSystemName": system, "originalText": meaning})
