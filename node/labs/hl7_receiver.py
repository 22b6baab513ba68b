"""One HL7 message into the ledger and its answer out: what is answered AA is durable."""

import hashlib
import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from config.analytes import AnalyteRules
from node.labs.gate import Judged, judge
from node.labs.hl7_answer import ACCEPTED, ERROR, NONE, REJECTED, Answer, write_answer, write_batch
from node.labs.hl7_message import Hl7Error, Message, is_batch, read_message, split_batch
from node.labs.hl7_patient import patient_of, prior_of
from node.labs.hl7_results import results_of
from node.labs.observation import NO_VALUE, PatientIdentity
from node.ledger.lab_records import LabMessage, PatientMerge, PatientResults
from node.ledger.labs import ControlIdInUseError, Labs

logger = logging.getLogger(__name__)

VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
RESULTS, MERGE = "ORU^R01", "ADT^A40"
_LONGEST_ID = 199
"""MSH-10 (HL7 v2.7 allows so many characters; 2.5.1 twenty)."""
_LONGEST_SENDER = 255
_MOST_LOGGED = 40
"""Characters of a control ID in the log: a broken message may have anything in its place."""


class Hl7Receiver:
    """Takes messages one after the other.

    Parameters
    ----------
    labs
        Of the ledger.
    rules
        What is believed.
    issuer
        Of patient IDs that come without one, and chosen among several.
    clock
        Time of day at the site, aware.
    count
        Told each answer, one of `ANSWERS`.
    """

    def __init__(
        self,
        labs: Labs,
        rules: AnalyteRules,
        issuer: str,
        clock: Callable[[], datetime],
        count: Callable[[str], None] = lambda _answer: None,
    ) -> None:
        self._labs = labs
        self._rules = rules
        self._issuer = issuer
        self._clock = clock
        self._count = count

    def answer(self, block: bytes) -> bytes | None:
        """Return the answer to a block; None where nobody could read an answer, because there is no message."""
        contents = split_batch(block)
        if not contents:
            logger.warning("block without an MSH segment dropped bytes=%d", len(block))
            self._count(NONE)
            return None
        answers = [answer for content in contents if (answer := self._answer_one(content)) is not None]
        if not answers:
            return None
        return write_batch(answers) if is_batch(block) or len(contents) > 1 else answers[0]

    def _answer_one(self, content: bytes) -> bytes | None:
        message = None
        try:
            message = read_message(content)
            answer = self._take(message)
        except Hl7Error as error:
            answer = Answer(error.acknowledgement, (error.because,))
            message = message or _only_header(content)
        except SQLAlchemyError as error:
            # Only the kind: the words of a driver quote the statement, and with it the patient.
            logger.warning("message not entered, the ledger did not answer error=%s", type(error).__name__)
            answer = Answer(REJECTED, ("the ledger did not answer; send the message again",))
        except Exception as error:  # Whatever one message does, the listener goes on with the next.
            logger.error("message not understood error=%s", type(error).__name__)  # noqa: TRY400 - may quote it
            answer = Answer(REJECTED, ("the message cannot be understood",))
            message = message or _only_header(content)
        if message is None:
            logger.warning("message without a readable MSH dropped bytes=%d", len(content))
            self._count(NONE)
            return None
        self._count(answer.acknowledgement)
        if answer.acknowledgement != ACCEPTED:
            logger.warning(
                "message answered %s control_id=%s because=%s",
                answer.acknowledgement,
                message.header.field(10)[:_MOST_LOGGED],
                "; ".join(answer.reasons),
            )
        return write_answer(message, answer, self._clock(), uuid.uuid4().hex[:20])

    def _take(self, message: Message) -> Answer:
        kind = _demand_ours(message)
        sender, control_id, sha256 = _identity(message)
        merges = _merges(message, self._issuer) if kind == MERGE else []
        answer, parts = (Answer(ACCEPTED), []) if kind == MERGE else self._results(message, control_id)
        record = LabMessage(sender, control_id, sha256, answer.acknowledgement, answer.as_json())
        try:
            due = self._labs.take(record, parts, merges)
        except ControlIdInUseError as error:
            raise Hl7Error(ERROR, str(error)) from None
        return answer if due is record else Answer.from_json(due.acknowledgement, due.answer)

    def _results(self, message: Message, control_id: str) -> tuple[Answer, list[PatientResults]]:
        today = self._clock().date()
        parts: list[PatientResults] = []
        reasons, faulty = list[str](), False
        for patient, observations in results_of(message, self._issuer):
            judged = judge(observations, self._rules, today)
            reasons += [str(refusal) for refusal in judged.refused]
            faulty |= any(refusal.code != NO_VALUE for refusal in judged.refused)
            if judged:
                parts.append(_part(patient, control_id, judged))
        # What is sound of a message is kept, and the laboratory learns what is not: somebody has to mend it there.
        # "hemolysed" in place of a number is no fault of the message.
        return Answer(ERROR if faulty else ACCEPTED, tuple(reasons)), parts


def _part(patient: PatientIdentity, control_id: str, judged: Judged) -> PatientResults:
    return PatientResults(patient, control_id, judged.accepted, judged.withdrawn, judged.refused)


def _demand_ours(message: Message) -> str:
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


def _identity(message: Message) -> tuple[str, str, str]:
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


def _merges(message: Message, issuer: str) -> list[PatientMerge]:
    """Return the merges of ADT^A40: each MRG belongs to the PID before it (chapter 3.3.40)."""
    merges: list[PatientMerge] = []
    survivor = None
    control_id = message.header.field(10)
    for segment in message.segments:
        if segment.name == "PID":
            survivor = patient_of(segment, issuer)
        elif segment.name == "MRG":
            if survivor is None:
                raise Hl7Error(ERROR, "MRG stands before any PID")
            merges += [PatientMerge(prior, survivor, control_id) for prior in prior_of(segment, issuer)]
    if not merges:
        raise Hl7Error(ERROR, "a merge needs PID and MRG")
    return merges


def _only_header(content: bytes) -> Message | None:
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
