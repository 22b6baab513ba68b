"""One score a patient out of many splits, each by fits that never saw that patient."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.scores import Scored
from pipeline.geometry import FloatArray


def consensus(parts: Sequence[Scored], patients: int) -> FloatArray:
    """Return the mean test probability of each patient over the splits that tested it; NaN where none did.

    A mean of several fits ranks a little better than one fit does: it compares settings, and states no
    performance.

    Parameters
    ----------
    parts
        Test parts of one setting.
    patients
        In the cohort.

    Raises
    ------
    EvaluationError
        ``EV-SEEN``: a part was seen in fitting.
    """
    total, count = np.zeros(patients), np.zeros(patients)
    for part in parts:
        part.require_honest()
        total[part.rows] += part.probability
        count[part.rows] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
