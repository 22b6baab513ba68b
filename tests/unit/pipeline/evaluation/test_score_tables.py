"""Figures can be computed again from the tables of scores."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.experiment import run_settings
from pipeline.evaluation.rows import LOGISTIC, RADIOMICS
from pipeline.evaluation.score_tables import score_tables
from pipeline.evaluation.scores import Results
from pipeline.evaluation.splits import make_splits
from pipeline.evaluation.tables import average
from tests.unit.pipeline.evaluation.cohorts import SETTINGS, make_cohort


@pytest.fixture(scope="module")
def results() -> Results:
    cohort = make_cohort(60, signal=1.0)
    clinical = cohort.clinical.copy()
    clinical[::4, 1] = np.nan
    splits = make_splits(cohort.mvi, repeats=3, seed=1, test_share=0.5, validation_share=0.1)
    return run_settings(replace(cohort, clinical=clinical), splits, [RADIOMICS, LOGISTIC], SETTINGS)


def test_probabilities_when_read_by_others_then_give_the_areas_of_the_report(results: Results) -> None:
    table = score_tables(results)["test_probabilities"]
    lines = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert table.header == ("split", "case", "mvi", "radiomics", "logistic")
    assert {line["case"] for line in lines} <= set(make_cohort(60).patients)
    for key in ("radiomics", "logistic"):
        areas = []
        for split in "123":
            tested = [line for line in lines if line["split"] == split and line[key]]
            areas.append(
                roc_auc_score([line["mvi"] == "1" for line in tested], [float(line[key]) for line in tested])
            )
        assert np.mean(areas) == pytest.approx(average(results.test[key])["auc"].mean, abs=1e-12)
    # Who lacks a clinical value is tested by radiomics alone, and his other cell is empty.
    assert sum(not line["logistic"] for line in lines) > 0
    assert all(line["radiomics"] for line in lines)


def test_thresholds_when_applied_then_give_the_accuracy_of_the_report(results: Results) -> None:
    tables = score_tables(results)
    thresholds = {row[:2]: float(row[2]) for row in tables["thresholds"].rows}
    header = tables["test_probabilities"].header
    right: dict[str, list[bool]] = {}
    for row in tables["test_probabilities"].rows:
        line = dict(zip(header, row, strict=True))
        positive = float(line["radiomics"]) > thresholds["radiomics", line["split"]]
        right.setdefault(line["split"], []).append(positive == (line["mvi"] == "1"))
    accuracy = np.mean([np.mean(each) for each in right.values()])
    assert accuracy == pytest.approx(average(results.test["radiomics"])["acc"].mean, abs=1e-12)
    assert "external_probabilities" not in tables


def test_probabilities_when_a_patient_was_seen_in_fitting_then_are_not_written(results: Results) -> None:
    honest = results.test["logistic"][0]
    (learnt, *_) = sorted(honest.seen.training)
    false = replace(honest, patients=(learnt, *honest.patients[1:]))
    with pytest.raises(EvaluationError, match="EV-SEEN"):
        score_tables(replace(results, test={"logistic": (false,)}))
