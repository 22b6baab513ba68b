"""What MSH says of a message: whether it is for us, whose it is, and how it is known again."""

import hashlib
from typing import Final

from config.analytes import AnalyteRules
from node.labs.hl7_answer import REJECTED
from node.labs.hl7_error import Hl7Error
from node.labs.hl7_message import Message, read_message

VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
RESULTS, MERGE = "ORU^R01", "ADT^A40"
_LONGEST_ID = 199
"""MSH-10 (HL7 v2.7 allows so many characters; 2.5.1 twenty)."""
_LONGEST_SENDER = 255


def demand_ours(message: Message) -> str:
    """Return ORU^R01 or ADT^A40.

    Raises
    ------
    Hl7Error
        ``AR``: the message is of another kind, version or purpose (chapter 2.9.2.2).
    """
    msh = message.header
    kind = "^".join(part for part in msh.components(msh.field(9), least=2)[:2] if part)
    if kind not in (RESULTS, "ORU", MERGE):
        raise Hl7Error(REJECTED, "this message type is not supported: ORU^R01 and ADT^A40 are")
    if msh.first(12) not in VERSIONS:
        raise Hl7Error(REJECTED, f"this version is not supported: {', '.join(VERSIONS)} are")
    if msh.first(11) not in ("P", ""):
        raise Hl7Error(REJECTED, "MSH-11 is not P: results of tests and training are not taken")
    return MERGE if kind == MERGE else RESULTS


def identity_of(message: Message) -> tuple[str, str, str]:
    """Return sender, control ID, and a digest of all but the time of sending.

    Raises
    ------
    Hl7Error
        ``AR``: MSH-10 is missing or too long.
    """
    msh = message.header
    control_id = msh.field(10)
    if not control_id or len(control_id) > _LONGEST_ID:
        raise Hl7Error(REJECTED, f"MSH-10 must have 1 to {_LONGEST_ID} characters")
    names = [msh.field(3), msh.field(4)]
    if any(len(name) > _LONGEST_SENDER for name in names):
        raise Hl7Error(REJECTED, f"MSH-3 and MSH-4 must have at most {_LONGEST_SENDER} characters")
    own = [field for number, field in enumerate(msh.fields) if number != 7]
    rest = [segment.fields for segment in message.segments[1:]]
    digest = hashlib.sha256(repr([own, *rest]).encode()).hexdigest()
    return "|".join(names), control_id, digest


def rules_digest(rules: AnalyteRules) -> str:
    """Return a digest of all rules: a site may change its own without another version."""
    return hashlib.sha256(rules.model_dump_json().encode()).hexdigest()


def only_header(content: bytes) -> Message | None:
    """Return what an answer can be made from: MSH alone, as far as it can be read."""
    line = content.split(b"\r", 1)[0]
    ascii_line = bytes(byte if byte < 0x80 and byte >= 0x20 else 0x3F for byte in line)
    fields = ascii_line.split(ascii_line[3:4]) if len(ascii_line) > 8 else []
    if len(fields) > 17:
        fields[17] = b""
    try:
        return read_message(ascii_line[3:4].join(fields)) if fields else None
    except Hl7Error:
        return None
