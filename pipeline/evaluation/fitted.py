"""A setting that was fitted in one split, and who had a part in it."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from pipeline.classification.reduction import Reduction
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.models import Inputs, Scorer
from pipeline.evaluation.parts import IndexArray
from pipeline.evaluation.settings import Setting
from pipeline.evaluation.splits import Part
from pipeline.geometry import FloatArray


@dataclass(frozen=True)
class Seen:
    """Which patients had a part in a fit.

    Parameters
    ----------
    training
        Fitted standardisation, components, selection and weights.
    validation
        Chose hyper-parameter, threshold and calibration.
    """

    training: frozenset[str]
    validation: frozenset[str]

    def before(self, part: Part) -> frozenset[str]:
        """Return who must not be in `part`."""
        return self.training if part is Part.VALIDATION else self.training | self.validation

    def require_unseen(self, patients: tuple[str, ...], part: Part) -> None:
        """Check that patients are new.

        Raises
        ------
        EvaluationError
            ``EV-SEEN``: some were seen, so that a figure of them would flatter.
        """
        if known := self.before(part).intersection(patients):
            raise EvaluationError(
                "EV-SEEN",
                f"{len(known)} of {len(patients)} patients of the {part.value} part were seen in fitting; a "
                "figure of them is not shown",
            )


@dataclass(frozen=True, eq=False)
class FittedSetting:
    """A setting fitted in one split; scores new patients only.

    Parameters
    ----------
    setting
        Which.
    reduction, features
        Of the radiomics, and the columns that it takes; None without radiomics.
    clinical
        Columns of the clinical values.
    scorer, chosen
        The classifier, and its hyper-parameter in words.
    slope, intercept, calibrated
        Platt's sigmoid of the validation part; 1, 0 and False where that is too small.
    threshold
        Probability that divides the validation part best by Youden's index.
    seen
        Who had a part in it.
    """

    setting: Setting
    reduction: Reduction | None
    features: IndexArray
    clinical: IndexArray
    scorer: Scorer
    chosen: str
    slope: float
    intercept: float
    calibrated: bool
    threshold: float
    seen: Seen

    def probabilities(self, cohort: EvaluationCohort, rows: IndexArray, part: Part) -> FloatArray:
        """Return the probability of invasion of each patient.

        Raises
        ------
        EvaluationError
            ``EV-SEEN``: one of them was seen in fitting.
        """
        self.seen.require_unseen(tuple(cohort.patients[row] for row in rows), part)
        inputs = inputs_of(cohort, rows, self.setting, self.reduction, self.features, self.clinical)
        return np.asarray(expit(self.slope * self.scorer(inputs) + self.intercept), dtype=np.float64)


def inputs_of(
    cohort: EvaluationCohort,
    rows: IndexArray,
    setting: Setting,
    reduction: Reduction | None,
    features: IndexArray,
    clinical: IndexArray,
) -> Inputs:
    """Gather what a setting needs of some patients."""
    if setting.view is not None and cohort.pictures is not None:
        return Inputs(pictures=cohort.pictures.read(rows, setting.view))
    scores = None
    if reduction is not None and setting.masks is not None:
        scores = reduction.scores(cohort.radiomics[setting.masks].values[np.ix_(rows, features)])
    return Inputs(scores, cohort.clinical[np.ix_(rows, clinical)] if setting.clinical else None)
