"""dicom3tools and DCMTK find no error in the results."""

import re
from pathlib import Path

import pytest

from dicom_io.results.simpler_report import simpler_report
from tests.conformance.written import Written, run, write_case, write_refused

CASES = ("axial", "oblique", "enhanced", "no lesion", "refusal")
FALSE_ALARM = "Element=<AccessionNumber>"
"""dcentvfy takes it for an element of the series in SR and of the study in images, and names every such pair."""


def write(tmp_path: Path, case: str) -> Written:
    if case == "refusal":
        return write_refused(tmp_path)
    return write_case(tmp_path, "axial", lesions=0) if case == "no lesion" else write_case(tmp_path, case)


@pytest.mark.peer("dicom3tools")
@pytest.mark.parametrize("case", CASES)
def test_results_when_judged_by_dciodvfy_and_dcentvfy_then_there_is_no_error(tmp_path: Path, case: str) -> None:
    written = write(tmp_path, case)

    for path in written.results.instances:
        verdict = run("/usr/bin/dciodvfy", str(path))
        assert "Error" not in verdict, f"{path.name}: {verdict}"
        assert any(iod in verdict for iod in ("Segmentation", "Comprehensive3DSR", "SCImage")), verdict

    files = [str(path) for path in (*written.results.instances, *written.sources)]
    complaints = [line for line in run("/usr/bin/dcentvfy", *files).splitlines() if FALSE_ALARM not in line]
    assert complaints == []


@pytest.mark.peer("dicom3tools")
@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("case", ["enhanced", "refusal"])
def test_report_when_written_in_older_classes_then_there_is_no_error_and_the_same_tree(
    tmp_path: Path, case: str
) -> None:
    report = write(tmp_path, case).results.sr
    assert report is not None
    tree = run("/usr/bin/dsrdump", "+Pl", str(report)).partition("\n\n<")[2]
    for iod in ("ComprehensiveSR", "EnhancedSR"):
        simpler = simpler_report(report)
        assert simpler is not None
        assert simpler_report(report) == simpler
        report = simpler.path

        verdict = run("/usr/bin/dciodvfy", str(report))
        assert iod in verdict.splitlines()
        assert "Error" not in verdict, verdict
        shown = run("/usr/bin/dsrdump", "+Pl", str(report)).partition("\n\n<")[2]
        assert shown == tree != ""
    assert simpler_report(report) is None


@pytest.mark.peer("dicom3tools")
def test_dcentvfy_when_a_result_names_another_patient_then_it_complains(tmp_path: Path) -> None:
    written, other = write_case(tmp_path, "axial"), write_case(tmp_path / "other", "axial")
    assert written.results.seg is not None
    changed = tmp_path / "changed.dcm"
    changed.write_bytes(written.results.seg.read_bytes().replace(b"Doe^Jane", b"Doe^John"))

    assert "PatientName" in run("/usr/bin/dcentvfy", str(changed), str(other.sources[0]))


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("case", CASES)
def test_report_when_read_by_dsrdump_then_its_tree_is_valid(tmp_path: Path, case: str) -> None:
    report = run("/usr/bin/dsrdump", str(write(tmp_path, case).results.sr))

    assert "Comprehensive 3D SR Document" in report
    assert not [line for line in report.splitlines() if line.startswith(("E:", "F:"))]
    # DCMTK 3.6 has no value checker for Unicode and says so; any other warning is ours.
    warnings = [line for line in report.splitlines() if line.startswith("W:") and "ISO_IR 192" not in line]
    assert not warnings


@pytest.mark.peer("dcmtk")
def test_report_when_rendered_by_dsr2html_then_a_reader_finds_risk_sizes_and_reasons(tmp_path: Path) -> None:
    html = run("/usr/bin/dsr2html", str(write(tmp_path, "axial").results.sr))

    shown = re.sub(r"<[^>]*>", " ", html)
    assert re.search(r"Predicted probability of microvascular invasion\W+0\.623", shown)
    assert re.search(r"MVI risk category\W+High risk", shown)
    assert re.search(r"Diameter\W+21\.2", shown)
    assert "liver volume: 1500" in shown
    assert "T1 hepatobiliary: series 6" in shown
