"""ORU^R01 to observations, in whatever order a laboratory system sends its segments."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from node.labs.hl7_error import Hl7Error
from node.labs.hl7_message import Message, Segment
from node.labs.hl7_patient import patient_of
from node.labs.instants import from_hl7, is_later
from node.labs.observation import NO_STATUS, CodedName, Observation, PatientIdentity, off_scale

FINAL, CORRECTED = "F", "C"
WITHDRAWN = frozenset("DWX")
"""OBX-11 (HL7 table 0085): deleted, wrong patient, cannot be obtained. Whatever was sent before is void."""
UNOBTAINABLE = "X"
OPEN = frozenset("IPRS")
"""In the laboratory, preliminary, not verified, partial: a final result may yet come."""
_DECIDING = WITHDRAWN | {CORRECTED}
_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_LONGEST_KEY = 255


@dataclass
class _Group:
    """One order: its OBR, its observations, its specimen."""

    obr: Segment | None = None
    specimen: Segment | None = None
    observations: list[Segment] = field(default_factory=list)


def results_of(message: Message, site_issuer: str) -> list[tuple[PatientIdentity, list[Observation]]]:
    """Return the observations by patient, also those that are not final.

    Raises
    ------
    Hl7Error
        Nothing says whose they are.
    """
    sent_at = from_hl7(message.header.first(7))
    # One list a patient: what a message says of a result twice must be seen together.
    found: dict[PatientIdentity, list[Observation]] = {}
    for pid, segments in _by_patient(message.segments):
        own = found.setdefault(patient_of(pid, site_issuer), [])
        groups = _groups(segments)
        own += [_observation(obx, group, sent_at) for group in groups for obx in group.observations]
    return list(found.items())


def _by_patient(segments: Sequence[Segment]) -> Iterator[tuple[Segment, list[Segment]]]:
    pids = [segment for segment in segments if segment.name == "PID"]
    if not pids:
        raise Hl7Error("AE", "there is no PID segment")
    starts = [number for number, segment in enumerate(segments) if segment.name == "PID"]
    before = any(segment.name == "OBX" for segment in segments[: starts[0]])
    behind = any(segment.name == "OBX" for segment in segments[starts[0] :])
    # Some systems send PID behind the results. Where they stand on both sides of it, one PID is missing.
    if before and (behind or len(pids) > 1):
        raise Hl7Error(
            "AE", "results stand before the first PID segment and behind it: nothing says whose they are"
        )
    if len(pids) == 1:
        yield pids[0], [segment for segment in segments if segment.name != "PID"]
        return
    for start, end in zip(starts, [*starts[1:], len(segments)], strict=True):
        yield segments[start], list(segments[start + 1 : end])


def _groups(segments: Sequence[Segment]) -> list[_Group]:
    groups = [_Group()]
    for segment in segments:
        group = groups[-1]
        if segment.name == "OBR" and (group.obr is not None or group.observations):
            groups.append(_Group(obr=segment))
        elif segment.name == "OBR":
            group.obr = segment
        elif segment.name == "ORC" and group.observations:
            groups.append(_Group())
        elif segment.name == "SPM":
            group.specimen = segment
        elif segment.name == "OBX":
            group.observations.append(segment)
    return groups


def _observation(obx: Segment, group: _Group, sent_at: str) -> Observation:
    status = obx.field(11).upper() or (group.obr.field(25).upper() if group.obr else "")
    decided = status in (FINAL, CORRECTED, *WITHDRAWN)
    name = obx.components((obx.repetitions(3) or [""])[0], least=6)
    flags = [obx.components(flag)[0] for flag in obx.repetitions(8)]
    names = tuple(CodedName(code, text, system) for code, text, system in (name[:3], name[3:6]) if code or text)
    return Observation(
        where=f"OBX {obx.field(1) or '?'}"[:16],
        names=names,
        values=off_scale(_values(obx), flags),
        unit=_unit(obx)[0],
        unit_text=_unit(obx)[1],
        collected_at=_collected_at(obx, group),
        key=_key(obx, group, name[0] or name[3]),
        correction=status == CORRECTED,
        withdrawn=status in WITHDRAWN,
        unobtainable=status == UNOBTAINABLE,
        stated_at=_decided_at(obx, group, sent_at) if status in _DECIDING else _stated_at(obx, group),
        open_status="" if decided else status if status in OPEN else NO_STATUS,
        interpretations=flags,
    )


def _values(obx: Segment) -> tuple[str, ...]:
    """Return the spellings of OBX-5; several repetitions stay several, and are no one number."""
    kind = obx.field(2).upper()
    found: list[str] = []
    for part in obx.repetitions(5) or [""]:
        components = obx.components(part)
        if kind == "SN":
            found.append("".join(components))  # <^0.9: comparator and number; 1^:^80 stays a titre.
        elif kind in _CODED:
            found += [text for number, text in enumerate(components) if text and number in (0, 1, 3, 4)] or [""]
        else:
            found.append(obx.separators.unescape(part).strip())
    return tuple(found)


def _unit(obx: Segment) -> tuple[str, str]:
    """Return the unit and what stands beside it."""
    code, text, *_ = obx.components(obx.field(6), least=2)
    return (code, text) if code else (text, "")


def _collected_at(obx: Segment, group: _Group) -> str:
    """Return when the specimen was taken: OBX-14, else SPM-17, else OBR-7; never when it was received.

    Of a day alone the time may stand in the next of them.
    """
    stated = [obx.first(14)]
    if group.specimen is not None:
        stated.append(group.specimen.first(17))
    if group.obr is not None:
        stated.append(group.obr.first(7))
    instants = [instant for text in stated if (instant := from_hl7(text))]
    of_day = [instant for instant in instants if instant[:10] == instants[0][:10]]
    return next((instant for instant in of_day if "T" in instant), instants[0] if instants else "")


def _stated_at(obx: Segment, group: _Group) -> str:
    """Return OBR-22, else OBX-19; not MSH-7, which is new whenever an old message is sent again."""
    return _reported_at(group) or from_hl7(obx.first(19))


def _decided_at(obx: Segment, group: _Group, sent_at: str) -> str:
    """Return OBR-22, else the later of OBX-19 and MSH-7: a correction may bear the time of the first analysis."""
    analysed = from_hl7(obx.first(19))
    return _reported_at(group) or (analysed if is_later(analysed, sent_at) else sent_at or analysed)


def _reported_at(group: _Group) -> str:
    return from_hl7(group.obr.first(22)) if group.obr else ""


def _key(obx: Segment, group: _Group, code: str) -> str:
    order = (group.obr.first(3) or group.obr.first(2)) if group.obr else ""
    if not order:
        return f"{code}|{_collected_at(obx, group)}|{obx.first(4)}"
    key = f"{order}|{code}|{obx.first(4)}"
    return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
