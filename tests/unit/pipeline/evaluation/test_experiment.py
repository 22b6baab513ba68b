from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

from pipeline.evaluation.cohort import EvaluationCohort, require_distinct
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.experiment import run_settings
from pipeline.evaluation.fitting import fit_setting
from pipeline.evaluation.parts import Masks, RadiomicsBlock
from pipeline.evaluation.rows import (
    BOOSTING,
    CLINICAL,
    LOGISTIC,
    MANUAL,
    NEBBIA,
    PROPOSED,
    RADIOMICS,
    SETTINGS,
    TABLE_1,
    TABLE_2,
)
from pipeline.evaluation.settings import Setting
from pipeline.evaluation.splits import Part, Split, make_splits
from pipeline.evaluation.tables import average, performance_rows
from pipeline.study import Role
from tests.unit.pipeline.evaluation.cohorts import SETTINGS as QUICK
from tests.unit.pipeline.evaluation.cohorts import make_cohort


def splits_of(cohort: EvaluationCohort, repeats: int = QUICK.repeats) -> tuple[Split, ...]:
    return make_splits(cohort.mvi, repeats=repeats, seed=1, test_share=0.5, validation_share=0.1)


def test_fit_when_it_is_asked_to_score_who_it_has_seen_then_refuses_with_a_code() -> None:
    cohort = make_cohort()
    (split,) = splits_of(cohort, 1)
    fitted = fit_setting(cohort, split, LOGISTIC, QUICK, {})
    assert len(fitted.probabilities(cohort, split.test, Part.TEST)) == len(split.test)
    assert len(fitted.probabilities(cohort, split.validation, Part.VALIDATION)) == len(split.validation)
    for rows, part in (
        (split.training[:1], Part.TEST),
        (split.validation[:1], Part.TEST),
        (split.training[:1], Part.VALIDATION),
        (np.append(split.test, split.training[0]), Part.TEST),
    ):
        with pytest.raises(EvaluationError, match="EV-SEEN: 1 of"):
            fitted.probabilities(cohort, rows, part)


def test_table_when_a_score_is_of_a_patient_that_was_seen_then_is_refused() -> None:
    cohort = make_cohort()
    results = run_settings(cohort, splits_of(cohort), [LOGISTIC], QUICK)
    honest = results.test["logistic"][0]
    (learnt, *_) = sorted(honest.seen.training)
    false = replace(honest, patients=(learnt, *honest.patients[1:]))
    average([honest])
    with pytest.raises(EvaluationError, match="EV-SEEN"):
        average([honest, false])


def test_fit_when_test_patients_are_changed_then_stays_the_same() -> None:
    cohort = make_cohort()
    (split,) = splits_of(cohort, 1)
    block = cohort.radiomics[Masks.AUTOMATIC]
    values, clinical, mvi = block.values.copy(), cohort.clinical.copy(), cohort.mvi.copy()
    values[split.test] *= -1000.0
    clinical[split.test, :2] += 1e6
    clinical[split.test, 2] = 1 - clinical[split.test, 2]
    mvi[split.test] = ~mvi[split.test]
    changed = replace(
        cohort, radiomics={Masks.AUTOMATIC: RadiomicsBlock(block.names, values)}, clinical=clinical, mvi=mvi
    )
    for setting in (PROPOSED, LOGISTIC, BOOSTING):
        first, second = (
            fit_setting(one, split, setting, replace(QUICK, select_clinical=True), {}) for one in (cohort, changed)
        )
        one, two = (fit.probabilities(cohort, split.test, Part.TEST) for fit in (first, second))
        assert (one == two).all()
        assert first.threshold == second.threshold


def test_settings_when_there_is_signal_then_are_found_and_when_labels_are_shuffled_then_are_not() -> None:
    cohort = make_cohort(120, signal=3.0, manual=True)
    results = run_settings(cohort, splits_of(cohort), SETTINGS, QUICK)
    assert not results.unavailable
    rows = {row.setting.key: row for row in performance_rows(results, SETTINGS)}
    for key in (
        "proposed",
        "manual",
        "radiomics",
        "manual_radiomics",
        "logistic",
        "boosting",
        "nebbia",
        "sequence_T2",
    ):
        assert rows[key].test["auc"].mean > 0.75, key
    assert rows["clinical"].test["auc"].mean < 0.7
    shuffled = cohort.with_shuffled_labels(3)
    dealt = run_settings(shuffled, splits_of(shuffled), [PROPOSED, LOGISTIC], QUICK)
    for row in performance_rows(dealt, [PROPOSED, LOGISTIC]):
        assert 0.3 < row.test["auc"].mean < 0.7


@pytest.mark.parametrize("setting", [PROPOSED, CLINICAL, BOOSTING], ids=lambda setting: setting.key)
def test_setting_when_clinical_values_tell_then_finds_them(setting: Setting) -> None:
    cohort = make_cohort(120, signal=0.0, clinical_signal=3.0)
    results = run_settings(cohort, splits_of(cohort), [setting], QUICK)
    assert average(results.test[setting.key])["auc"].mean > 0.8


def test_settings_when_values_are_missing_then_those_patients_are_left_out_and_the_others_not() -> None:
    cohort = make_cohort(60)
    clinical = cohort.clinical.copy()
    clinical[::4, 1] = np.nan
    cohort = replace(cohort, clinical=clinical)
    results = run_settings(cohort, splits_of(cohort), [PROPOSED, RADIOMICS, MANUAL], QUICK)
    assert all(len(part.rows) == 30 for part in results.test["radiomics"])
    assert all(len(part.rows) < 30 and np.isfinite(part.probability).all() for part in results.test["proposed"])
    assert "manual" in results.unavailable
    (row,) = performance_rows(results, [MANUAL])
    assert row.because == "EV-NONE: Radiomics + clinical, manual: no features of manual outlines were extracted"


def test_setting_when_few_patients_do_not_fill_every_split_then_is_of_the_others_and_says_so() -> None:
    cohort = make_cohort(60)
    splits = splits_of(cohort, 3)
    clinical = cohort.clinical.copy()
    # In the first split nobody with invasion can be tested with clinical values.
    clinical[[row for row in splits[0].test if cohort.mvi[row]], 1] = np.nan
    few = replace(cohort, clinical=clinical)
    results = run_settings(few, splits, [LOGISTIC, RADIOMICS], QUICK)
    assert [part.split for part in results.test["logistic"]] == [1, 2]
    assert len(results.test["radiomics"]) == 3
    (row, whole) = performance_rows(results, [LOGISTIC, RADIOMICS])
    assert row.gap.startswith("1 of 3 splits are left out of it: EV-FEW: Logistic regression")
    assert not whole.gap
    assert row.test["auc"].values == 2
    # Half may be, more may not: what is left would be chosen by luck.
    assert "logistic" in run_settings(few, (splits[0], splits[0], *splits[1:]), [LOGISTIC], QUICK).test
    none = run_settings(few, (splits[0], splits[0], splits[1]), [LOGISTIC], QUICK)
    assert none.unavailable["logistic"].startswith("EV-FEW")


def test_settings_when_the_segmentation_learnt_from_test_patients_then_these_are_not_tested() -> None:
    cohort = make_cohort(60, manual=True)
    taught = np.zeros(60, dtype=bool)
    taught[:20] = True
    some = run_settings(replace(cohort, taught_segmentation=taught), splits_of(cohort), [LOGISTIC, MANUAL], QUICK)
    assert all(not taught[part.rows].any() for part in some.test["logistic"])
    assert any(taught[part.rows].any() for part in some.test["manual"])
    everyone = replace(cohort, taught_segmentation=np.ones(60, dtype=bool))
    none = run_settings(everyone, splits_of(cohort), [LOGISTIC, MANUAL], QUICK)
    assert none.unavailable["logistic"].startswith("EV-SEEN")
    assert "manual" in none.test


def test_settings_when_done_by_another_process_then_are_identical() -> None:
    cohort, external = make_cohort(40), make_cohort(20, seed=5)
    rows = [PROPOSED, LOGISTIC, BOOSTING]
    here = run_settings(cohort, splits_of(cohort, 2), rows, QUICK, external=external)
    # One: starting a process is most of this test, and test_cluster.py has two.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = run_settings(cohort, splits_of(cohort, 2), rows, QUICK, external=external, executor=pool)
    for row in rows:
        for kind in ("test", "validation", "external"):
            pairs = zip(getattr(here, kind)[row.key], getattr(there, kind)[row.key], strict=True)
            assert all((one.probability == two.probability).all() for one, two in pairs)
    assert len(here.external["proposed"][0].rows) == 20


def test_cohort_when_a_patient_is_in_it_twice_then_is_refused() -> None:
    cohort = make_cohort(20)
    values = cohort.radiomics[Masks.AUTOMATIC].values.copy()
    values[3] = values[4]
    with pytest.raises(
        EvaluationError, match=f"exactly the same .*{cohort.patients[3]} and {cohort.patients[4]} first"
    ):
        replace(
            cohort, radiomics={Masks.AUTOMATIC: RadiomicsBlock(cohort.radiomics[Masks.AUTOMATIC].names, values)}
        )
    with pytest.raises(EvaluationError, match="EV-TWICE: 1 of 20 patients have the same name"):
        replace(cohort, patients=(*cohort.patients[:-1], cohort.patients[0]))
    with pytest.raises(EvaluationError, match="EV-TWICE: 20 of 40"):
        require_distinct(cohort, replace(cohort, patients=tuple(f"other-{n}" for n in range(20))))


def test_columns_when_named_by_sequence_region_and_image_then_are_those_and_no_others() -> None:
    block = make_cohort(10).radiomics[Masks.AUTOMATIC]
    assert len(block.columns(tuple(Role))) == len(block.names)
    # T1_PRE is no beginning of another sequence, nor T2 of any.
    assert {
        block.names[n].split("_f")[0] for n in block.columns((Role.T1_PRE,), ("margin",), originals_only=True)
    } == {"T1_PRE_margin_original_glcm"}
    assert len(block.columns(NEBBIA.roles, originals_only=True)) == 5 * 2 * 10


def test_tables_when_compared_with_the_paper_then_have_its_rows() -> None:
    assert TABLE_1[0].title == "DWI"
    assert len(TABLE_1) == 7
    assert [(row.masks, row.clinical) for row in TABLE_2] == [
        (Masks.MANUAL, True),
        (Masks.MANUAL, False),
        (Masks.AUTOMATIC, False),
        (Masks.AUTOMATIC, True),
        (None, True),
    ]
