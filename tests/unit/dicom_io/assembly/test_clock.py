"""Which time is trusted, and what is done where none can be."""

from datetime import datetime
from typing import Any

import pytest

from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DWI,
    GADOXETATE,
    T1,
    T2,
    StudyWriter,
    chosen,
    standard,
)


@pytest.mark.parametrize("dated", [True, False])
def test_match_when_the_study_runs_over_midnight_then_the_order_holds(
    writer: StudyWriter, match: Match, dated: bool
) -> None:
    writer.start = datetime(2024, 3, 5, 23, 58, 30)  # noqa: DTZ001 - DICOM times are local
    elements: dict[str, Any] = {} if dated else {"AcquisitionDate": "", "ContentDate": ""}
    expected = {}
    expected["T1_PRE"] = writer.series("Ax T1 pre", T1, 0, **elements)
    expected["T1_ARTERIAL"] = writer.series("Ax T1 arterial", T1, 85, **elements)
    expected["T1_PORTAL"] = writer.series("Ax T1 portal", T1, 125, **elements)
    expected["T1_HEPATOBILIARY"] = writer.series("Ax T1 HBP", T1, 1260, **elements)
    expected["T2"] = writer.series("Ax T2", T2, 400, **elements)
    expected["DWI"] = writer.series("Ax DWI", DWI, 600, DiffusionBValue=800, **elements)
    result = match()
    assert result.code is None
    assert chosen(result) == expected


@pytest.mark.parametrize("time_s", [0, None], ids=["one time for all", "no time"])
def test_match_when_no_clock_separates_the_phases_then_it_refuses(
    writer: StudyWriter, match: Match, time_s: float | None
) -> None:
    for text in ("pre", "arterial", "portal", "HBP"):
        writer.series(f"Ax T1 {text}", T1, time_s, SeriesTime="100000")
    writer.series("Ax T2 FS", T2, 500)
    writer.series("Ax DWI", DWI, 700, DiffusionBValue=800)
    result = match()
    assert (result.code, result.clock_source, result.t0) == ("SM-NOTIME", None, "unknown")


def test_match_when_the_content_time_is_a_reconstruction_time_then_the_acquisition_time_rules(
    writer: StudyWriter, match: Match
) -> None:
    expected = standard(writer, without=("T1_PRE",))
    expected["T1_PRE"] = writer.series("Ax T1 pre", T1, 0, ContentTime="110000")
    assert chosen(match()) == expected


def test_match_when_the_injection_is_recorded_then_t0_is_measured(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 125, ContrastBolusStartTime="100140", **GADOXETATE)
    result = match()
    assert (result.code, result.t0) == (None, "measured")
    shown = next(item.value for item in result.roles[Role.T1_ARTERIAL].evidence if item.family == "time")
    assert shown.startswith("+25 s")


def test_match_when_the_injector_clock_is_wrong_then_t0_is_estimated(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 125, ContrastBolusStartTime="093000", **GADOXETATE)
    assert match().t0 == "estimated"
