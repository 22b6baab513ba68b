"""Programs of other people read the results and find no error."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dicom_io.results import WrittenResults, write_refusal, write_results
from tests.unit.dicom_io.results.synthetic_study import DIRECTIONS, STUDY_UID, make_analysis, make_grid, make_match
from tests.unit.dicom_io.results.test_writing import refused, sources

pytestmark = pytest.mark.usefixtures("blank_page")

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
CASES = ("axial", "oblique", "enhanced", "two lesions", "no lesion", "refusal")


def write(tmp_path: Path, case: str) -> WrittenResults:
    if case == "refusal":
        return write_refusal(
            sources(tmp_path), STUDY_UID, refused(tmp_path), tmp_path / "out", model=None, now=NOW
        )
    grid = make_grid(DIRECTIONS["oblique" if case == "oblique" else "axial"])
    match = make_match(tmp_path / "in", grid, enhanced=case == "enhanced")
    lesions = {"two lesions": 2, "no lesion": 0}.get(case, 1)
    return write_results(match, make_analysis(grid, lesions), tmp_path / "out", now=NOW)


def run(*command: str) -> str:
    # By absolute path: pynetdicom puts programs of the same names on the PATH of the environment.
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.peer("dicom3tools")
@pytest.mark.parametrize("case", CASES)
def test_results_when_read_by_dciodvfy_then_there_is_no_error(tmp_path: Path, case: str) -> None:
    for path in write(tmp_path, case).instances:
        report = run("/usr/bin/dciodvfy", str(path))
        assert "Error" not in report, f"{path.name}: {report}"
        assert any(iod in report for iod in ("Segmentation", "Comprehensive3DSR", "SCImage")), report


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("case", CASES)
def test_report_when_read_by_dsrdump_then_its_tree_is_valid(tmp_path: Path, case: str) -> None:
    report = run("/usr/bin/dsrdump", str(write(tmp_path, case).sr))

    assert "Comprehensive 3D SR Document" in report
    assert not [line for line in report.splitlines() if line.startswith(("E:", "F:"))]
    # DCMTK 3.6 has no value checker for Unicode and says so; any other warning is ours.
    warnings = [line for line in report.splitlines() if line.startswith("W:") and "ISO_IR 192" not in line]
    assert not warnings


@pytest.mark.peer("dcmtk")
def test_report_when_rendered_by_dsr2html_then_a_reader_finds_the_risk(tmp_path: Path) -> None:
    html = run("/usr/bin/dsr2html", str(write(tmp_path, "axial").sr))

    shown = re.sub(r"<[^>]*>", " ", html)
    assert re.search(r"Predicted probability of microvascular invasion\W+0\.623", shown)
    assert re.search(r"MVI risk category\W+High risk", shown)
    assert re.search(r"Reason|Quality gate", shown)
