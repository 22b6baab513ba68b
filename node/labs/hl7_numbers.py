"""Set IDs that begin anew, or leave one out: the segment that would explain it was lost on the way."""

from collections.abc import Sequence
from itertools import pairwise

from node.labs.hl7_error import Hl7Error
from node.labs.hl7_message import Segment

_BEGINS_RESULTS = frozenset({"PID", "ORC", "OBR", "SPM"})
"""Behind these OBX-1 may begin anew (2.5.1, 7.3.1)."""


def demand_numbered(segments: Sequence[Segment]) -> None:
    """Refuse a message whose set IDs say that a segment is missing; many systems give them all the number 1.

    Raises
    ------
    Hl7Error
        ``AE``: whose results are whose, or of which order, is not sure.
    """
    patients = [_number(segment) for segment in segments if segment.name == "PID"]
    counts = patients[:1] == [1] and max(patients) > 1
    if counts and any(later != before + 1 for before, later in pairwise(patients)):
        raise Hl7Error("AE", "PID-1 leaves a number out or repeats one: a PID is missing, and nothing is taken")
    if _restarts(segments):
        raise Hl7Error("AE", "OBR-1 begins anew behind one PID: a PID is missing, and nothing is taken")
    seen: set[int] = set()
    for segment in segments:
        if segment.name in _BEGINS_RESULTS:
            seen = set()
        elif segment.name == "OBX":
            number = _number(segment)
            if number == 1 and 1 in seen and max(seen) > 1:
                raise Hl7Error("AE", "OBX-1 begins anew behind one OBR: an OBR is missing, and nothing is taken")
            seen.add(number)


def _restarts(segments: Sequence[Segment]) -> bool:
    """Tell whether a sender that numbers the orders of a patient has two first ones of one patient."""
    counts = any(segment.name == "OBR" and _number(segment) > 1 for segment in segments)
    firsts = 0
    for segment in segments:
        if segment.name == "PID":
            firsts = 0
        elif segment.name == "OBR" and _number(segment) == 1:
            firsts += 1
            if counts and firsts > 1:
                return True
    return False


def _number(segment: Segment) -> int:
    text = segment.field(1)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
