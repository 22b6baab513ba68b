"""All observations of one patient through the gate: taken, taken back, refused, or none of ours."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from config.analytes import AnalyteRules
from node.labs.acceptance import accept, analyte_of, not_used_because, resembles
from node.labs.last_word import LastWords
from node.labs.observation import NO_STATUS, AcceptedValue, Observation, RefusedObservationError
from node.ledger.lab_records import WithdrawnResult
from pipeline.study import Analyte

logger = logging.getLogger(__name__)


@dataclass
class Judged:
    """What became of the observations of one patient."""

    accepted: list[AcceptedValue] = field(default_factory=list)
    withdrawn: list[WithdrawnResult] = field(default_factory=list)
    voided: list[WithdrawnResult] = field(default_factory=list)
    refused: list[RefusedObservationError] = field(default_factory=list)
    reopened: list[WithdrawnResult] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether any of them is ours."""
        return bool(self.accepted or self.withdrawn or self.refused or self.reopened)


def judge(observations: Sequence[Observation], rules: AnalyteRules, today: date) -> Judged:
    """Judge observations one by one; of several that are one result, the last word counts.

    Parameters
    ----------
    today
        Day at the site.
    """
    judged, words = Judged(), LastWords()
    for observation in observations:
        if observation.open_status:
            judged.reopened += _not_final(observation, rules)
            continue
        try:
            analyte = analyte_of(observation, rules)
            if analyte is None:
                _tell(observation, rules)
            elif observation.withdrawn:
                words.withdraw(observation.where, _withdrawn(observation, analyte, observation.collected_at))
            else:
                take = words.correct if observation.correction else words.state
                take(observation.where, accept(observation, analyte, rules, today))
        except RefusedObservationError as refusal:
            if observation.correction or observation.withdrawn:
                # The laboratory says that what it sent before is wrong: it must not be used, also without another.
                words.withdraw(observation.where, _withdrawn(observation, refusal.analyte, "", str(refusal)))
                judged.refused.append(_of_correction(refusal))
            else:
                day = observation.collected_at
                words.doubt(observation.where, _withdrawn(observation, refusal.analyte, day, str(refusal)))
                judged.refused.append(refusal)
    judged.accepted, judged.withdrawn, judged.voided = words.values(), words.withdrawn(), words.voided()
    judged.refused += words.contradictions()
    return judged


def _not_final(observation: Observation, rules: AnalyteRules) -> Iterator[WithdrawnResult]:
    """Log what is not taken because it is not final, and say of which result that is."""
    try:
        analyte = analyte_of(observation, rules)
    except RefusedObservationError:
        return
    if analyte is None:
        return
    status = observation.open_status
    logger.info("result not taken, its status is neither F nor C analyte=%s status=%s", analyte, status)
    if status != NO_STATUS:
        yield _withdrawn(
            observation, analyte, observation.collected_at, "the laboratory says that it is not final"
        )


def _withdrawn(observation: Observation, analyte: Analyte, day: str, because: str = "") -> WithdrawnResult:
    return WithdrawnResult(
        analyte,
        observation.key,
        day,
        observation.stated_at,
        because,
        # "Cannot be obtained" is said of a second order of one specimen too, whose first result is sound.
        specimen_at="" if observation.unobtainable else observation.collected_at,
        expected=not observation.unobtainable,
    )


def _of_correction(refusal: RefusedObservationError) -> RefusedObservationError:
    because = f"{refusal.because}; what it corrects is not used any more"
    return RefusedObservationError(refusal.code, refusal.where, because, refusal.analyte)


def _tell(observation: Observation, rules: AnalyteRules) -> None:
    """Log what somebody may have meant to reach the model; a laboratory sends much that is not for it."""
    code = next((name.code for name in observation.names if name.code), "-")[:32]
    because = not_used_because(observation, rules)
    if because is not None:
        logger.info("code not used code=%s because=%s", code, because)
    elif (analyte := resembles(observation, rules)) is not None:
        logger.info("code not known, map it in [labs] analytes where it means code=%s analyte=%s", code, analyte)
