"""Acknowledgements: ACK with MSA, and an ERR for each reason (chapter 2.13, 2.14)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from node.labs.hl7_encoding import Separators
from node.labs.hl7_message import Message

ACCEPTED, ERROR, REJECTED = "AA", "AE", "AR"
NONE: Final = "none"
"""Of a block that nobody could read an answer to."""
DROPPED: Final = "dropped"
"""Of what never became a whole block."""
ANSWERS: Final = (ACCEPTED, ERROR, REJECTED, NONE, DROPPED)
UNMATCHED: Final = "unmatched"
"""A correction or withdrawal of a result that is not known."""
COUNTED: Final = (*ANSWERS, UNMATCHED)
_STANDARD = Separators()
_MOST_REASONS: Final = 20
_ERROR_CODE: Final = "207^Application internal error^HL70357"
_WITH_ERR_TEXT: Final = ("2.5", "2.5.1")
"""Versions whose ERR has a text of its own (ERR-8)."""


@dataclass(frozen=True)
class Answer:
    """What is said to one message: AA, AE or AR, and why."""

    acknowledgement: str
    reasons: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return the reasons as the ledger keeps them."""
        return json.dumps(list(self.reasons))

    @classmethod
    def from_json(cls, acknowledgement: str, reasons: str) -> "Answer":
        """Return the answer that the ledger kept."""
        return cls(acknowledgement, tuple(json.loads(reasons)))


def write_answer(message: Message, answer: Answer, now: datetime, control_id: str) -> bytes:
    """Return the ACK to a message, in its character set, without MLLP framing.

    Parameters
    ----------
    now
        Aware; MSH-7.
    control_id
        MSH-10 of the ACK itself.
    """
    msh = message.header
    separators = msh.separators
    field = [msh.field(number) for number in range(19)]
    kind = msh.components(field[9], least=2)
    mark = separators.field
    encoding = separators.component + separators.repetition + separators.escape + separators.subcomponent
    event = separators.component.join(part for part in ("ACK", kind[1]) if part)
    stamp = now.strftime("%Y%m%d%H%M%S%z")
    header = ["MSH", encoding, *field[5:7], *field[3:5], stamp, "", event, control_id, field[11] or "P", field[12]]
    if field[18]:
        header += ["", "", "", "", "", field[18]]
    text = _escape("; ".join(answer.reasons), separators)
    segments = [header, ["MSA", answer.acknowledgement, field[10], text]]
    if field[12] in _WITH_ERR_TEXT:
        severity = "W" if answer.acknowledgement == ACCEPTED else "E"
        code = _ERROR_CODE.replace("^", separators.component)
        segments += [
            ["ERR", "", "", code, severity, "", "", "", _escape(reason, separators)]
            for reason in answer.reasons[:_MOST_REASONS]
        ]
    lines = [mark.join(segment) for segment in segments]
    return ("\r".join(lines) + "\r").encode(message.codec, errors="replace")


def write_batch(answers: Sequence[bytes]) -> bytes:
    """Return several ACKs as the batch that answers a batch."""
    return b"".join((b"BHS|^~\\&\r", *answers, f"BTS|{len(answers)}\r".encode()))


def _escape(text: str, separators: Separators) -> str:
    marks = {
        separators.escape: "E",
        separators.field: "F",
        separators.component: "S",
        separators.repetition: "R",
        separators.subcomponent: "T",
    }
    return "".join(
        f"{separators.escape}{marks[char]}{separators.escape}" if char in marks else char
        for char in text
        if char.isprintable()
    )
