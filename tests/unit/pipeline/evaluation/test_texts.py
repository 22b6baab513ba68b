"""What the report says beside its figures is what was done."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from pipeline.evaluation.first_page import procedure
from pipeline.evaluation.fitted import Seen
from pipeline.evaluation.intervals import Interval
from pipeline.evaluation.resampling import LearningPoint, Permutation
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.section import Section
from pipeline.evaluation.sections import resampled
from pipeline.evaluation.sections.calibration_curve import calibration
from pipeline.evaluation.sections.clinical_table import table_s1
from pipeline.evaluation.sections.paper_table import paper
from pipeline.evaluation.sections.probabilities import decision_curve
from pipeline.evaluation.splits import Part
from tests.unit.pipeline.evaluation.cohorts import SETTINGS, make_cohort

COHORT = make_cohort(60)


def part(split: int, *, calibrated: bool = False, signal: float = 0.4) -> Scored:
    """Thirty patients with probabilities that tell something of the outcome."""
    rows = np.arange(split % 2, 60, 2)
    mvi = COHORT.mvi[rows]
    probability = expit(np.random.default_rng(split).standard_normal(30) + signal * (2 * mvi - 1))
    names = tuple(COHORT.patients[row] for row in rows)
    seen = Seen(frozenset({"x", "y"}), frozenset({"z"}))
    return Scored("proposed", split, Part.TEST, names, rows, mvi, probability, 0.5, calibrated, "", seen)


def of(*parts: Scored) -> Results:
    return Results({"proposed": parts}, {"proposed": parts}, {}, {})


def test_first_page_when_no_split_could_calibrate_then_does_not_say_that_it_did() -> None:
    loose = procedure(of(part(0), part(1)))
    assert "hyper-parameter and threshold were chosen on the second" in loose
    assert "In 2 of 2 splits the validation part could not calibrate" in loose
    some = procedure(of(part(0), part(1, calibrated=True)))
    assert "threshold and calibration were chosen on the second" in some
    assert "In 1 of 2 splits" in some
    assert "could not calibrate" not in procedure(of(part(0, calibrated=True)))


@pytest.mark.parametrize("section", [calibration, decision_curve])
def test_calibration_and_decision_curve_say_whether_the_probabilities_are_calibrated(section) -> None:  # type: ignore[no-untyped-def]  # both take results
    assert "The probabilities are NOT calibrated. In 2 of 2 splits" in section(of(part(0), part(1))).text
    assert "are calibrated by the validation part" in section(of(part(0, calibrated=True))).text
    assert "in part of the splits only" in section(of(part(0, calibrated=True), part(1))).text


def test_calibration_when_a_split_has_no_slope_then_it_is_counted() -> None:
    parts = [part(n) for n in range(19)]
    parted = replace(parts[1], split=19, probability=np.where(parts[1].mvi, 0.9, 0.1))
    section = calibration(of(*parts, parted))
    assert section.numbers["slope"]["values"] == 19
    assert "in 19 of 20 splits, where 1 is right" in section.text
    assert "The slope leaves 1 of 20 splits out" in section.text
    assert "splits out" not in calibration(of(*parts)).text


def test_calibration_when_the_interval_is_hopeless_then_the_slope_is_not_defined() -> None:
    up, down = part(0, signal=3.0), part(1)
    down = replace(down, probability=1 - part(1, signal=3.0).probability)
    section = calibration(of(up, down))
    assert "Slope not defined (fitted in 0 of 2 splits" in section.text
    assert "The slope leaves" not in section.text
    assert section.numbers["slope"]["mean"] is None


def require_room(section: Section) -> None:
    """Check that a legend leaves the panel its room: too wide a one takes all of it."""
    assert section.figure is not None
    section.figure.draw_without_rendering()
    for axes in section.figure.axes:
        assert axes.get_position().width > 0.6
        legend = axes.get_legend()
        assert legend is not None
        assert legend.get_window_extent().x1 <= section.figure.bbox.x1


def test_figures_when_drawn_then_their_legends_leave_them_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampled, "permutation_test", lambda *_: shuffles([0.4, 0.6] * 50))
    monkeypatch.setattr(resampled, "learning_curve", lambda *_: (LearningPoint(24.0, Interval(0.7, 0.5, 0.9, 4)),))
    results = of(part(0), part(1))
    for section in (
        calibration(results),
        decision_curve(results),
        resampled.permutation(COHORT, SETTINGS, None, is_shuffled=True),
        resampled.learning(COHORT, (), SETTINGS, None),
    ):
        require_room(section)


def test_caption_of_table_s1_names_the_kind_of_chi_squared() -> None:
    assert "chi-squared without continuity correction" in table_s1(COHORT, (), SETTINGS).text


def shuffles(values: list[float], area: float = 0.8) -> Permutation:
    return Permutation(area, np.array(values), 0.01, 2)


def said(found: Permutation, monkeypatch: pytest.MonkeyPatch, *, is_shuffled: bool = False) -> str:
    monkeypatch.setattr(resampled, "permutation_test", lambda *_: found)
    return resampled.permutation(COHORT, SETTINGS, None, is_shuffled=is_shuffled).text


def test_permutation_when_shuffles_are_few_then_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(shuffles([0.3, 0.35, 0.35]), monkeypatch)
    assert "mean area of 0.333; so few shuffles do not tell" in text
    assert "leakage before" not in text


def test_permutation_when_the_mean_is_about_half_or_far_above_then_says_so_with_its_standard_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fair = said(shuffles([0.4, 0.6] * 50), monkeypatch)
    assert "mean area of 0.500 (standard error 0.010)" in fair
    assert "look for leakage" not in fair
    assert "look for leakage" in said(shuffles([0.5, 0.7] * 50), monkeypatch)
    low = said(shuffles([0.3, 0.5] * 50), monkeypatch)
    assert "which is no leakage" in low and "look for leakage" not in low


def test_permutation_when_read_beside_table_1_then_says_why_it_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(shuffles([0.4, 0.6] * 50), monkeypatch)
    assert "2 splits each, with the first candidate of the hyper-parameter (10 passes)" in text
    assert "not with table 1" in text
    assert "The true outcomes gave 0.800" in text


def test_permutation_when_the_outcomes_of_the_report_are_shuffled_then_calls_none_of_them_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = said(shuffles([0.4, 0.6] * 50, 0.5), monkeypatch, is_shuffled=True)
    assert "true" not in text
    assert "which were shuffled themselves, gave 0.500" in text


def test_learning_curve_names_its_bars_and_what_its_right_end_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    point = LearningPoint(24.0, Interval(0.7, 0.5, 0.9, 4))
    monkeypatch.setattr(resampled, "learning_curve", lambda *_: (point,))
    section = resampled.learning(COHORT, (), SETTINGS, None)
    assert "Bars: 95 % interval" in section.text
    assert "first candidate" in section.text and "not the figure of table 1" in section.text
    assert section.figure is not None
    legend = section.figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][-1] == "mean of the splits, 95 % interval"


def test_paper_when_its_tables_contradict_each_other_then_only_that_row_says_so() -> None:
    absent = dict.fromkeys(("manual", "manual_radiomics", "radiomics", "clinical"), "EV-NONE: not extracted")
    roles = {f"sequence_{role}": (part(0),) for role in ("DWI", "T1_PRE", "T1_ARTERIAL", "T1_PORTAL")}
    roles |= {f"sequence_{role}": (part(0),) for role in ("T1_HEPATOBILIARY", "T2")} | {"proposed": (part(0),)}
    others = ("logistic", "boosting", "nebbia", "nebbia_automatic")
    section = paper(Results(roles, roles, {}, absent | dict.fromkeys(others, "EV-NONE: no")), COHORT)
    assert section.table is not None
    header, rows = section.table.header, section.table.rows
    assert header[2:10] == tuple(f"{f} {w}" for f in ("ACC", "AUC", "SEN", "SPE") for w in ("here", "paper"))
    assert [row[1] for row in rows] == ["validation"] * 7 + ["test"] * 12
    (swapped,) = (row for row in rows if any("table 2" in cell for cell in row))
    assert swapped[0].startswith("All sequences") and swapped[1] == "test"
    assert swapped[7] == "0.900 ± 0.138 (table 2: 0.536 ± 0.091)"
    assert swapped[9] == "0.536 ± 0.091 (table 2: 0.900 ± 0.138)"
    by_hand = next(row for row in rows if row[0] == "Radiomics + clinical, manual")
    assert (by_hand[6], by_hand[7], by_hand[9]) == ("not available", "0.828 ± 0.091", "0.621 ± 0.222")
    assert rows[-1][-1] == "0.762"
    assert all(len(row) == len(header) for row in rows)
