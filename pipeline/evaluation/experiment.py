"""Every setting in every split, on this core or on many."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.evaluation.cohort import EvaluationCohort, require_distinct
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.fitted import FittedSetting
from pipeline.evaluation.fitting import Reductions, fit_setting, require_both_classes, usable
from pipeline.evaluation.parts import IndexArray, Masks
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.settings import EvaluationSettings, Setting
from pipeline.evaluation.splits import Part, Split

AT_ONCE = 16
"""Tasks given away before the first is done: each carries the cohort, 50 MB at the paper's size and twice that
with manual outlines, which a cluster's scheduler keeps in memory."""
UNKNOWN = (
    "nobody noted whose images the segmentation learnt from, or which are those of this cohort. Run `mvi-node "
    "cohort extract` again; where that is not enough, train the model again with this software, or take another"
)
LEAST_SPLITS = 2
"""With a result, for an interval."""
Item = TypeVar("Item")
Result = TypeVar("Result")
Outcome = dict[str, "tuple[Scored, Scored, Scored | None] | str"]


def spread(
    function: Callable[[Item], Result], items: Sequence[Item], executor: Executor | None
) -> Iterator[Result]:
    """Give `function` of each item in order, here or by an executor of whatever kind."""
    if executor is None:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            if len(waiting) == AT_ONCE:
                yield waiting.popleft().result()
            waiting.append(executor.submit(function, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def run_settings(
    cohort: EvaluationCohort,
    splits: Sequence[Split],
    rows: Sequence[Setting],
    settings: EvaluationSettings,
    *,
    external: EvaluationCohort | None = None,
    executor: Executor | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> Results:
    """Fit and score every setting in every split.

    Parameters
    ----------
    cohort, splits
        What is divided, and how.
    rows, settings
        What is fitted, and how.
    external
        Patients of another place, scored by every fit and part of none.
    executor
        Does the splits; None: here, one after another. The result is the same.
    report
        Called after each split with its number.

    Raises
    ------
    EvaluationError
        ``EV-TWICE``: the external cohort has a patient of the internal one. ``EV-NONE``: it has other features.
    """
    if external is not None:
        _require_alike(cohort, external)
        require_distinct(cohort, external)
    outcomes: list[Outcome] = []
    for outcome in spread(partial(run_split, cohort, external, tuple(rows), settings), splits, executor):
        report(len(outcomes))
        outcomes.append(outcome)
    failures = {
        row.key: [found for outcome in outcomes if isinstance(found := outcome[row.key], str)] for row in rows
    }
    unavailable = {key: found[0] for key, found in failures.items() if not _may_be_left_out(found, len(outcomes))}
    left_out = {key: (len(found), found[0]) for key, found in failures.items() if found and key not in unavailable}
    test: dict[str, tuple[Scored, ...]] = {}
    validation: dict[str, tuple[Scored, ...]] = {}
    outside: dict[str, tuple[Scored, ...]] = {}
    for row in rows:
        if row.key not in unavailable:
            triples = [found for outcome in outcomes if not isinstance(found := outcome[row.key], str)]
            test[row.key] = tuple(triple[0] for triple in triples)
            validation[row.key] = tuple(triple[1] for triple in triples)
            outside[row.key] = tuple(scored for triple in triples if (scored := triple[2]) is not None)
    return Results(test, validation, outside, unavailable, left_out)


def _may_be_left_out(failures: Sequence[str], splits: int) -> bool:
    """Tell whether the other splits may stand for a setting: few patients fill some divisions and not others.

    Not where anything else failed, nor where it is most of them: what is left would be chosen by luck.
    """
    few = all(because.startswith("EV-FEW") for because in failures)
    return not failures or (few and 2 * len(failures) <= splits and splits - len(failures) >= LEAST_SPLITS)


def _require_alike(cohort: EvaluationCohort, external: EvaluationCohort) -> None:
    names = {masks: block.names for masks, block in cohort.radiomics.items()}
    others = {masks: block.names for masks, block in external.radiomics.items() if masks in names}
    if any(names[masks] != found for masks, found in others.items()) or cohort.columns != external.columns:
        raise EvaluationError(
            "EV-NONE", "the external cohort has other features than the internal one; extract both with one bundle"
        )


def run_split(
    cohort: EvaluationCohort,
    external: EvaluationCohort | None,
    rows: tuple[Setting, ...],
    settings: EvaluationSettings,
    split: Split,
) -> Outcome:
    """Fit and score every setting in one split; a sentence where that is not possible."""
    reductions: Reductions = {}
    outcome: Outcome = {}
    # One thread: small matrices gain nothing from more, processes share the cores, and sums stay the same.
    with threadpool_limits(1):
        for row in rows:
            try:
                outcome[row.key] = _run(cohort, external, row, settings, split, reductions)
            except EvaluationError as error:
                outcome[row.key] = str(error)
    return outcome


def _run(
    cohort: EvaluationCohort,
    external: EvaluationCohort | None,
    row: Setting,
    settings: EvaluationSettings,
    split: Split,
    reductions: Reductions,
) -> tuple[Scored, Scored, Scored | None]:
    test = testable(cohort, split, row)
    fitted = fit_setting(cohort, split, row, settings, reductions)
    able = usable(cohort, row)
    validation = split.validation[able[split.validation]]
    outside = None if external is None else _strangers(external, np.flatnonzero(usable(external, row)), row)
    return (
        score(fitted, cohort, test, Part.TEST, split.number),
        score(fitted, cohort, validation, Part.VALIDATION, split.number),
        None
        if external is None or outside is None or not len(outside)
        else score(fitted, external, outside, Part.TEST, split.number),
    )


def testable(cohort: EvaluationCohort, split: Split, row: Setting) -> IndexArray:
    """Return the test patients of a setting: those who have what it needs and taught none of its stages.

    Raises
    ------
    EvaluationError
        ``EV-SEEN``: the segmentation learnt from so many that a class is empty. ``EV-FEW``: as it is without that.
        ``EV-NONE``: nobody has features of these outlines.
    """
    if row.masks is not None and row.masks not in cohort.radiomics:
        raise EvaluationError("EV-NONE", f"{row.title}: no features of {row.masks} outlines were extracted")
    if row.view is not None and (cohort.pictures is None or not cohort.pictures.known.any()):
        raise EvaluationError("EV-NONE", f"{row.title}: no pictures were extracted; run `cohort extract` again")
    test = split.test[usable(cohort, row)[split.test]]
    require_both_classes(cohort.mvi[test], Part.TEST, row)
    unseen = _strangers(cohort, test, row)
    if not 0 < cohort.mvi[unseen].sum() < len(unseen):
        if cohort.teachers_unknown:
            raise EvaluationError("EV-SEEN", f"{row.title}: {UNKNOWN}")
        raise EvaluationError(
            "EV-SEEN",
            f"{row.title}: the segmentation learnt from {len(test) - len(unseen)} of {len(test)} test patients, "
            "and those left have one outcome only; take another cohort's segmentation (bundle.segmentation_of)",
        )
    return unseen


def _strangers(cohort: EvaluationCohort, rows: IndexArray, row: Setting) -> IndexArray:
    """Leave out who taught the segmentation, where its outlines are used."""
    return rows if row.masks is not Masks.AUTOMATIC else rows[~cohort.taught_segmentation[rows]]


def score(fitted: FittedSetting, cohort: EvaluationCohort, rows: IndexArray, part: Part, split: int) -> Scored:
    """Score patients; ``EV-SEEN`` where one was seen in fitting."""
    return Scored(
        fitted.setting.key,
        split,
        part,
        tuple(cohort.patients[row] for row in rows),
        rows,
        cohort.mvi[rows],
        fitted.probabilities(cohort, rows, part),
        fitted.threshold,
        fitted.calibrated,
        fitted.chosen,
        fitted.seen,
    )
