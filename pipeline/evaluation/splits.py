"""Repeated stratified random splits into training, validation and test part."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.parts import BoolArray, IndexArray

LEAST_OF_A_CLASS = 3
"""One for each part; fewer cannot be split at all."""


class Part(StrEnum):
    """The three parts of a split."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, eq=False)
class Split:
    """One division of a cohort.

    Parameters
    ----------
    number
        From 0.
    seed
        Of this division, and of all that is fitted in it.
    training, validation, test
        Rows, rising; together every patient once.
    """

    number: int
    seed: int
    training: IndexArray
    validation: IndexArray
    test: IndexArray

    def rows(self, part: Part) -> IndexArray:
        """Return the rows of a part."""
        rows: IndexArray = getattr(self, part.value)
        return rows


def make_splits(
    mvi: BoolArray, *, repeats: int, seed: int, test_share: float, validation_share: float
) -> tuple[Split, ...]:
    """Divide a cohort again and again, with nearly equal shares of invasion in every part.

    Parameters
    ----------
    mvi
        (patients,), the outcome.
    repeats
        How often.
    seed
        Of the first split; the others follow, so that split n is the same however many there are.
    test_share, validation_share
        Of each class; every part has at least one of each.

    Raises
    ------
    EvaluationError
        ``EV-FEW``: a class has fewer than three patients.
    """
    counts = int(mvi.sum()), int((~mvi).sum())
    if min(counts) < LEAST_OF_A_CLASS:
        raise EvaluationError(
            "EV-FEW",
            f"{counts[0]} patients with and {counts[1]} without invasion cannot be split into training, "
            f"validation and test part; add patients until there are {LEAST_OF_A_CLASS} of each, better 20",
        )
    return tuple(_split(mvi, n, seed + n, test_share, validation_share) for n in range(repeats))


def _split(mvi: BoolArray, number: int, seed: int, test_share: float, validation_share: float) -> Split:
    random = np.random.default_rng(seed)
    training, validation, test = [], [], []
    for outcome in (True, False):
        rows = random.permutation(np.flatnonzero(mvi == outcome))
        # At least one patient is left for each part after the larger ones took theirs.
        tested = min(max(1, round(len(rows) * test_share)), len(rows) - 2)
        validated = min(max(1, round(len(rows) * validation_share)), len(rows) - tested - 1)
        test.append(rows[:tested])
        validation.append(rows[tested : tested + validated])
        training.append(rows[tested + validated :])
    return Split(number, seed, *(np.sort(np.concatenate(part)) for part in (training, validation, test)))
