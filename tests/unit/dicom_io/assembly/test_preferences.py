"""Which of several good series is taken."""

from pathlib import Path
from typing import Any

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    CORONAL,
    GADOXETATE,
    SLICES,
    T1,
    StudyWriter,
    chosen,
    codes,
    standard,
)


@pytest.mark.parametrize(("pick", "index"), [("late", 2), ("early", 0)])
def test_match_when_arterial_is_triple_then_the_rules_pick(
    writer: StudyWriter, tmp_path: Path, pick: str, index: int
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    arterial = [writer.series(f"Ax T1 art {n} TTC", T1, 125 + 8 * n) for n in range(3)]
    rules = load_series_rules()
    rules = rules.model_copy(update={"time": rules.time.model_copy(update={"arterial_pick": pick})})
    (result,) = match_studies(scan_folder(tmp_path), rules)
    assert result.code is None
    assert chosen(result)["T1_ARTERIAL"] == arterial[index]


def test_match_when_the_later_of_two_arterial_repeats_is_incomplete_then_the_complete_one_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    complete = writer.series("Ax T1 arterial", T1, 120)
    writer.series("Ax T1 arterial", T1, 135, slices=[k for k in range(SLICES) if k != 5])
    result = match()
    assert result.code is None
    assert chosen(result)["T1_ARTERIAL"] == complete


def test_match_when_arterial_is_repeated_then_the_later_is_taken(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 120)
    later = writer.series("Ax T1 arterial", T1, 135)
    assert chosen(match())["T1_ARTERIAL"] == later


@pytest.mark.parametrize("suffix", ["", " 同相位", " en phase", " Fett", "_IN_ND"])
@pytest.mark.parametrize(
    ("role", "description", "time_s", "agent"),
    [
        ("T1_PRE", "Ax T1 pre", 0, {}),
        ("T1_ARTERIAL", "Ax T1 arterial", 125, GADOXETATE),
        ("T1_HEPATOBILIARY", "Ax T1 HBP 20 min", 1300, GADOXETATE),
    ],
)
def test_match_when_one_acquisition_has_two_images_then_none_is_taken(
    writer: StudyWriter,
    match: Match,
    role: str,
    description: str,
    time_s: float,
    agent: dict[str, Any],
    suffix: str,
) -> None:
    standard(writer)
    writer.series(description + suffix, T1, time_s, SpecificCharacterSet="ISO_IR 192", **agent)
    assert match().code == f"SM-AMBIG-{role}"


def test_match_when_hepatobiliary_is_repeated_then_the_nearest_to_20_min_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    writer.series("Ax T1 HBP 10 min", T1, 100 + 610)
    writer.series("Ax T1 HBP 15 min", T1, 100 + 900)
    coronal = writer.series("Cor T1 HBP 20 min", T1, 1310, orientation=CORONAL)
    result = match()
    assert result.code is None
    assert result.roles[Role.T1_HEPATOBILIARY].series_description == "Ax T1 HBP 20 min"
    assert codes(result)[coronal] == {"ORIENTATION"}


def test_match_when_a_repeat_lost_by_preference_then_the_preference_is_named(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    writer.series("Ax T1 HBP 15 min", T1, 1000)
    rival = match().roles[Role.T1_HEPATOBILIARY].runner_up
    assert rival is not None
    assert "time.hepatobiliary_target_s" in rival.because
