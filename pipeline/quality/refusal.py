"""What a gate says: passed with its value and limit, or a refusal with code and remedy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.analysis import GateOutcome
from pipeline.errors import QualityGateError


@dataclass(frozen=True)
class Refusal:
    """What a failed gate says.

    Parameters
    ----------
    code
        Of the error.
    stage
        Where the study ends.
    remedy
        What would help.
    """

    code: str
    stage: str
    remedy: str


REFUSALS: Final[Mapping[str, Refusal]] = {
    "field_strength": Refusal(
        "QG-FIELD", "register", "Use a model that was trained at this field strength, or train one."
    ),
    "contrast_agent": Refusal(
        "QG-AGENT", "register", "Use a model that was trained with this contrast agent, or train one."
    ),
    "registration_overlap": Refusal(
        "REG-OVERLAP",
        "register",
        "Check that both cover the liver, and that both are of one examination.",
    ),
    "registration_displacement": Refusal("QG-REG", "register", "Check that all series are of one examination."),
    "registration_rotation": Refusal("QG-REG", "register", "Check that all series are of one examination."),
    "registration_similarity": Refusal("QG-REG", "register", "Check that all series show the liver."),
    "registration_mirror": Refusal(
        "QG-MIRROR", "register", "Check the orientation of this series at the scanner, and send it again."
    ),
    "registration_detail": Refusal(
        "QG-REG", "register", "Check that all series are of one patient and one examination."
    ),
    "liver_volume": Refusal("QG-LIVER", "segment", "Check that the hepatobiliary phase shows the liver."),
    "liver_cut": Refusal("QG-LIVER", "segment", "The hepatobiliary phase must cover the whole liver."),
    "liver_coverage": Refusal("QG-COVERAGE", "segment", "Every sequence must cover the whole liver."),
    "tumour_coverage": Refusal("QG-COVERAGE", "segment", "Every sequence must cover the tumour and its margin."),
    "hepatobiliary_enhancement": Refusal(
        "QG-HBP", "segment", "Check that gadoxetic acid was given, and the time of the hepatobiliary phase."
    ),
    "lesion_count": Refusal("QG-TUMOUR", "segment", "The study needs a radiologist's reading."),
    "tumour_share": Refusal("QG-TUMOUR", "segment", "The study needs a radiologist's reading."),
    "tumour_size": Refusal("QG-TUMOUR", "segment", "The study needs a radiologist's reading."),
    "tumour_contact": Refusal("QG-TUMOUR", "segment", "The study needs a radiologist's reading."),
    "feature_range": Refusal("QG-OOD", "classify", "The model was not made for images like these."),
    "feature_distance": Refusal("QG-OOD", "classify", "The model was not made for images like these."),
}


def require(gates: Iterable[GateOutcome], before: tuple[GateOutcome, ...] = ()) -> tuple[GateOutcome, ...]:
    """Return the gates where all passed, behind those that passed before.

    Raises
    ------
    QualityGateError
        For the first that failed: ``QG-FIELD``, ``QG-AGENT``, ``REG-OVERLAP``, ``QG-REG``, ``QG-MIRROR``,
        ``QG-LIVER``, ``QG-COVERAGE``, ``QG-HBP``, ``QG-TUMOUR`` or ``QG-OOD``.
    """
    judged = (*before, *gates)
    for gate in judged:
        if not gate.passed:
            refusal = REFUSALS[gate.gate]
            raise QualityGateError(
                refusal.code, gate.message, remedy=refusal.remedy, stage=refusal.stage, gates=judged
            )
    return judged


def at_most(gate: str, value: float, limit: float, message: str) -> GateOutcome:
    """Judge a value that must not exceed `limit`; `message` is what a failure says."""
    return GateOutcome(gate, value <= limit, value, limit, "" if value <= limit else message)


def at_least(gate: str, value: float, limit: float, message: str) -> GateOutcome:
    """Judge a value that must reach `limit`; `message` is what a failure says."""
    return GateOutcome(gate, value >= limit, value, limit, "" if value >= limit else message)
