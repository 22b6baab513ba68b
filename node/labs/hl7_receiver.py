"""HL7 messages into the ledger and their answers out: what is answered AA is durable."""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from config.analytes import AnalyteRules
from node.labs.gate import Judged, judge
from node.labs.hl7_answer import ACCEPTED, ERROR, NONE, REJECTED, UNMATCHED, Answer, write_answer, write_batch
from node.labs.hl7_batch import is_batch, is_short_of, split_batch
from node.labs.hl7_damage import demand_whole
from node.labs.hl7_error import Hl7Error
from node.labs.hl7_header import MERGE, demand_ours, identity_of, only_header, rules_digest
from node.labs.hl7_message import Message, read_message
from node.labs.hl7_patient import merges_of
from node.labs.hl7_results import results_of
from node.labs.observation import NO_VALUE, PatientIdentity
from node.ledger.lab_messages import ControlIdInUseError, Incoming
from node.ledger.lab_records import LabMessage, PatientResults, Taken
from node.ledger.labs import Labs

logger = logging.getLogger(__name__)

_MOST_LOGGED: Final = 40
"""Characters of a control ID in the log: a broken message may have anything in its place."""
_NOT_WHOLE: Final = Answer(ERROR, ("BTS-1 counts other messages than the batch holds: nothing of it is taken",))
_NOT_UNDERSTOOD: Final = Answer(REJECTED, ("the message cannot be understood",))


@dataclass
class _Letter:
    """One message on its way: as far as it could be read, what is to be entered, and what is to be answered."""

    message: Message | None
    incoming: Incoming | None = None
    answer: Answer | None = None


class Hl7Receiver:
    """Takes messages in the order in which they come; those that wait together are one transaction.

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
        Told each answer, and what else happens, one of `COUNTED`.
    """

    def __init__(
        self,
        labs: Labs,
        rules: AnalyteRules,
        issuer: str,
        clock: Callable[[], datetime],
        count: Callable[[str], None] = lambda _what: None,
    ) -> None:
        self._labs = labs
        self._rules = rules
        self._rules_digest = rules_digest(rules)
        self._issuer = issuer
        self._clock = clock
        self._count = count

    def answer(self, block: bytes) -> bytes | None:
        """Return the answer to a block; None where nobody could read an answer, because there is no message."""
        return self.answer_group([block])[0]

    def answer_group(self, blocks: Sequence[bytes]) -> list[bytes | None]:
        """Return the answer to each of several blocks that wait together."""
        letters = [self._read_block(block) for block in blocks]
        self._enter([letter for own in letters for letter in own if letter.incoming is not None])
        return [self._answers(block, own) for block, own in zip(blocks, letters, strict=True)]

    def refuse_long(self, start: bytes) -> bytes | None:
        """Return the AR to a block that is longer than allowed, None where its beginning names no message."""
        contents = split_batch(start)
        message = only_header(contents[0]) if contents else None
        if message is None:
            self._count(NONE)
            return None
        return self._written(message, Answer(REJECTED, ("the message is longer than labs.maximum_message_bytes",)))

    def _answers(self, block: bytes, letters: Sequence[_Letter]) -> bytes | None:
        if not letters:
            logger.warning("block without an MSH segment dropped bytes=%d", len(block))
            self._count(NONE)
            return None
        answers = []
        for letter in letters:
            if letter.message is None:
                logger.warning("message without a readable MSH dropped bytes=%d", len(block))
                self._count(NONE)
            else:
                answers.append(self._written(letter.message, letter.answer or _NOT_UNDERSTOOD))
        if not answers:
            return None
        return write_batch(answers) if is_batch(block) or len(letters) > 1 else answers[0]

    def _read_block(self, block: bytes) -> list[_Letter]:
        letters = [self._read(content) for content in split_batch(block)]
        if is_short_of(block):
            # The results of a message whose beginning was lost stand behind those of another patient.
            return [_Letter(letter.message, answer=_NOT_WHOLE) for letter in letters]
        return letters

    def _read(self, content: bytes) -> _Letter:
        message = None
        try:
            message = read_message(content)
            return self._judged(message)
        except Hl7Error as error:
            answer = Answer(error.acknowledgement, (error.because,))
        except Exception as error:  # Whatever one message does, the listener goes on with the next.
            logger.error("message not understood error=%s", type(error).__name__)  # noqa: TRY400 - may quote it
            answer = _NOT_UNDERSTOOD
        return _Letter(message or only_header(content), answer=answer)

    def _judged(self, message: Message) -> _Letter:
        kind = demand_ours(message)
        sender, control_id, sha256 = identity_of(message)
        demand_whole(message)
        if kind == MERGE:
            answer = Answer(ACCEPTED)
            record = LabMessage(sender, control_id, sha256, answer.acknowledgement, answer.as_json())
            return _Letter(message, Incoming(record, merges=merges_of(message, self._issuer)), answer)
        answer, parts = self._results(message, control_id)
        judged = (answer.acknowledgement, answer.as_json(), self._rules_digest)
        return _Letter(message, Incoming(LabMessage(sender, control_id, sha256, *judged), parts), answer)

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

    def _enter(self, letters: Sequence[_Letter]) -> None:
        """Enter all in one transaction; what is wrong with one of them must not be the fault of the others."""
        try:
            taken = self._labs.take_group([letter.incoming for letter in letters if letter.incoming is not None])
        except Exception as error:  # Whatever one message does, the listener goes on with the next.
            if len(letters) > 1:
                for letter in letters:
                    self._enter([letter])
                return
            letters[0].answer = _not_entered(error)
            return
        for letter, found in zip(letters, taken, strict=True):
            self._settle(letter, found)

    def _settle(self, letter: _Letter, found: Taken | ControlIdInUseError) -> None:
        if isinstance(found, ControlIdInUseError):
            letter.answer = Answer(ERROR, (str(found),))
        elif letter.incoming is not None and found.due is not letter.incoming.message:
            letter.answer = Answer.from_json(found.due.acknowledgement, found.due.answer)
        else:
            for _ in range(found.entered.unmatched):
                self._count(UNMATCHED)

    def _written(self, message: Message, answer: Answer) -> bytes:
        self._count(answer.acknowledgement)
        if answer.acknowledgement != ACCEPTED:
            logger.warning(
                "message answered %s control_id=%s because=%s",
                answer.acknowledgement,
                message.header.field(10)[:_MOST_LOGGED],
                "; ".join(answer.reasons),
            )
        return write_answer(message, answer, self._clock(), uuid.uuid4().hex[:20])


def _not_entered(error: Exception) -> Answer:
    if isinstance(error, SQLAlchemyError):
        # Only the kind: the words of a driver quote the statement, and with it the patient.
        logger.warning("message not entered, the ledger did not answer error=%s", type(error).__name__)
        return Answer(REJECTED, ("the ledger did not answer; send the message again",))
    logger.error("message not understood error=%s", type(error).__name__)
    return _NOT_UNDERSTOOD


def _part(patient: PatientIdentity, control_id: str, judged: Judged) -> PatientResults:
    said = (judged.accepted, judged.withdrawn, judged.refused, judged.voided, judged.reopened)
    return PatientResults(patient, control_id, *said)
