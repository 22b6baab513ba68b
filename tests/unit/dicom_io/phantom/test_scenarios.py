"""Every scenario holds what it promises, by its plan and by its truth."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom_io.phantom.plan import SeriesKind, StudyPlan
from dicom_io.phantom.protocol import usual_plan
from dicom_io.phantom.scenario import CLASSIC, EVERY
from dicom_io.phantom.scenarios import SCENARIOS
from dicom_io.phantom_series import study_instance_uid, write_phantom_study
from pipeline.phantom import PhantomCase
from pipeline.study import Role

LACKING = {
    "missing-t2": Role.T2,
    "short-t2": Role.T2,
    "missing-dwi": Role.DWI,
    "low-b-only": Role.DWI,
    "no-weighting": Role.DWI,
    "missing-pre": Role.T1_PRE,
    "missing-arterial": Role.T1_ARTERIAL,
    "missing-portal": Role.T1_PORTAL,
    "missing-hepatobiliary": Role.T1_HEPATOBILIARY,
    "no-hepatobiliary": Role.T1_HEPATOBILIARY,
    "early-hepatobiliary": Role.T1_HEPATOBILIARY,
    "coronal-hepatobiliary": Role.T1_HEPATOBILIARY,
}
"""Scenarios in which nothing fills a role."""


A10 = {
    1: ("dynamic-series",),
    2: ("drifting-trigger",),
    3: ("dixon-hundreds",),
    4: ("standard", "twist"),
    5: ("dixon",),
    6: ("dynamic-series", "object-per-phase"),
    7: ("mdixon",),
    8: ("mdixon", "mdixon-r12"),
    9: ("vframe",),
    10: ("b-on-weighted-only",),
    11: ("triple-arterial",),
    12: ("repeat-arterial", "aborted-arterial"),
    13: ("two-portal", "repeat-portal"),
    14: ("no-hepatobiliary",),
    15: ("three-hepatobiliary",),
    16: ("diffusion-first", "diffusion-twice"),
    17: ("calculated-b",),
    18: ("derived",),
    19: ("gadobutrol",),
    20: ("no-agent",),
    21: ("gbk",),
    22: ("pre-post",),
    23: ("midnight", "midnight-undated"),
    24: ("gap", "gap-hepatobiliary"),
    25: ("other-frame-t2",),
    26: ("sent-twice", "coerced-study", "two-patients"),
    27: ("swapped-phases", "reversed-phases"),
    28: ("no-time",),
}
"""Scenarios for each case of the test matrix A10 of the reference on series matching."""

OWN_HABIT = {
    2: {"ge"}, 3: {"ge"}, 5: {"siemens", "siemens-xa"}, 7: {"philips"}, 8: {"philips-enhanced"},
    9: {"uih"}, 10: {"canon", "toshiba"},
}  # fmt: skip
"""Cases that are a habit of some vendors; 28 is none of Enhanced objects, whose frames say when they are of."""


def test_each_case_of_the_matrix_has_a_scenario_for_every_vendor_that_it_makes_sense_for() -> None:
    assert sorted(A10) == list(range(1, 29))
    for case, names in A10.items():
        vendors = {vendor for name in names for vendor in SCENARIOS[name].vendors}
        assert vendors >= OWN_HABIT.get(case, set(CLASSIC) if case == 28 else set(EVERY)), case


def plan_of(case: PhantomCase, scenario: str) -> StudyPlan:
    chosen = SCENARIOS[scenario]
    posed = chosen.pose(case)
    return chosen.edit(posed, usual_plan(posed))


def headers(out: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted((out / "dicom").rglob("*.dcm"))]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_fills_each_role_once_or_is_one_that_lacks_it(small_case: PhantomCase, scenario: str) -> None:
    plan = plan_of(small_case, scenario)
    parts = Counter(part.role for series in plan.series for part in series.parts if part.role is not None)
    split = {Role.T1_PORTAL: 2} if scenario == "split-series" else {}
    lacking = {LACKING[scenario]} if scenario in LACKING else set()
    assert parts == dict.fromkeys(set(Role) - lacking, 1) | split
    assert scenario not in LACKING or SCENARIOS[scenario].code is not None


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_gives_every_series_a_name_of_its_own_for_uids_and_folders(
    small_case: PhantomCase, scenario: str
) -> None:
    series = plan_of(small_case, scenario).series
    assert len({item.uid_parts for item in series}) == len(series)
    assert len({(item.number, item.key) for item in series}) == len(series)


def test_only_the_third_of_three_arterial_phases_is_late_and_fills_the_role(small_case: PhantomCase) -> None:
    phases = sorted(
        (part.at_s, part.role)
        for series in plan_of(small_case, "triple-arterial").series
        if series.kind is SeriesKind.T1_ARTERIAL
        for part in series.parts
    )
    assert [at_s for at_s, _ in phases] == [17.0, 25.0, 33.0]
    assert [role for _, role in phases] == [None, None, Role.T1_ARTERIAL]


def test_arterial_contrast_grows_through_a_time_resolved_series(small_case: PhantomCase) -> None:
    phases = sorted(
        (part.at_s, float(part.volume.array.max()))
        for series in plan_of(small_case, "twist").series
        if series.kind is SeriesKind.T1_ARTERIAL
        for part in series.parts
    )
    brightness = [brightest for _, brightest in phases]
    assert brightness == sorted(brightness)


def test_the_examination_over_midnight_has_two_dates_and_undated_has_none(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    write_phantom_study(small_case, tmp_path / "dated", scenario="midnight")
    dated = headers(tmp_path / "dated")
    assert len({ds.AcquisitionDate for ds in dated}) == 2
    instants = [datetime.strptime(ds.AcquisitionDate + ds.AcquisitionTime, "%Y%m%d%H%M%S") for ds in dated]  # noqa: DTZ007
    assert (max(instants) - min(instants)).total_seconds() == 420 + 1260
    write_phantom_study(small_case, tmp_path / "undated", scenario="midnight-undated")
    assert not any("AcquisitionDate" in ds for ds in headers(tmp_path / "undated"))


def test_no_time_leaves_one_instant_to_all_phases(small_case: PhantomCase, tmp_path: Path) -> None:
    write_phantom_study(small_case, tmp_path, vendor="siemens", scenario="no-time")
    phases = [ds for ds in headers(tmp_path) if ds.ScanningSequence == "GR"]
    assert len({(ds.SeriesTime, ds.AcquisitionTime, ds.ContentTime) for ds in phases}) == 1
    assert not any("TriggerTime" in ds for ds in phases)


def test_undeclared_gbk_stands_as_bytes_under_a_latin_declaration(small_case: PhantomCase, tmp_path: Path) -> None:
    write_phantom_study(small_case, tmp_path, vendor="siemens", scenario="gbk")
    names = {ds.SeriesDescription.encode("latin-1").decode("gbk") for ds in headers(tmp_path)}
    assert {"T1 动脉期 压脂", "T1 门静脉期 压脂", "T1 肝胆期 20分钟", "弥散 b0_800"} <= names


@pytest.mark.parametrize(
    ("scenario", "name"),
    [("japanese", "T1 動脈相 脂肪抑制"), ("korean", "T1 동맥기 지방억제"), ("chinese", "T1 动脉期 压脂")],
)
def test_declared_character_sets_are_read_by_another_library(
    small_case: PhantomCase, tmp_path: Path, scenario: str, name: str
) -> None:
    write_phantom_study(small_case, tmp_path, vendor="canon", scenario=scenario)
    assert name in {ds.SeriesDescription for ds in headers(tmp_path)}


def test_a_foreign_slice_has_another_study_and_takes_the_place_of_the_missing_one(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    truth: dict[str, Any] = write_phantom_study(small_case, tmp_path, scenario="foreign-slice")
    own = study_instance_uid(small_case.truth.seed, vendor="ge", scenario="foreign-slice")
    foreign = [ds for ds in headers(tmp_path) if ds.StudyInstanceUID != own]
    assert len(foreign) == 1
    portal = truth["roles"]["T1_PORTAL"]["sop_instance_uids"]
    assert len(portal) == 11
    assert foreign[0].SOPInstanceUID not in portal


def test_a_study_sent_twice_has_every_instance_twice_and_one_truth(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    truth: dict[str, Any] = write_phantom_study(small_case, tmp_path, scenario="sent-twice")
    counts = Counter(ds.SOPInstanceUID for ds in headers(tmp_path))
    assert set(counts.values()) == {2}
    assert all(uid in counts for role in truth["roles"].values() for uid in role["sop_instance_uids"])


def test_two_patients_share_a_study(small_case: PhantomCase, tmp_path: Path) -> None:
    write_phantom_study(small_case, tmp_path, scenario="two-patients")
    assert len({ds.PatientID for ds in headers(tmp_path)}) == 2
    assert len({ds.StudyInstanceUID for ds in headers(tmp_path)}) == 1


def test_frame_numbers_of_the_truth_point_at_the_frames_of_the_role(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    truth: dict[str, Any] = write_phantom_study(
        small_case, tmp_path, vendor="philips-enhanced", scenario="mdixon-r12"
    )
    by_uid = {ds.SOPInstanceUID: ds for ds in headers(tmp_path)}
    instants = set()
    for role in ("T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY"):
        (uid,) = truth["roles"][role]["sop_instance_uids"]
        frames = by_uid[uid].PerFrameFunctionalGroupsSequence
        chosen = [frames[number - 1] for number in truth["roles"][role]["frame_numbers"]]
        assert {frame.MRImageFrameTypeSequence[0].FrameType[3] for frame in chosen} == {"WATER"}
        heights = [float(frame.PlanePositionSequence[0].ImagePositionPatient[2]) for frame in chosen]
        assert heights == sorted(heights)
        instants.add(chosen[0].FrameContentSequence[0].FrameAcquisitionDateTime)
    assert len(instants) == 4
