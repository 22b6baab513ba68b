"""What is read back from a result is what was written into it, and a SEG is judged where it lies."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from pydicom import dcmread

from dicom_io.acceptance.picture import png_of
from dicom_io.acceptance.received import read_received
from dicom_io.results import WrittenResults, write_refusal, write_results, writing
from pipeline.analysis import Analysis
from pipeline.errors import UnsuitableStudyError
from pipeline.resampling import to_sitk
from pipeline.study import Role
from tests.unit.dicom_io.results.synthetic_study import (
    DIRECTIONS,
    MODEL,
    STUDY_UID,
    make_analysis,
    make_grid,
    make_match,
)

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
GRID = make_grid(DIRECTIONS["oblique"])


@pytest.fixture
def blank_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a small grey page: drawing it is most of the time."""
    page = np.full((8, 12, 3), 99, dtype=np.uint8)
    monkeypatch.setattr(writing, "draw_summary", lambda *_, **__: page)
    monkeypatch.setattr(writing, "draw_refusal", lambda *_, **__: page)


@pytest.fixture
def written(tmp_path: Path, blank_page: None) -> tuple[Analysis, WrittenResults]:
    analysis = make_analysis(GRID, 2)
    return analysis, write_results(make_match(tmp_path / "in", GRID), analysis, tmp_path / "out", now=NOW)


def truth_of(analysis: Analysis, path: Path, shift: int = 0) -> Path:
    """Write the lesions of an analysis as the planted ones, moved by some slices."""
    planted = np.roll(2 * (analysis.lesion_map.array > 0).astype(np.uint8), shift, axis=0)
    sitk.WriteImage(to_sitk(planted, GRID), str(path))
    return path


def test_report_when_read_back_then_says_risk_roles_and_evidence(
    tmp_path: Path, written: tuple[Analysis, WrittenResults]
) -> None:
    analysis, results = written
    assert results.sr is not None
    assert analysis.risk is not None
    read = read_received(results.sr, tmp_path / "no truth is needed")
    assert (read.kind, read.patient_id, read.study_instance_uid, read.fault) == ("sr", "P1", STUDY_UID, "")
    assert "mvi-node" in read.software[0]
    report = read.report
    assert report is not None
    assert not report.is_refusal
    assert report.risk == pytest.approx(analysis.risk.probability, abs=1e-3)
    assert report.roles == {role.value: f"{STUDY_UID}.{number}" for number, role in enumerate(Role, 1)}
    late = len(Role)
    slices = {f"{STUDY_UID}.{late}.{k + 1}" for k in range(GRID.shape[0])}
    assert report.sources == slices | {f"{STUDY_UID}.{number}.1" for number in range(1, late)}
    assert results.seg is not None
    assert report.segmentations == {
        read_received(results.seg, truth_of(analysis, tmp_path / "t.nii")).sop_instance_uid
    }


def test_refusal_when_read_back_then_has_its_code_and_no_risk(tmp_path: Path, blank_page: None) -> None:
    match = make_match(tmp_path / "in", GRID)
    sources = [instance for chosen in match.roles.values() for instance in chosen.instances]
    error = UnsuitableStudyError("SM-NOHBP", "There is none.", remedy="Send it.", stage="assemble")
    results = write_refusal(sources, STUDY_UID, error, tmp_path / "out", model=MODEL, now=NOW)
    assert results.sr is not None
    report = read_received(results.sr, tmp_path).report
    assert report is not None
    assert (report.is_refusal, report.code, report.reason, report.risk) == (
        True,
        "SM-NOHBP",
        "There is none.",
        None,
    )
    assert report.roles == {}


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_segmentation_when_the_planted_tumour_lies_some_slices_off_then_dice_falls_and_the_centroid_tells(
    tmp_path: Path, written: tuple[Analysis, WrittenResults], shift: int
) -> None:
    analysis, results = written
    assert results.seg is not None
    overlap = read_received(results.seg, truth_of(analysis, tmp_path / "truth.nii.gz", shift)).overlap
    assert overlap is not None
    found = analysis.lesion_map.array > 0
    moved = np.roll(found, shift, axis=0)
    assert overlap.dice == pytest.approx(2 * (found & moved).sum() / (found.sum() + moved.sum()))
    k = np.indices(GRID.shape)[0]
    between = abs(float(k[found].mean() - k[moved].mean())) * GRID.spacing_xyz_mm[2]
    assert overlap.centroid_mm == pytest.approx(between, abs=1e-3)


def test_segmentation_when_nothing_was_planted_then_overlaps_nothing_and_has_no_distance(
    tmp_path: Path, written: tuple[Analysis, WrittenResults]
) -> None:
    _, results = written
    assert results.seg is not None
    sitk.WriteImage(to_sitk(np.zeros(GRID.shape, np.uint8), GRID), str(tmp_path / "truth.nii.gz"))
    overlap = read_received(results.seg, tmp_path / "truth.nii.gz").overlap
    assert (overlap.dice, overlap.centroid_mm) == (0, None) if overlap else pytest.fail("not read")


@pytest.mark.parametrize("kind", ["seg", "sr"])
def test_object_when_its_content_is_spoilt_then_it_is_a_fault_and_no_error(
    tmp_path: Path, written: tuple[Analysis, WrittenResults], kind: str
) -> None:
    path = written[1].seg if kind == "seg" else written[1].sr
    assert path is not None
    ds = dcmread(path)
    if kind == "seg":
        ds.SegmentSequence = []
    else:
        del ds.ContentSequence
    ds.save_as(path)
    read = read_received(path, tmp_path)
    assert read.fault.startswith("it cannot be read")
    assert (read.report, read.overlap) == (None, None)


def test_object_when_its_encoding_breaks_behind_the_identifiers_then_it_is_a_fault_and_no_error(
    tmp_path: Path, written: tuple[Analysis, WrittenResults]
) -> None:
    path = written[1].sr
    assert path is not None
    content = path.read_bytes()
    behind = content.index(b"\x20\x00\x0e\x00UI") + 100
    path.write_bytes(content[:behind] + b"\xff\x00\x10\x00\x07\x01" * 50)
    read = read_received(path, tmp_path)
    assert read.fault.startswith("it cannot be read")
    assert (read.kind, read.study_instance_uid) == ("sr", STUDY_UID)


def test_summary_when_read_back_then_is_a_picture_and_anything_else_is_none(
    written: tuple[Analysis, WrittenResults],
) -> None:
    results = written[1]
    assert results.summary_sc is not None
    assert results.sr is not None
    assert png_of(results.summary_sc).startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="not a summary page"):
        png_of(results.sr)
