"""Files of real scanners: other body parts and single sequences, all to be refused for the right reason."""

from pathlib import Path

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, match_studies, scan_folder
from dicom_io.assembly.subvolumes import split_series
from pipeline.study import Role


def results(folder: Path) -> list[MatchResult]:
    return match_studies(scan_folder(folder), load_series_rules())


def test_match_when_toshiba_sends_t2_and_adc_then_they_are_told_apart_and_the_study_is_refused(
    realdata: Path,
) -> None:
    (result,) = results(realdata / "cmb_crc_abdomen_mr")
    assert result.code == "SM-MISSING-DWI"
    assert {role: choice.series_number for role, choice in result.roles.items()} == {Role.T2: 901}
    assert len(result.roles[Role.T2].instances) == 33
    assert [(entry.series_number, entry.code) for entry in result.rejected] == [(602, "ADC")]


def test_split_when_ge_packs_three_breast_phases_then_time_separates_them(realdata: Path) -> None:
    scan = scan_folder(realdata / "ucsf_breast_dce")
    dynamic = [frame for frame in scan.frames if frame.series.series_number == 4]
    phases = split_series(dynamic)
    assert [len(phase.frames) for phase in phases] == [60, 60, 60]
    assert {phase.split_tag for phase in phases} == {"AcquisitionTime"}
    starts = [min(frame.times.acquisition_s or 0 for frame in phase.frames) for phase in phases]
    # 08:58:03, 09:04:15 and 09:09:53 in the headers.
    assert [start - starts[0] for start in starts] == [0, 372, 710]


def test_match_when_the_study_is_a_breast_then_phases_and_derived_series_are_rejected(realdata: Path) -> None:
    (result,) = results(realdata / "ucsf_breast_dce")
    assert not result.roles
    assert "its body part is BREAST, not the liver (3 x)" in result.message
    assert {(entry.series_number, entry.code) for entry in result.rejected} == {
        (4, "BODY-PART"),
        (41001, "DERIVED"),
    }


def test_match_when_uih_tiles_its_slices_then_the_vendor_is_named(realdata: Path) -> None:
    (result,) = results(realdata / "uih_mr")
    # A head: to store it otherwise would not help.
    assert result.code == "SM-MISSING-T2"
    assert {entry.code for entry in result.rejected if entry.series_number != 2} == {"VENDOR"}
    assert {entry.sub_volume for entry in result.rejected if entry.series_number == 12} == {"b=0", "b=1000"}


def test_split_when_ge_gives_a_private_b_value_then_it_is_read(realdata: Path) -> None:
    scan = scan_folder(realdata / "ge_mr" / "dwi_tensor")
    assert sorted({frame.physics.b_value_s_per_mm2 for frame in scan.frames}, key=str) == [0.0, 1000.0]
    assert sum(len(stack.frames) for stack in split_series(scan.frames)) == 14


def test_split_when_ge_packs_ten_time_points_then_each_is_a_stack(realdata: Path) -> None:
    phases = split_series(scan_folder(realdata / "ge_mr" / "multiphase").frames)
    assert [len(phase.frames) for phase in phases] == [10] * 10


def test_scan_when_objects_are_enhanced_then_every_frame_is_read(realdata: Path) -> None:
    scan = scan_folder(realdata / "enhanced_mr")
    siemens = [frame for frame in scan.frames if frame.series.manufacturer.startswith("Siemens")]
    philips = [frame for frame in scan.frames if frame.series.manufacturer.startswith("Philips")]
    assert (len(siemens), len(philips)) == (24, 64)
    assert {frame.physics.scanning_sequence for frame in siemens} == {("EP", "GR")}
    assert [len(stack.frames) for stack in split_series(siemens)] == [6, 6, 6, 6]
    assert {stack.physics.component for stack in split_series(philips)} == {"MAGNITUDE", "REAL"}


def test_match_when_objects_are_reports_and_segmentations_then_they_are_no_images(realdata: Path) -> None:
    found = results(realdata / "thirdparty_seg_sr")
    assert found
    assert all(result.code == "SM-MISSING-T2" for result in found)
    assert {entry.code for result in found for entry in result.rejected} == {"NOT-MR"}
