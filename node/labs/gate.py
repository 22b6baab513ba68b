"""All observations of one patient through the gate: taken, taken back, refused, or none of ours."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from config.analytes import AnalyteRules
from node.labs.acceptance import accept, analyte_of, not_used_because, resembles
from node.labs.observation import AcceptedValue, Observation, RefusedObservationError
from node.ledger.lab_records import WithdrawnResult

logger = logging.getLogger(__name__)


@dataclass
class Judged:
    """What became of the observations of one patient."""

    accepted: list[AcceptedValue] = field(default_factory=list)
    withdrawn: list[WithdrawnResult] = field(default_factory=list)
    refused: list[RefusedObservationError] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether any of them is ours."""
        return bool(self.accepted or self.withdrawn or self.refused)


def judge(observations: Sequence[Observation], rules: AnalyteRules, today: date) -> Judged:
    """Judge observations one by one; each stands or falls alone.

    Parameters
    ----------
    today
        Day at the site.
    """
    judged = Judged()
    for observation in observations:
        try:
            analyte = analyte_of(observation, rules)
            if analyte is None:
                _tell(observation, rules)
            elif observation.withdrawn:
                judged.withdrawn.append(WithdrawnResult(analyte, observation.key, observation.collected_at))
            else:
                judged.accepted.append(accept(observation, analyte, rules, today))
        except RefusedObservationError as refusal:
            judged.refused.append(refusal)
    return judged


def _tell(observation: Observation, rules: AnalyteRules) -> None:
    """Log what somebody may have meant to reach the model; a laboratory sends much that is not for it."""
    code = next((name.code for name in observation.names if name.code), "-")[:32]
    because = not_used_because(observation, rules)
    if because is not None:
        logger.info("code not used code=%s because=%s", code, because)
    elif (analyte := resembles(observation, rules)) is not None:
        logger.info("code not known, map it in [labs] analytes where it means code=%s analyte=%s", code, analyte)
