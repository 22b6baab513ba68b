"""The results say at least what those of other people's tools say."""

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.results.headers import OPTIONAL
from tests.conformance.written import write_case
from tests.unit.dicom_io.results.synthetic_study import read_report

OF_THE_PATIENT = frozenset(OPTIONAL) | {
    "AdditionalPatientHistory",
    "ClinicalTrialCoordinatingCenterName",
    "ClinicalTrialSeriesID",
    "ClinicalTrialTimePointID",
}
"""Repeated where the source has them, which the study of this test has not; or of a series of the trial."""
NOT_MEANT = frozenset(
    {"InstitutionName", "InstitutionalDepartmentName", "InstanceCreatorUID", "PertinentOtherEvidenceSequence"}
)
"""Optional, and on purpose not written: the software belongs to no institution, and all evidence is current."""
CONTENT = frozenset({"ContentSequence", "PerFrameFunctionalGroupsSequence"})


def keywords(ds: Dataset) -> set[str]:
    """List the public elements, those of first items included; content trees aside."""
    found = set()
    for element in ds:
        if element.tag.is_private:
            continue
        found.add(element.keyword)
        if element.VR == "SQ" and element.value and element.keyword not in CONTENT:
            found |= keywords(element.value[0])
    return found


@pytest.mark.parametrize("name", ["liver.dcm", "sr-example/seg.dcm"])
def test_segmentation_when_compared_with_one_of_dcmqi_then_no_element_is_missing(
    realdata: Path, tmp_path: Path, name: str
) -> None:
    theirs = pydicom.dcmread(realdata / "thirdparty_seg_sr" / name)
    ours = pydicom.dcmread(str(write_case(tmp_path, "axial").results.seg))

    assert keywords(theirs) - keywords(ours) - OF_THE_PATIENT - NOT_MEANT == set()
    frames = [ds.PerFrameFunctionalGroupsSequence[0] for ds in (theirs, ours)]
    assert keywords(frames[0]) - keywords(frames[1]) == set()


@pytest.mark.parametrize("name", ["sr_document.dcm", "sr_document_with_multiple_groups.dcm", "sr-example/sr.dcm"])
def test_report_when_compared_with_one_of_highdicom_or_dcmqi_then_no_element_is_missing(
    realdata: Path, tmp_path: Path, name: str
) -> None:
    theirs = pydicom.dcmread(realdata / "thirdparty_seg_sr" / name)
    ours = read_report(write_case(tmp_path, "axial").results)

    assert keywords(theirs) - keywords(ours) - OF_THE_PATIENT - NOT_MEANT == set()
