"""Shuffled labels and smaller training parts: the same procedure, run again and again."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.experiment import run_settings, spread
from pipeline.evaluation.intervals import Interval
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.parts import BoolArray, IndexArray, Masks
from pipeline.evaluation.settings import EvaluationSettings, Setting
from pipeline.evaluation.splits import Split, make_splits
from pipeline.evaluation.tables import average
from pipeline.geometry import FloatArray

SHUFFLES_A_TASK = 5
SHUFFLE_SEED = 1_000_003


@dataclass(frozen=True, eq=False)
class Permutation:
    """Whether there is anything to learn.

    Parameters
    ----------
    area
        Mean test area of the true outcomes over `splits` splits.
    shuffled
        (shuffles,), the same of outcomes dealt out anew.
    p
        (1 + shuffles at least as good) / (1 + shuffles).
    splits
        Averaged in each.

    References
    ----------
    .. [1] Phipson and Smyth, Stat Appl Genet Mol Biol 9(1), 2010. doi:10.2202/1544-6115.1585
    """

    area: float
    shuffled: FloatArray
    p: float
    splits: int


def permutation_test(
    cohort: EvaluationCohort, setting: Setting, settings: EvaluationSettings, executor: Executor | None = None
) -> Permutation:
    """Repeat split, fit and test on outcomes dealt out anew; hyper-parameters stay at the first candidate.

    Raises
    ------
    EvaluationError
        ``EV-FEW``: the setting has no result in one of the splits.
    """
    first = only_first(settings)
    numbers = range(settings.permutations)
    tasks = [
        tuple(numbers[start : start + SHUFFLES_A_TASK])
        for start in range(0, settings.permutations, SHUFFLES_A_TASK)
    ]
    small = _slim(cohort, setting)
    # The true outcomes go through the very same function.
    found = list(spread(partial(_areas, small, setting, first), [(None,), *tasks], executor))
    truth, shuffled = found[0][0], np.concatenate([np.zeros(0), *found[1:]])
    p = (1 + int((shuffled >= truth).sum())) / (1 + len(shuffled))
    return Permutation(float(truth), shuffled, p, settings.permuted_splits)


@dataclass(frozen=True)
class LearningPoint:
    """A point of the learning curve: patients of the training part, and the test area."""

    patients: float
    area: Interval


def learning_curve(
    cohort: EvaluationCohort,
    splits: Sequence[Split],
    setting: Setting,
    settings: EvaluationSettings,
    executor: Executor | None = None,
) -> tuple[LearningPoint, ...]:
    """Learn from parts of the training part, tested on the same patients. A share without a result is left out."""
    points = []
    for share in settings.learning_shares:
        smaller = [_smaller(split, cohort.mvi, share) for split in splits]
        results = run_settings(_slim(cohort, setting), smaller, [setting], only_first(settings), executor=executor)
        if setting.key not in results.unavailable:
            parts = results.test[setting.key]
            patients = float(np.mean([len(part.seen.training) for part in parts]))
            points.append(LearningPoint(patients, average(parts)["auc"]))
    return tuple(points)


def only_first(settings: EvaluationSettings) -> EvaluationSettings:
    """Return the settings with the first candidate of each hyper-parameter alone."""
    return replace(
        settings, epochs=settings.epochs[:1], penalties=settings.penalties[:1], trees=settings.trees[:1]
    )


def _areas(
    cohort: EvaluationCohort, setting: Setting, settings: EvaluationSettings, shuffles: tuple[int | None, ...]
) -> FloatArray:
    areas = []
    for shuffle in shuffles:
        dealt = cohort if shuffle is None else cohort.with_shuffled_labels(SHUFFLE_SEED + settings.seed + shuffle)
        splits = make_splits(
            dealt.mvi,
            repeats=settings.permuted_splits,
            seed=settings.seed,
            test_share=settings.test_share,
            validation_share=settings.validation_share,
        )
        results = run_settings(dealt, splits, [setting], settings)
        if setting.key in results.unavailable:
            raise EvaluationError("EV-FEW", results.unavailable[setting.key].removeprefix("EV-FEW: "))
        areas.append(
            np.mean([auc(part.mvi, part.require_honest().probability) for part in results.test[setting.key]])
        )
    return np.array(areas)


def _smaller(split: Split, mvi: BoolArray, share: float) -> Split:
    random = np.random.default_rng(split.seed)
    kept: list[IndexArray] = []
    for outcome in (True, False):
        rows = random.permutation(split.training[mvi[split.training] == outcome])
        kept.append(rows[: max(1, round(share * len(rows)))])
    return replace(split, training=np.sort(np.concatenate(kept)))


def _slim(cohort: EvaluationCohort, setting: Setting) -> EvaluationCohort:
    """Leave out what other processes need not be sent."""
    masks = Masks.AUTOMATIC if setting.masks is None else setting.masks
    blocks = {masks: cohort.radiomics[masks]} if masks in cohort.radiomics else {}
    return replace(cohort, radiomics=blocks, repeats=(), agreement=(), outlines=())
