"""Errors that end one study, each with a stage, a code and a disposition."""

from enum import StrEnum
from typing import TYPE_CHECKING

from config.errors import ConfigError, NodeError

if TYPE_CHECKING:
    from pipeline.analysis import GateOutcome


class Disposition(StrEnum):
    """What the node does with a study after an error."""

    REJECT = "reject"
    """The study ends in a coded refusal; the same input gives the same answer."""
    RETRY = "retry"
    """A later attempt may succeed."""


class StudyError(NodeError):
    """Ends the processing of one study.

    Parameters
    ----------
    code
        Stable code of the refusal, for example ``"SM-NOHBP"`` or ``"QG-REG"``.
    message
        One sentence in a radiologist's words, without patient data.
    remedy
        What would help, one sentence; empty where nothing would.
    stage
        Where it happened: ``assemble``, ``register``, ``segment``, ``radiomics``, ``classify`` or ``report``.
    """

    disposition = Disposition.REJECT

    def __init__(self, code: str, message: str, *, remedy: str = "", stage: str) -> None:
        self.code = code
        self.message = message
        self.remedy = remedy
        self.stage = stage
        super().__init__(f"{code}: {message}" + (f" {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries; keyword-only arguments need a rebuild by hand.
        return (_rebuild, (type(self), self.code, self.message, self.remedy, self.stage))


class UnsuitableStudyError(StudyError):
    """A series is missing, ambiguous, irregular or unreadable."""


class QualityGateError(StudyError):
    """A result exists but must not be believed: registration, plausibility, out of distribution.

    Parameters
    ----------
    code, message, remedy, stage
        As of `StudyError`.
    gates
        What was judged until then; the one that failed has its value and limit among them.
    """

    def __init__(
        self, code: str, message: str, *, remedy: str = "", stage: str, gates: "tuple[GateOutcome, ...]" = ()
    ) -> None:
        super().__init__(code, message, remedy=remedy, stage=stage)
        self.gates = gates

    def __reduce__(self) -> tuple[object, ...]:
        return (_judged, (self.code, self.message, self.remedy, self.stage, self.gates))


class TransientError(StudyError):
    """A peer, a device or memory was not available; worth another attempt."""

    disposition = Disposition.RETRY


class ModelBundleError(NodeError):
    """A model bundle is damaged, or does not fit this software."""


class ModelMisfitError(ModelBundleError):
    """The parts of a model bundle do not fit one another, or not the features of this software."""

    code = "MB-FIT"

    def __init__(self, message: str) -> None:
        super().__init__(f"{self.code}: {message}")

    def __reduce__(self) -> tuple[object, ...]:
        # The code is in the text already.
        return (type(self), (str(self).removeprefix(f"{self.code}: "),))


class UnknownModelError(ConfigError):
    """The settings, or an option, name a model bundle that is not installed."""


def _judged(
    code: str, message: str, remedy: str, stage: str, gates: "tuple[GateOutcome, ...]"
) -> QualityGateError:
    return QualityGateError(code, message, remedy=remedy, stage=stage, gates=gates)


def _rebuild(kind: type[StudyError], code: str, message: str, remedy: str, stage: str) -> StudyError:
    return kind(code, message, remedy=remedy, stage=stage)
