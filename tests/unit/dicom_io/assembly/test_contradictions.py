"""Series that are right each by itself, and do not lie in one place, on one grid, or at one time."""

from typing import Any

import pytest

from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    CORONAL,
    DWI,
    GADOXETATE,
    SLICES,
    T1,
    T2,
    StudyWriter,
    chosen,
    standard,
)


def test_match_when_t2_lies_in_another_frame_of_reference_then_it_refuses(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T2",))
    writer.series("Ax T2 FS", T2, 500, FrameOfReferenceUID="1.2.3")
    assert match().code == "SM-FOR"


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "DIXON", "WATER"]}, "Dixon type (0008,0008), none and water."),
        ({"PixelSpacing": [1.5, 1.4]}, "pixel spacing, 1.5 x 1.5 and 1.5 x 1.4 mm"),
        ({"step_mm": 4.0}, "distance of slices, 5 and 4 mm ([geometry] thickness_tolerance = 0.1)"),
    ],
)
def test_match_when_two_phases_are_not_on_one_grid_then_what_differs_is_named_with_both_values(
    writer: StudyWriter, match: Match, elements: dict[str, Any], said: str
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, **GADOXETATE, **elements)
    result = match()
    assert result.code == "SM-GEOM"
    assert said in result.message
    assert "portal venous phase (series 6): " in result.message
    assert ("Dixon" in result.message) is ("Dixon" in said)


@pytest.mark.parametrize("uid", ["1.2.3", ""], ids=["another", "none"])
def test_match_when_a_phase_lies_in_another_frame_of_reference_then_both_are_named(
    writer: StudyWriter, match: Match, uid: str
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, FrameOfReferenceUID=uid)
    result = match()
    assert result.code == "SM-FOR"
    assert f"{writer.frame_of_reference_uid} and {uid or 'none'}" in result.message
    assert "portal venous phase (series 6)" in result.message


def test_match_when_nothing_names_a_frame_of_reference_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    writer.frame_of_reference_uid = ""
    standard(writer)
    result = match()
    assert result.code == "SM-FOR"
    assert "names no frame of reference (0020,0052)" in result.message


def test_match_when_t2_covers_half_of_the_liver_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    writer.series("Ax T2 FS", T2, 500, step_mm=2.0)
    assert match().code == "SM-GEOM"


@pytest.mark.parametrize(("role", "b_value"), [("T2", {}), ("DWI", {"DiffusionBValue": 800})])
@pytest.mark.parametrize(
    ("hours", "code"), [(-24 * 365, "SM-GAP"), (-20, "SM-GAP"), (30, "SM-GAP"), (-11, None), (4, None)]
)
def test_match_when_t2_or_diffusion_is_of_another_date_then_it_refuses_and_names_it(
    writer: StudyWriter, match: Match, role: str, b_value: dict[str, Any], hours: float, code: str | None
) -> None:
    # Acquired at 10 o'clock: 11 hours before is the evening of the day before.
    standard(writer, without=(role,))
    description, physics = ("Ax T2 FS", T2) if role == "T2" else ("Ax DWI", DWI)
    writer.series(description, physics, 500 + hours * 3600, **b_value)
    result = match()
    assert result.code == code
    if code is not None:
        assert "series 6 was acquired on another date" in result.message and "examination_s" in result.message
        assert role not in {chosen.value for chosen in result.roles}


def test_match_when_a_second_t2_is_of_another_date_then_that_of_the_examination_is_taken(
    writer: StudyWriter, match: Match
) -> None:
    expected = standard(writer)
    writer.series("Ax T2 FS prior", T2, 500 - 86_400 * 90)
    result = match()
    assert (result.code, chosen(result)) == (None, expected)


def test_match_when_only_some_times_have_a_date_then_it_tells_nothing(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    writer.series("Ax T2 FS", T2, 500, StudyDate="", AcquisitionDate="", ContentDate="")
    assert match().code is None


@pytest.mark.parametrize("k", [0, 4, SLICES - 1])
def test_match_when_one_slice_of_a_phase_lies_in_another_plane_then_the_phase_is_incomplete(
    writer: StudyWriter, match: Match, k: int
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series(
        "Ax T1 arterial",
        T1,
        125,
        frame=lambda _phase, number: {"ImageOrientationPatient": CORONAL} if number == k else {},
        **GADOXETATE,
    )
    result = match()
    assert result.code == "SM-INCOMPLETE"
    assert "1 image of its series lies in another plane" in result.message


def test_match_when_portal_comes_five_minutes_late_then_the_gap_is_named(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 125 + 95, ContrastBolusAgent="Primovist")
    assert match().code == "SM-GAP"


@pytest.mark.parametrize(
    ("role", "description", "time_s"), [("T1_PRE", "Ax T1 pre", 0), ("T1_HEPATOBILIARY", "Ax T1 HBP 20 min", 1300)]
)
def test_match_when_a_phase_is_of_the_day_before_then_it_is_not_taken_for_one_around_midnight(
    writer: StudyWriter, match: Match, role: str, description: str, time_s: float
) -> None:
    standard(writer, without=(role,))
    writer.series(description, T1, time_s - 86_400)
    assert match().code in ("SM-GAP", "SM-ORDER", "SM-NOHBP")


@pytest.mark.parametrize(
    ("role", "name", "time_s"),
    [
        ("T1_PORTAL", "Ax T1 portal", 165),
        ("T1_HEPATOBILIARY", "Ax T1 HBP 20 min", 1300),
        ("T1_PRE", "Ax T1 pre", 0),
    ],
)
@pytest.mark.parametrize("days", [-2, 1])
def test_match_when_one_phase_is_of_another_date_then_it_is_named(
    writer: StudyWriter, match: Match, role: str, name: str, time_s: float, days: int
) -> None:
    standard(writer, without=(role,))
    writer.series(name, T1, time_s + days * 86400.0, **GADOXETATE)
    result = match()
    assert result.code == "SM-GAP"
    assert f"Series 6 ({name}) was acquired on another date than the other T1 phases" in result.message
    assert "[time] examination_s = 43200" in result.message


def test_match_when_a_further_series_is_of_another_date_then_the_study_is_accepted(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    writer.series("Ax T1 delay", T1, -2 * 86400.0)
    assert match().code is None


def test_match_when_a_phase_is_missing_and_another_series_is_of_another_date_then_it_is_missing(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 arterial", T1, -2 * 86400.0)
    assert match().code == "SM-MISSING-T1_PORTAL"
