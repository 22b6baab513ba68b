"""Whose a message is: PID-3 with its authority, PID-2 in old systems, MRG-1 for a merge. Never a name."""

from collections.abc import Sequence

from node.labs.hl7_error import Hl7Error
from node.labs.hl7_message import Message, Segment
from node.labs.observation import PatientIdentity
from node.ledger.lab_records import PatientMerge

_TYPES = ("MR", "PI", "PT", "")
"""Identifier types (HL7 table 0203) that are patient IDs of a hospital, the best first; an SSN is none."""
_MERGED_TYPES = ("MR", "PI", "")
"""Of MRG-1: the number of an account or a visit takes no patient out of use."""
LONGEST_ID = 255


def patient_of(pid: Segment, site_issuer: str) -> PatientIdentity:
    """Return the identity that a PID segment gives.

    Parameters
    ----------
    site_issuer
        Chosen among several, and taken where none is named.

    Raises
    ------
    Hl7Error
        There is none.
    """
    # PID-2 is the number of another place where PID-3 holds any (2.3.1); old systems write theirs there alone.
    alone = not any(pid.components(part)[0] not in ("", '""') for part in pid.repetitions(3))
    field_2 = identity(pid, 2, site_issuer) if alone else None
    return identity(pid, 3, site_issuer) or field_2 or _refuse("PID-3 holds no patient ID")


def prior_of(mrg: Segment, site_issuer: str) -> list[PatientIdentity]:
    """Return the identities that MRG-1 takes out of use.

    Raises
    ------
    Hl7Error
        There is none, or numbers of another type (CX.5) alone.
    """
    read = [_read(mrg, part, site_issuer) for part in mrg.repetitions(1)]
    found = [who for who, kind in read if who is not None and kind in _MERGED_TYPES]
    return found or [_refuse("MRG-1 holds no patient ID: its type must be MR, PI or empty")]


def merges_of(message: Message, site_issuer: str) -> list[PatientMerge]:
    """Return the merges of ADT^A40: each PID has the MRG behind it (chapter 3.3.40).

    Raises
    ------
    Hl7Error
        A segment or an identity is missing, or a PID has several MRG: one between them may be lost.
    """
    merges: list[PatientMerge] = []
    survivor, used = None, False
    control_id = message.header.field(10)
    for segment in message.segments:
        if segment.name == "PID":
            survivor, used = patient_of(segment, site_issuer), False
        elif segment.name == "MRG":
            if survivor is None:
                raise Hl7Error("AE", "MRG stands before any PID")
            if used:
                raise Hl7Error("AE", "two MRG stand behind one PID: a PID is missing, and nobody is merged")
            used = True
            merges += [PatientMerge(prior, survivor, control_id) for prior in prior_of(segment, site_issuer)]
    if not merges:
        raise Hl7Error("AE", "a merge needs PID and MRG")
    return merges


def identity(segment: Segment, field: int, site_issuer: str) -> PatientIdentity | None:
    """Return the best identity of a field that repeats (data type CX); None where it holds none."""
    found = [_read(segment, part, site_issuer) for part in segment.repetitions(field)]
    usable = [(who, kind) for who, kind in found if who is not None and kind in _TYPES]
    if not usable:
        return None
    return min(usable, key=lambda item: (item[0].issuer != site_issuer.upper(), _TYPES.index(item[1])))[0]


def _read(segment: Segment, text: str, site_issuer: str) -> tuple[PatientIdentity | None, str]:
    """Read ``ID^check digit^scheme^authority^type``."""
    parts: Sequence[str] = segment.components(text, least=5)
    if not parts[0] or parts[0] == '""' or len(parts[0]) > LONGEST_ID or len(parts[3]) > LONGEST_ID:
        return None, ""
    authority = parts[3].replace(segment.separators.subcomponent, "&")
    return PatientIdentity.of(parts[0], authority, site_issuer), parts[4].upper()


def _refuse(because: str) -> PatientIdentity:
    raise Hl7Error("AE", because)
