"""Messages that lost a segment on the way: nothing of one patient may be read as another's."""

import re
from collections.abc import Iterator
from typing import Final

from node.labs.hl7_error import Hl7Error
from node.labs.hl7_message import Message, Segment
from node.labs.hl7_numbers import demand_numbered

_NAMES: Final = frozenset(
    {
        *("MSH", "SFT", "EVN", "UAC", "MSA", "ERR", "QRD", "QRF", "DSC", "DSP", "NTE"),
        *("PID", "PD1", "NK1", "PV1", "PV2", "DB1", "AL1", "DG1", "PR1", "ROL", "GT1", "IN1", "IN2", "IN3", "ACC"),
        *("MRG", "ARV", "PRT", "ORC", "OBR", "OBX", "TQ1", "TQ2", "CTD", "CTI", "FT1", "SPM", "SAC", "BLG"),
        *("ODS", "ODT", "RXA", "RXC", "RXD", "RXE", "RXO", "RXR"),
    }
)
"""What stands in results and merges of 2.3 to 2.5.1 and in what systems add; none is one letter from PID."""
_LEAST_MARKS: Final = 3
"""Other separators of a line that may have been a segment, where it has none of fields; free text has fewer."""
_JOINED: Final = re.compile(r"(?:PID|OBR|MRG|MSH)$")
_BEFORE_RESULTS: Final = frozenset({"PD1", "PV1"})
"""Of these a patient has one, before the results (chapter 7.3.1)."""


def demand_whole(message: Message) -> None:
    """Refuse a message in which a segment that says whose results follow may be damaged or lost.

    Raises
    ------
    Hl7Error
        ``AE``: what is wrong, by segment.
    """
    for number, segment in enumerate(message.segments, 1):
        if _is_damaged(segment):
            raise Hl7Error(
                "AE", f"segment {number} has no known name: it may be a damaged PID, and nothing is taken"
            )
        if number > 1 and _is_joined(segment):
            raise Hl7Error(
                "AE", f"segment {number} holds another one: a line end is missing, and nothing is taken"
            )
    for name in _behind_results(message):
        raise Hl7Error("AE", f"{name} stands behind results: a PID is missing, and nothing is taken")
    demand_numbered(message.segments)


def _is_damaged(segment: Segment) -> bool:
    marks = segment.separators
    within = (marks.component, marks.repetition, marks.escape, marks.subcomponent)
    if segment.name in _NAMES:
        return False
    if len(segment.fields) == 1 and sum(map(segment.name.count, within)) < _LEAST_MARKS:
        return False
    is_own = len(segment.name) == len("ZXX") and segment.name.startswith("Z")
    # A segment of the sender's own, unless it is one letter from PID and holds an identifier.
    return not is_own or (segment.name == "ZID" and bool(segment.field(3)))


def _is_joined(segment: Segment) -> bool:
    """Tell whether a field ends with the name of a segment, and the next is its number or, of MSH, its marks."""
    for number, text in enumerate(segment.fields[1:-1], 1):
        found = _JOINED.search(text)
        following = segment.fields[number + 1].strip()
        if found and (following.isdecimal() or not following or found[0] in ("MRG", "MSH")):
            # OBX-5 may be a word such as "PID"; what follows it there is its unit and no number.
            return bool(segment.fields[number + 2 :])
    return False


def _behind_results(message: Message) -> Iterator[str]:
    has_patient = has_results = False
    for segment in message.segments:
        if segment.name == "PID":
            has_patient, has_results = True, False
        elif segment.name == "OBX":
            has_results = has_patient
        elif segment.name in _BEFORE_RESULTS and has_results:
            yield segment.name
