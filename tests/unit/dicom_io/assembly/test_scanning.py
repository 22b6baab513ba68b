import errno
import os
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from config.errors import ConfigError
from config.series_rules import load_series_rules
from dicom_io.assembly import NoDicomError, ScanResult, match_studies, scan_files, scan_folder
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import SLICES, T1, T2, StudyWriter, standard


def truncate(path: Path, missing_bytes: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-missing_bytes])


def test_scan_when_the_folder_is_empty_or_absent_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoDicomError, match="no readable DICOM"):
        scan_folder(tmp_path)
    with pytest.raises(ConfigError, match="not a folder"):
        scan_folder(tmp_path / "absent")


def test_scan_when_there_are_other_files_then_they_are_listed_and_the_rest_is_read(
    writer: StudyWriter, tmp_path: Path
) -> None:
    writer.series("Ax T2", T2, 0)
    (tmp_path / "LICENSE.txt").write_text("not DICOM")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "preamble.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "noise.dcm").write_bytes(b"\0" * 128 + b"DICM" + bytes(range(256)) * 8)
    scan = scan_folder(tmp_path)
    assert len(scan.frames) == SLICES
    assert {file.path.name for file in scan.unreadable} == {
        "LICENSE.txt",
        "empty.dcm",
        "preamble.dcm",
        "noise.dcm",
    }
    assert [file.path.name for file in scan.unreadable if file.is_foreign] == ["LICENSE.txt", "empty.dcm"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("missing_bytes", [1, 100])
def test_scan_when_pixels_are_cut_off_then_the_file_is_called_truncated(
    writer: StudyWriter, tmp_path: Path, compressed: bool, missing_bytes: int
) -> None:
    writer.series("Ax T2", T2, 0, slices=range(1))
    path = next(tmp_path.glob("*.dcm"))
    if compressed:
        ds = dcmread(path)
        ds.compress(RLELossless, generate_instance_uid=False)
        ds.save_as(path)
    assert len(scan_folder(tmp_path).frames) == 1
    truncate(path, missing_bytes)
    scan = scan_folder(tmp_path)
    assert not scan.frames
    assert scan.unreadable[0].reason.startswith("truncated")
    assert scan.unreadable[0].study_instance_uid == writer.study_instance_uid


def test_scan_when_there_are_no_pixels_then_the_reason_says_so(writer: StudyWriter, tmp_path: Path) -> None:
    writer.series("Ax T2", T2, 0, slices=range(1))
    path = next(tmp_path.glob("*.dcm"))
    ds = dcmread(path)
    del ds.PixelData
    ds.save_as(path)
    assert [file.reason for file in scan_folder(tmp_path).unreadable] == ["no pixel data"]


def test_match_when_a_file_is_truncated_then_the_study_is_incomplete(
    writer: StudyWriter, tmp_path: Path, match: Match
) -> None:
    standard(writer)
    arterial = match().roles[Role.T1_ARTERIAL]
    # The last slice leaves no gap behind, and must be missed all the same.
    truncate(arterial.instances[-1].path, 10)
    result = match()
    assert result.code == "SM-INCOMPLETE"
    assert any(entry.code == "UNREADABLE" for entry in result.rejected)


def test_scan_when_joined_file_by_file_then_it_equals_the_whole(writer: StudyWriter, tmp_path: Path) -> None:
    standard(writer, without=("T2",))
    paths = sorted(tmp_path.glob("*.dcm"))
    joined = ScanResult()
    for start in range(0, len(paths), 10):
        joined = joined + scan_files(paths[start : start + 10])
    whole, rules = scan_files(paths), load_series_rules()
    assert joined.frames == whole.frames
    assert match_studies(joined, rules)[0].to_json() == match_studies(whole, rules)[0].to_json()


def test_scan_when_values_are_malformed_then_they_are_not_known(writer: StudyWriter, tmp_path: Path) -> None:
    writer.series("Ax T1", T1, 0, slices=range(1))
    path = next(tmp_path.glob("*.dcm"))
    content = path.read_bytes().replace(b"3.7 ", b"abcd").replace(b"100000.000000", b"***          ")
    path.write_bytes(content)
    (frame,) = scan_folder(tmp_path).frames
    assert frame.physics.repetition_time_ms is None
    assert frame.times.acquisition_s is None
    assert frame.physics.echo_time_ms == 1.3


def test_scan_when_instances_share_a_position_then_none_is_dropped(writer: StudyWriter, tmp_path: Path) -> None:
    writer.series("Ax T1", T1, 0, phases=[{}] * 3)
    assert len(scan_folder(tmp_path).frames) == 3 * SLICES


def test_scan_folder_when_a_folder_below_cannot_be_read_then_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    # root may read everything, so that rights alone would not show it.
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(NoDicomError, match="closed is a folder that cannot be read: permission denied"):
        scan_folder(tmp_path)


def test_match_when_the_missing_series_has_no_pixels_then_the_refusal_names_it(
    writer: StudyWriter, tmp_path: Path, match: Match
) -> None:
    series = standard(writer)["T1_HEPATOBILIARY"]
    for path in tmp_path.glob("*.dcm"):
        ds = dcmread(path)
        if ds.SeriesInstanceUID == series:
            del ds.PixelData
            ds.save_as(path)
    result = match()
    assert result.code == "SM-NOHBP"
    assert f"Series 6: {SLICES} file(s) cannot be used, the first 00055.dcm: no pixel data." in result.message


def test_match_when_rows_and_columns_run_the_same_way_then_the_series_has_no_geometry(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 125, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    result = match()
    assert result.code == "SM-MISSING-T1_ARTERIAL"
    assert [entry.code for entry in result.rejected if "arterial" in entry.series_description] == ["NO-GEOMETRY"]


@pytest.mark.parametrize("spacing", ["1e-300", "1e300", "0.001", "500", "0", "-1"])
def test_match_when_pixels_are_no_distance_of_a_patient_apart_then_the_series_has_no_geometry(
    writer: StudyWriter, match: Match, spacing: str
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 125, PixelSpacing=[spacing, spacing])
    result = match()
    assert result.code == "SM-MISSING-T1_ARTERIAL"
    assert [entry.code for entry in result.rejected if "arterial" in entry.series_description] == ["NO-GEOMETRY"]


def test_match_when_slices_are_half_a_kilometre_apart_then_the_series_has_no_geometry(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T1_ARTERIAL",))
    writer.series("Ax T1 arterial", T1, 125, frame=lambda _phase, k: {"ImagePositionPatient": [0, 0, 500_000 * k]})
    result = match()
    assert result.code == "SM-MISSING-T1_ARTERIAL"
    assert [entry.code for entry in result.rejected if "arterial" in entry.series_description] == ["NO-GEOMETRY"]
