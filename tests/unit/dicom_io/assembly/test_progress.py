from datetime import date
from pathlib import Path

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import StudyProgress, scan_folder, study_progress
from pipeline.study import Role
from tests.unit.dicom_io.assembly.header_studies import GADOXETATE, START, T1, StudyWriter, standard

TARGET_S = 1200.0
DELAY_S = 25.0
"""Of the first arterial image after the injection, in the rules in force."""


def progress(folder: Path) -> StudyProgress:
    return study_progress(scan_folder(folder), load_series_rules())


@pytest.mark.parametrize(
    ("without", "latest_s"),
    [
        (("T1_HEPATOBILIARY", "T2", "DWI"), 165),
        (("T1_HEPATOBILIARY", "DWI"), 500),
        (("T1_HEPATOBILIARY",), 700),
    ],
)
def test_progress_when_the_hepatobiliary_phase_is_to_come_then_says_when_by_the_clock_of_the_scanner(
    writer: StudyWriter, tmp_path: Path, without: tuple[str, ...], latest_s: float
) -> None:
    standard(writer, without=without)
    found = progress(tmp_path)
    # The injection is not recorded: the arterial phase, at 125 s, tells of it.
    assert found.hepatobiliary_due_s == pytest.approx(TARGET_S - (latest_s - (125 - DELAY_S)))
    assert found.acquired_on == START.date() == date(2024, 3, 5)
    assert Role.T1_HEPATOBILIARY in found.open_roles


def test_progress_when_all_is_here_then_nothing_is_due(writer: StudyWriter, tmp_path: Path) -> None:
    standard(writer)
    found = progress(tmp_path)
    assert (found.open_roles, found.hepatobiliary_due_s) == ((), 0.0)


def test_progress_when_twenty_minutes_have_passed_without_it_then_it_is_not_due_any_more(
    writer: StudyWriter, tmp_path: Path
) -> None:
    standard(writer, without=("T1_HEPATOBILIARY",))
    writer.series("Cor T1", {**T1, "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, 1400, **GADOXETATE)
    assert progress(tmp_path).hepatobiliary_due_s == 0.0


def test_progress_when_no_contrast_was_given_yet_then_the_whole_time_is_to_come(
    writer: StudyWriter, tmp_path: Path
) -> None:
    standard(writer, without=("T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY", "DWI"))
    assert progress(tmp_path).hepatobiliary_due_s == pytest.approx(TARGET_S)


def test_progress_when_the_headers_give_no_time_then_no_day(writer: StudyWriter, tmp_path: Path) -> None:
    writer.series("Ax T1 pre", T1, None)
    assert progress(tmp_path).acquired_on is None
