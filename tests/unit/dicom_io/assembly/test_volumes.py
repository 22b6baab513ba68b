from dataclasses import replace
from datetime import date, time
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from dicom_io.assembly import assemble, frame_pixels, match_studies, scan_folder
from dicom_io.assembly.match_result import MatchResult, RoleMatch
from dicom_io.assembly.volumes import assemble_role
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import DYNAMIC, MATRIX, SLICES, T1, StudyWriter, standard

ANGLE = np.deg2rad(15)
OBLIQUE = [np.cos(ANGLE), 0.0, -np.sin(ANGLE), 0.0, 1.0, 0.0]


def role_of(match: MatchResult, role: Role = Role.T1_PRE) -> RoleMatch:
    return match.roles[role]


def with_pre(writer: StudyWriter, match: Match, **elements: object) -> RoleMatch:
    """Write a standard study whose T1 before contrast is made with `elements`, and match it."""
    writer.all_alike = True
    standard(writer, without=("T1_PRE",))
    writer.series("Ax T1 pre", T1, 0, **elements)  # type: ignore[arg-type]  # DICOM elements of any type
    result = match()
    assert result.code is None
    return role_of(result)


def change(chosen: RoleMatch, index: int, **elements: object) -> None:
    path = chosen.instances[index].path
    ds = dcmread(path)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.save_as(path)


def test_assemble_when_accepted_then_six_volumes_lie_where_the_headers_say(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    study = assemble(match(), clinical={})
    assert study.field_strength_t == 3.0
    assert study.contrast_agents == ("gadoxetate",)
    grid = study.volumes[Role.T1_PRE].grid
    assert grid.shape == (SLICES, MATRIX, MATRIX)
    np.testing.assert_allclose(grid.spacing_xyz_mm, [1.5, 1.5, 5.0])
    np.testing.assert_allclose(grid.direction, np.eye(3))
    np.testing.assert_allclose(grid.origin_lps_mm, [0, 0, 0])


def test_assemble_when_no_header_names_an_agent_then_the_study_names_none(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=DYNAMIC)
    for text, time_s in {"pre": 0, "arterial": 125, "portal": 165, "HBP": 1300}.items():
        writer.series(f"Ax T1 {text}", T1, time_s)
    assert assemble(match(), clinical={}).contrast_agents == ()


@pytest.mark.parametrize(
    ("elements", "examined_on"),
    [
        ({}, date(2024, 3, 5)),
        ({"AcquisitionDate": "20240306"}, date(2024, 3, 6)),
        ({"AcquisitionDate": "", "AcquisitionDateTime": "20240307101500+0100"}, date(2024, 3, 7)),
        ({"AcquisitionDate": "20240231", "StudyDate": "20240304"}, date(2024, 3, 4)),
        ({"AcquisitionDate": "", "StudyDate": ""}, None),
    ],
)
def test_assemble_when_the_hepatobiliary_phase_is_dated_then_the_study_was_examined_on_that_day(
    writer: StudyWriter, match: Match, elements: dict[str, str], examined_on: date | None
) -> None:
    standard(writer)
    found = match()
    for index in range(SLICES):
        change(role_of(found, Role.T1_HEPATOBILIARY), index, **elements)
    assert assemble(found, clinical={}).examined_on == examined_on


@pytest.mark.parametrize(
    ("role", "elements", "began"),
    [
        (Role.T1_HEPATOBILIARY, {"AcquisitionTime": "083000.25"}, time(8, 30)),
        (Role.T2, {"AcquisitionTime": "0715"}, time(7, 15)),
        (Role.T2, {"AcquisitionTime": "0715", "SeriesTime": "071000"}, time(7, 10)),
        (Role.T2, {"AcquisitionDateTime": "20240305070530.5+0100"}, time(7, 5, 30)),
        (Role.T2, {"AcquisitionTime": "2359", "AcquisitionDate": "20240304"}, time(0, 0)),
        (Role.T2, {"AcquisitionTime": "0001", "AcquisitionDate": "20240306"}, time(9, 0)),
    ],
)
def test_assemble_when_roles_tell_their_time_then_the_study_began_with_the_first(
    writer: StudyWriter, match: Match, role: Role, elements: dict[str, str], began: time
) -> None:
    standard(writer)
    found = match()
    for other in Role:
        for index in range(SLICES):
            change(role_of(found, other), index, SeriesTime="", StudyTime="", AcquisitionTime="090000")
    for index in range(SLICES):
        change(role_of(found, role), index, **elements)
    assert assemble(found, clinical={}).began_at == began


def test_assemble_when_oblique_then_every_slice_lies_at_its_position(writer: StudyWriter, match: Match) -> None:
    chosen = with_pre(writer, match, orientation=OBLIQUE)
    grid = assemble_role(chosen).volume.grid
    for k, instance in enumerate(chosen.instances):
        position = [float(value) for value in dcmread(instance.path).ImagePositionPatient]
        np.testing.assert_allclose(grid.to_lps_mm([0, 0, k]), position, atol=1e-4)
    assert np.linalg.det(grid.direction) == pytest.approx(1)


def test_assemble_when_rows_and_columns_differ_in_spacing_then_i_is_between_columns(
    writer: StudyWriter, match: Match
) -> None:
    chosen = with_pre(writer, match)
    for index in range(SLICES):
        change(chosen, index, PixelSpacing=[2.0, 1.5])
    np.testing.assert_allclose(assemble_role(chosen).volume.grid.spacing_xyz_mm, [1.5, 2.0, 5.0])


def test_assemble_when_instances_are_numbered_backwards_then_slices_still_rise(
    writer: StudyWriter, match: Match
) -> None:
    chosen = with_pre(writer, match, frame=lambda _phase, k: {"InstanceNumber": 100 - k})
    heights = [dcmread(instance.path).ImagePositionPatient[2] for instance in chosen.instances]
    assert heights == sorted(heights)


def test_assemble_when_slices_have_own_rescaling_then_each_is_applied(writer: StudyWriter, match: Match) -> None:
    chosen = with_pre(
        writer,
        match,
        frame=lambda _phase, k: {"RescaleSlope": k + 1, "RescaleIntercept": 10 * k, "RescaleType": "US"},
    )
    array = assemble_role(chosen).volume.array
    ramp = np.arange(MATRIX * MATRIX, dtype=np.float32).reshape(MATRIX, MATRIX)
    for k in range(SLICES):
        np.testing.assert_allclose(array[k], ramp * (k + 1) + 10 * k)


def test_assemble_when_philips_gives_its_scale_slope_then_values_are_comparable(
    writer: StudyWriter, match: Match
) -> None:
    def scale(ds: Dataset, phase: int, k: int) -> None:
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 4, 8, "US"
        ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", 0.5)

    array = assemble_role(with_pre(writer, match, edit=scale)).volume.array
    # (SV RS + RI) / (RS SS) = (SV 4 + 8) / 2
    assert array[0, 0, 1] == pytest.approx((1 * 4 + 8) / 2)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
def test_assemble_when_compressed_without_loss_then_the_values_are_the_same(
    writer: StudyWriter, match: Match, syntax: str
) -> None:
    chosen = with_pre(writer, match)
    plain = assemble_role(chosen).volume.array
    for instance in chosen.instances:
        ds = dcmread(instance.path)
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(instance.path)
    np.testing.assert_array_equal(assemble_role(chosen).volume.array, plain)


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"ImagePositionPatient": [0, 0, 21.5]}, "mm apart, and a step may differ from the middle one by 0."),
        ({"ImagePositionPatient": [9, 0, 20]}, "up to 9.00 mm beside the first one's axis, and 0.5 mm is allowed"),
    ],
)
def test_assemble_when_the_grid_is_irregular_then_the_figure_and_what_is_allowed_are_said(
    writer: StudyWriter, match: Match, elements: dict[str, object], said: str
) -> None:
    chosen = with_pre(writer, match)
    change(chosen, 4, **elements)
    with pytest.raises(UnsuitableStudyError, match=said):
        assemble_role(chosen)


def test_assemble_when_rows_and_columns_are_askew_then_their_angle_is_said(
    writer: StudyWriter, match: Match
) -> None:
    chosen = with_pre(writer, match)
    for place in range(len(chosen.instances)):
        change(chosen, place, ImageOrientationPatient=[1, 0, 0, 0.05, 0.99875, 0])
    with pytest.raises(UnsuitableStudyError, match=r"87\.13 degrees, and 0\.06 more or less than 90"):
        assemble_role(chosen)


@pytest.mark.parametrize(
    ("index", "elements", "code"),
    [
        (4, {"ImagePositionPatient": [0, 0, 21.5]}, "SM-GEOM"),
        (4, {"ImagePositionPatient": [9, 0, 20]}, "SM-GEOM"),
        (4, {"ImageOrientationPatient": [0.99, 0, 0.14, 0, 1, 0]}, "SM-GEOM"),
        (4, {"ImagePositionPatient": None}, "SM-GEOM"),
        (4, {"PixelSpacing": [3.0, 3.0]}, "SM-GEOM"),
        (4, {"LossyImageCompression": "01"}, "SM-LOSSY"),
        (4, {"SOPInstanceUID": "1.2.3"}, "SM-PIXEL"),
        (4, {"Rows": 60000, "Columns": 60000}, "SM-PIXEL"),
        (4, {"PixelData": b"\0\0"}, "SM-PIXEL"),
        (4, {"SamplesPerPixel": 3}, "SM-PIXEL"),
    ],
)
def test_assemble_when_a_slice_is_wrong_then_the_study_is_refused_with_a_code(
    writer: StudyWriter, match: Match, index: int, elements: dict[str, object], code: str
) -> None:
    chosen = with_pre(writer, match)
    change(chosen, index, **elements)
    with pytest.raises(UnsuitableStudyError) as caught:
        assemble_role(chosen)
    assert (caught.value.code, caught.value.stage) == (code, "assemble")
    assert writer.patient_id not in str(caught.value)


@pytest.mark.parametrize(
    ("keyword", "value"), [("RescaleSlope", "inf"), ("RescaleSlope", "nan"), ("RescaleIntercept", "1e999")]
)
def test_assemble_when_a_rescaling_is_no_number_then_is_refused_and_not_taken_for_none(
    writer: StudyWriter, match: Match, keyword: str, value: str
) -> None:
    chosen = with_pre(writer, match)
    rescaling = {"RescaleSlope": 2, "RescaleIntercept": 0, "RescaleType": "US"}
    with disable_value_validation():
        change(chosen, 4, **{**rescaling, keyword: value})
    with pytest.raises(UnsuitableStudyError, match="rescale slope or intercept that is no number") as caught:
        assemble_role(chosen)
    assert caught.value.code == "SM-PIXEL"


def test_assemble_when_rescaling_is_empty_then_is_as_if_there_were_none(writer: StudyWriter, match: Match) -> None:
    chosen = with_pre(writer, match)
    plain = assemble_role(chosen).volume.array
    change(chosen, 4, RescaleSlope=None, RescaleIntercept=None)
    np.testing.assert_array_equal(assemble_role(chosen).volume.array, plain)


def test_assemble_when_a_slice_is_left_out_then_the_study_is_incomplete(writer: StudyWriter, match: Match) -> None:
    chosen = with_pre(writer, match)
    with pytest.raises(UnsuitableStudyError, match="SM-INCOMPLETE"):
        assemble_role(replace(chosen, instances=chosen.instances[:4] + chosen.instances[5:]))


def test_assemble_when_a_file_is_gone_then_the_message_names_no_patient(writer: StudyWriter, match: Match) -> None:
    chosen = with_pre(writer, match)
    chosen.instances[0].path.unlink()
    with pytest.raises(UnsuitableStudyError, match="SM-PIXEL"):
        assemble_role(chosen)


def test_assemble_when_a_volume_is_too_large_then_nothing_is_decoded(
    writer: StudyWriter, match: Match, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = with_pre(writer, match)
    monkeypatch.setattr(frame_pixels, "MAXIMUM_VOXELS", 3 * MATRIX * MATRIX)
    with pytest.raises(UnsuitableStudyError, match="SM-PIXEL"):
        assemble_role(chosen)


def test_assemble_when_every_pixel_is_equal_then_it_refuses(writer: StudyWriter, match: Match) -> None:
    chosen = with_pre(writer, match)
    for index in range(SLICES):
        change(chosen, index, PixelData=b"\1\0" * MATRIX * MATRIX)
    with pytest.raises(UnsuitableStudyError, match="SM-PIXEL"):
        assemble_role(chosen)


def test_assemble_when_a_slice_between_others_is_empty_then_it_refuses_and_at_the_end_it_does_not(
    writer: StudyWriter, match: Match
) -> None:
    chosen = with_pre(writer, match)
    blank = bytes(2 * MATRIX * MATRIX)
    change(chosen, 0, PixelData=blank)
    assert assemble_role(chosen).volume.array[0].max() == 0
    change(chosen, SLICES // 2, PixelData=blank)
    with pytest.raises(UnsuitableStudyError, match="1 empty slices between the others") as caught:
        assemble_role(chosen)
    assert caught.value.code == "SM-PIXEL"


def test_assemble_when_the_match_was_refused_then_its_code_is_kept(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    with pytest.raises(UnsuitableStudyError) as caught:
        assemble(match(), clinical={})
    assert caught.value.code == "SM-MISSING-T2"


def test_assemble_when_real_files_are_read_then_the_grid_agrees_with_simpleitk(realdata: Path) -> None:
    import SimpleITK as sitk  # noqa: PLC0415, N813 - only this test needs it, by its usual name

    from config.series_rules import load_series_rules  # noqa: PLC0415

    (result,) = match_studies(scan_folder(realdata / "cmb_crc_abdomen_mr"), load_series_rules())
    chosen = role_of(result, Role.T2)
    volume = assemble_role(chosen).volume
    image = sitk.ReadImage([str(instance.path) for instance in chosen.instances])
    np.testing.assert_allclose(volume.grid.origin_lps_mm, image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(volume.grid.spacing_xyz_mm, image.GetSpacing(), atol=1e-3)
    np.testing.assert_allclose(volume.grid.direction.ravel(), image.GetDirection(), atol=1e-6)
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))


@pytest.mark.parametrize(("jitter_mm", "code"), [(0.05, None), (0.12, "SM-GEOM")])
def test_match_when_positions_are_rounded_then_they_are_judged_by_where_equal_steps_would_lie(
    writer: StudyWriter, match: Match, jitter_mm: float, code: str | None
) -> None:
    def beside(_phase: int, k: int) -> dict[str, list[float]]:
        # Neighbours that are moved apart and together, so that the deviations add up in their steps.
        return {"ImagePositionPatient": [0.0, 0.0, 5.0 * k + jitter_mm * (0, 1, -1)[k % 3]]}

    standard(writer, without=("T1_PRE",))
    writer.series("Ax T1 pre", T1, 0, frame=beside)
    result = match()
    assert result.code == code
    if code is None:
        assert assemble_role(role_of(result)).volume.grid.spacing_xyz_mm[2] == pytest.approx(5.0, abs=0.02)
