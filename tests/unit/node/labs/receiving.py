"""A receiver of messages, and what it answered and kept."""

from datetime import UTC, datetime

import hl7

from node.labs.hl7_receiver import Hl7Receiver
from node.labs.observation import PatientIdentity
from node.ledger.lab_records import LabState
from node.ledger.ledger import Ledger

P1 = PatientIdentity("P1", "HOSP")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def answered(receiver: Hl7Receiver, message: bytes) -> tuple[str, str]:
    """Return acknowledgement and reason of an answer, read by another parser."""
    answer = receiver.answer(message)
    assert answer is not None
    msa = hl7.parse(answer, encoding="latin-1").segment("MSA")
    return str(msa[1]), str(msa[3]) if len(msa) > 3 else ""


def kept(ledger: Ledger, patient: PatientIdentity = P1, state: LabState = LabState.CURRENT) -> dict[str, float]:
    return {row.analyte: row.value for row in ledger.labs.values(patient, states=[state])}


def with_line(message: bytes, line: str) -> bytes:
    return message + b"\r" + line.encode()


def ast(
    value: str,
    status: str,
    unit: str = "U/L",
    analysed: str = "",
    *,
    taken: str = "20260201083000",
    code: str = "1920-8^AST^LN",
) -> bytes:
    return f"OBX|1|NM|{code}||{value}|{unit}|||||{status}|||{taken}|||||{analysed}".encode()


def joined(*parts: bytes) -> bytes:
    return b"\r".join(parts)
