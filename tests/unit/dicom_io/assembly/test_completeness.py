"""A role counts as filled when all its images are here, and not before."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from config.series_rules import load_series_rules
from dicom_io.assembly import role_status, scan_folder
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DWI,
    DYNAMIC,
    GADOXETATE,
    SLICES,
    T1,
    T2,
    StudyWriter,
    standard,
)

_NAMES = {
    "T1_PRE": "pre",
    "T1_ARTERIAL": "arterial",
    "T1_PORTAL": "portal",
    "T1_HEPATOBILIARY": "HBP 20 min",
}


@pytest.mark.parametrize("role", ["T2", "T1_PORTAL"])
def test_match_when_a_slice_is_missing_then_it_refuses(writer: StudyWriter, match: Match, role: str) -> None:
    standard(writer, without=(role,))
    slices = [k for k in range(SLICES) if k != 6]
    if role == "T2":
        writer.series("Ax T2 FS", T2, 500, slices=slices)
    else:
        writer.series("Ax T1 portal", T1, 165, slices=slices, **GADOXETATE)
    assert match().code == "SM-INCOMPLETE"


@pytest.mark.parametrize("role", DYNAMIC)
def test_match_when_a_slice_of_a_phase_is_of_another_moment_then_it_is_named(
    writer: StudyWriter, match: Match, role: str
) -> None:
    start_s = dict(zip(DYNAMIC, (0, 125, 165, 1300), strict=True))[role]

    def frame(_phase: int, k: int) -> dict[str, str]:
        return writer.times(start_s + (40 if k == 3 else 0.3 * k))

    standard(writer, without=(role,))
    writer.series(f"Ax T1 {_NAMES[role]}", T1, start_s, frame=frame, **(GADOXETATE if start_s else {}))
    result = match()
    assert result.code == "SM-INCOMPLETE"
    assert "1 of its 9 slices (image 4)" in result.message


def test_match_when_the_slices_of_a_phase_drift_then_it_is_whole(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 portal", T1, 165, frame=lambda _, k: writer.times(165 + 2 * k), **GADOXETATE)
    assert match().code is None


@pytest.mark.parametrize("role", ["T2", "DWI"])
def test_match_when_2d_images_have_several_breath_holds_then_they_are_whole(
    writer: StudyWriter, match: Match, role: str
) -> None:
    standard(writer, without=(role,))
    physics = {"T2": T2, "DWI": {**DWI, "DiffusionBValue": 800}}[role]
    writer.series(f"Ax {role} FS", physics, 500, frame=lambda _, k: writer.times(500 + 40 * (k % 2)))
    assert match().code is None


@pytest.mark.parametrize("elements", [{"PixelData": b"\0" * 100}, {"Rows": None}], ids=["few bytes", "no rows"])
@pytest.mark.parametrize("role", ["T2", "T1_PORTAL"])
def test_match_when_the_pixels_of_a_slice_are_not_all_there_then_the_role_is_incomplete(
    writer: StudyWriter, match: Match, role: str, elements: dict[str, Any]
) -> None:
    def damage(ds: Dataset, _phase: int, k: int) -> None:
        if k == 4:
            for keyword, value in elements.items():
                setattr(ds, keyword, value)

    standard(writer, without=(role,))
    if role == "T2":
        writer.series("Ax T2 FS", T2, 500, edit=damage)
    else:
        writer.series("Ax T1 portal", T1, 165, edit=damage, **GADOXETATE)
    assert match().code == "SM-INCOMPLETE"


@pytest.mark.parametrize("kept", [range(14, 40), range(28)], ids=["head lost", "tail lost"])
@pytest.mark.parametrize("role", DYNAMIC)
def test_match_when_a_phase_lost_its_end_then_it_is_incomplete_and_not_filled(
    writer: StudyWriter, tmp_path: Path, match: Match, role: str, kept: range
) -> None:
    for name, time_s in zip(DYNAMIC, (0, 125, 165, 1300), strict=True):
        slices = kept if name == role else range(40)
        writer.series(f"Ax T1 {name[3:].lower()}", T1, time_s, slices=slices, **(GADOXETATE if time_s else {}))
    writer.series("Ax T2 FS", T2, 500, slices=range(40))
    writer.series("Ax DWI", DWI, 700, slices=range(40), DiffusionBValue=800)
    assert match().code == "SM-INCOMPLETE"
    expected = {other: "empty" if other == role else "filled" for other in Role}
    assert role_status(scan_folder(tmp_path), load_series_rules()) == expected


@pytest.mark.parametrize(
    ("role", "series"),
    [
        ("T2", ("Ax T2 FS", T2, 500)),
        ("DWI", ("Ax DWI", {**DWI, "DiffusionBValue": 800}, 700)),
        ("T1_HEPATOBILIARY", ("Ax T1 HBP 20 min", {**T1, **GADOXETATE}, 1300)),
    ],
)
@pytest.mark.parametrize(("kept", "code"), [(SLICES, None), (SLICES - 1, "SM-INCOMPLETE")])
def test_match_when_fewer_images_are_here_than_announced_then_the_role_is_not_filled(
    writer: StudyWriter,
    tmp_path: Path,
    match: Match,
    role: str,
    series: tuple[str, dict[str, Any], float],
    kept: int,
    code: str | None,
) -> None:
    standard(writer, without=(role,))
    writer.series(*series, slices=range(kept), ImagesInAcquisition=SLICES)
    assert match().code == code
    status = role_status(scan_folder(tmp_path), load_series_rules())[Role(role)]
    assert status == ("filled" if code is None else "empty")


@pytest.mark.parametrize("announced", [SLICES, 2 * SLICES, SLICES - 3], ids=["one", "all", "before interpolation"])
def test_match_when_the_announced_images_are_of_one_or_of_all_b_values_then_a_whole_series_passes(
    writer: StudyWriter, match: Match, announced: int
) -> None:
    standard(writer, without=("DWI",))
    phases = [{"DiffusionBValue": 0}, {"DiffusionBValue": 800}]
    writer.series("Ax DWI", DWI, 700, phases=phases, ImagesInAcquisition=announced)
    assert match().code is None


@pytest.mark.parametrize("announced", [SLICES, 2 * SLICES], ids=["one", "all"])
def test_match_when_one_of_two_b_values_is_cut_then_its_announced_images_tell(
    writer: StudyWriter, match: Match, announced: int
) -> None:
    standard(writer, without=("DWI",))

    def cut(ds: Dataset, phase: int, k: int) -> None:
        ds.DiffusionBValue = 800 if phase else 0
        if phase and k == SLICES - 1:
            ds.SeriesInstanceUID = "1.2.3"

    writer.series("Ax DWI", DWI, 700, phases=[{}, {}], edit=cut, ImagesInAcquisition=announced)
    assert match().code == "SM-INCOMPLETE"


def test_match_when_one_acquisition_lies_in_a_series_for_each_dixon_image_then_it_is_whole(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    for text, time_s in {"pre": 0, "art": 125, "pv": 165, "hbp": 1300}.items():
        for word in ("WATER", "FAT", "InPhase", "OutPhase"):
            writer.series(f"{word}: Ax LAVA-Flex {text}", T1, time_s, ImagesInAcquisition=4 * SLICES)
    assert match().code is None


def test_role_status_when_the_study_arrives_then_roles_fill_one_by_one(
    writer: StudyWriter, tmp_path: Path
) -> None:
    rules = load_series_rules()
    writer.series("Ax T2 FS", T2, 0)
    scan = scan_folder(tmp_path)
    assert role_status(scan, rules) == {role: "filled" if role is Role.T2 else "empty" for role in Role}
    standard(writer, without=("T2",))
    assert set(role_status(scan_folder(tmp_path), rules).values()) == {"filled"}
    writer.series("Ax T2 FS other", T2, 900)
    assert role_status(scan_folder(tmp_path), rules)[Role.T2] == "ambiguous"
