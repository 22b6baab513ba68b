"""Few patients make wide intervals, however well the splits agree."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.bootstrap import bootstrap_auc
from pipeline.evaluation.delong import compare, delong_covariance
from pipeline.evaluation.fitted import Seen
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.roc import roc_band
from pipeline.evaluation.sampling import area_bounds, share_bounds
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.sections.comparison import bootstrap
from pipeline.evaluation.sections.probabilities import confusion, decision_curve
from pipeline.evaluation.splits import Part
from pipeline.evaluation.tables import average
from tests.unit.pipeline.evaluation.cohorts import SETTINGS as QUICK
from tests.unit.pipeline.evaluation.cohorts import make_cohort


def perfect(split: int) -> Scored:
    """Six patients without an error, one half of each outcome."""
    mvi = np.array([True, True, True, False, False, False])
    names = tuple("abcdef")
    seen = Seen(frozenset("xy"), frozenset("z"))
    return Scored("proposed", split, Part.TEST, names, np.arange(6), mvi, mvi * 0.8 + 0.1, 0.5, False, "", seen)


PERFECT = [perfect(split) for split in range(20)]


@pytest.mark.parametrize(("hits", "patients"), [(0, 10), (3, 3), (47, 120), (1, 1)])
def test_share_when_compared_with_scipy_then_is_the_interval_of_wilson(hits: int, patients: int) -> None:
    truth = stats.binomtest(hits, patients).proportion_ci(method="wilson")
    assert share_bounds(hits / patients, patients) == pytest.approx((truth.low, truth.high), abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_when_none_or_all_then_it_lies_at_an_end_of_its_interval_whatever_the_rounding(share: float) -> None:
    ends = [share_bounds(share, tenths / 10) for tenths in range(1, 2000)]
    assert all(low <= share <= high for low, high in ends)


def test_area_of_one_case_each_then_says_next_to_nothing() -> None:
    # With m = n = 1 the variance is A(1 - A), and the interval is that of Wilson for one patient.
    assert area_bounds(1.0, 1, 1) == pytest.approx(share_bounds(1.0, 1), abs=1e-6)
    assert area_bounds(0.0, 1, 1) == pytest.approx(share_bounds(0.0, 1), abs=1e-6)


def test_area_interval_when_drawn_again_and_again_then_holds_the_truth_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(3), 0
    mvi = np.arange(40) < 15
    truth = float(stats.norm.cdf(1.6 / np.sqrt(2)))
    for _ in range(400):
        low, high = area_bounds(auc(mvi, random.standard_normal(40) + 1.6 * mvi), 15, 25)
        held += low <= truth <= high
    assert 0.91 <= held / 400 <= 0.99


def test_area_interval_is_mirrored_and_narrows() -> None:
    low, high = area_bounds(0.7, 8, 8)
    assert area_bounds(0.3, 8, 8) == pytest.approx((1 - high, 1 - low))
    assert area_bounds(0.7, 80, 80)[0] > low
    assert np.isnan(area_bounds(float("nan"), 8, 8)).all()


def test_tables_when_no_split_errs_then_say_how_few_the_patients_are() -> None:
    found = average(PERFECT)
    assert (found["sen"].mean, found["sen"].low) == pytest.approx((1.0, share_bounds(1.0, 3)[0]))
    assert found["acc"].low == pytest.approx(share_bounds(1.0, 6)[0])
    assert found["auc"].low == pytest.approx(area_bounds(1.0, 3, 3)[0])
    assert average(PERFECT[:1])["auc"].low == found["auc"].low


def test_curve_when_no_split_errs_then_is_as_wide() -> None:
    band = roc_band(PERFECT)
    assert band.low[50] == pytest.approx(share_bounds(1.0, 3)[0])
    assert band.low[-1] == 1.0
    assert band.area.low == pytest.approx(area_bounds(1.0, 3, 3)[0])


def test_bootstrap_when_no_split_errs_then_shows_its_own_percentiles_beside_the_score_interval() -> None:
    found = bootstrap_auc(PERFECT, 6, 200, 0)
    # No resample holds a patient who was ranked wrongly; the score interval tells what that is worth.
    assert (found.percentile.low, found.percentile.high) == (1.0, 1.0)
    assert found.score == pytest.approx(area_bounds(1.0, 3, 3))


def test_bootstrap_of_one_split_when_patients_are_many_then_has_the_error_of_delong() -> None:
    random = np.random.default_rng(5)
    mvi = np.arange(300) < 100
    probability = random.standard_normal(300) + 1.2 * mvi
    names = tuple(f"n{n}" for n in range(300))
    part = replace(PERFECT[0], patients=names, rows=np.arange(300), mvi=mvi, probability=probability)
    found = bootstrap_auc([part], 300, 2000, 0).percentile
    (area,), covariance = delong_covariance(mvi, probability[None])
    assert found.mean == pytest.approx(area)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.05)


def test_bootstrap_section_when_made_then_has_a_column_for_each_bound() -> None:
    results = Results({"proposed": (PERFECT[0],)}, {}, {}, {})
    cohort = make_cohort(6)
    section = bootstrap(results, cohort, replace(QUICK, bootstraps=50))
    assert section.table is not None
    assert len(section.table.header) == len(section.table.rows[0]) == 6
    low = area_bounds(1.0, 3, 3)[0]
    assert section.table.rows[0][1:] == ("1.000", "1.000", "1.000", f"{low:.3f}", "1.000")
    assert section.numbers["proposed"]["percentile_low"] == 1.0
    assert section.numbers["proposed"]["score_low"] == pytest.approx(low, abs=1e-6)


def test_comparison_when_neither_errs_then_has_no_interval_and_no_p() -> None:
    mvi = np.arange(6) < 3
    found = compare(mvi, mvi.astype(np.float64), mvi + np.arange(6, dtype=np.float64) / 10)
    assert found.difference == 0
    assert np.isnan([found.low, found.high, found.p]).all()


def test_confusion_when_a_split_calls_nobody_positive_then_says_of_how_many_it_is_the_mean() -> None:
    silent = replace(PERFECT[0], threshold=0.95)
    section = confusion(Results({"proposed": (silent, *PERFECT[1:])}, {}, {}, {}))
    assert "(in the 19 of 20 splits that called anybody so) have invasion" in section.text
    assert section.text.count("splits that called") == 1


def test_decision_curve_when_no_split_errs_then_wins_no_more_than_the_share_with_invasion() -> None:
    section = decision_curve(Results({"proposed": tuple(PERFECT)}, {}, {}, {}))
    assert max(point["high"] for point in section.numbers["net_benefit"]) == pytest.approx(0.5)
