"""The report says what was found, with codes, and in the shape that viewers accept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.assembly.match_result import Assigned
from dicom_io.results import ResultContext, WrittenResults, write_results
from dicom_io.results.codes import PRIVATE_SCHEME_UID
from dicom_io.results.outlines import enclosed_area, largest_slice, outline
from dicom_io.results.report_rules import check_report
from pipeline.analysis import Analysis
from pipeline.errors import StudyError
from pipeline.study import Analyte, ClinicalValue, Role
from tests.unit.dicom_io.results.synthetic_study import (
    DIRECTIONS,
    STUDY_UID,
    make_analysis,
    make_grid,
    make_match,
    read_report,
    texts,
)

pytestmark = pytest.mark.usefixtures("blank_page")

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
CLINICAL = {Analyte.AST: ClinicalValue(41.0, date(2025, 12, 20), "hl7")}


def write(
    tmp_path: Path, *, lesions: int = 1, enhanced: bool = False, change: dict[str, object] | None = None
) -> tuple[WrittenResults, Dataset]:
    grid = make_grid(DIRECTIONS["oblique"])
    match = make_match(tmp_path / "in", grid, enhanced=enhanced)
    analysis = make_analysis(grid, lesions, warnings=("The liver moved by 9 mm.",))
    analysis = Analysis(**{**vars(analysis), **(change or {})})
    written = write_results(match, analysis, tmp_path / "out", now=NOW, context=ResultContext(clinical=CLINICAL))
    return written, read_report(written)


def children(item: Dataset, code: str) -> list[Dataset]:
    return [child for child in item.ContentSequence if child.ConceptNameCodeSequence[0].CodeValue == code]


def groups(report: Dataset) -> list[Dataset]:
    return children(children(report, "126010")[0], "125007")


def test_report_when_written_then_it_is_never_verified_nor_final(tmp_path: Path) -> None:
    _, report = write(tmp_path)

    assert report.SOPClassUID == pydicom.uid.Comprehensive3DSRStorage
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert report.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_report_when_written_then_it_states_numbers_codes_and_model(tmp_path: Path) -> None:
    written, report = write(tmp_path)

    volume = written.document["lesions"][0]["volume_cm3"]  # type: ignore[index]
    assert {
        "MVI-P01=0.623 1",
        "MVI-P02=0.48 1",
        "MVI-P03=0.74 1",
        "81827009=21.2 mm",
        f"118565006={volume:g} cm3",
        "15508007 High risk",
        "111242 All algorithms succeeded; with findings",
        "phantom-demo",
        "1.0.0",
        "threshold=0.500",
        "model_sha256=" + "ab" * 32,
        "demonstration: not for patients",
        "radiomics and clinical values, tumour size from the images",
        "liver volume: 1500 cm³, at least 300 cm³: passed",
        "The liver moved by 9 mm.",
        "For research use only. Not a medical device.",
        "T2: series 1 (series of T2), 1 images. Chosen for: 90. Score 9.5, no other candidate.",
        "T1 hepatobiliary: series 6 (series of T1_HEPATOBILIARY), 7 images. Chosen for: 90. "
        "Score 9.5, no other candidate.",
    } <= set(texts(report))


def test_report_when_a_series_was_assigned_by_hand_then_the_reader_sees_by_whom(tmp_path: Path) -> None:
    grid = make_grid()
    match = make_match(tmp_path / "in", grid)
    assigned = replace(match.roles[Role.T2], assigned=Assigned("anna", "2026-11-26T12:30:00+00:00"))
    match = replace(match, roles={**match.roles, Role.T2: assigned})
    written = write_results(match, make_analysis(grid, 1), tmp_path / "out", now=NOW)
    assert (
        "T2: series 1 (series of T2), 1 images. Assigned by hand, not by the rules, by anna at "
        "2026-11-26T12:30:00+00:00. Score 9.5."
    ) in texts(read_report(written))


def test_report_when_clinical_values_were_used_then_it_has_unit_date_and_origin(tmp_path: Path) -> None:
    _, report = write(tmp_path)

    container = children(report, "121118")[0]
    ast = children(container, "1920-8")[0]
    assert float(ast.MeasuredValueSequence[0].NumericValue) == 41.0
    assert ast.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "U/L"
    assert [item.get("Date") or item.get("TextValue") for item in ast.ContentSequence] == ["20251220", "hl7"]
    assert children(container, "13952-7")[0].ConceptCodeSequence[0].CodeMeaning == "Positive"
    assert "MVI-L02=21.2 mm" in texts(report)


def test_report_when_several_lesions_then_each_has_two_groups_and_only_the_first_the_risk(tmp_path: Path) -> None:
    written, report = write(tmp_path, lesions=2)

    uids = [children(group, "112040")[0].UID for group in groups(report)]
    tracked = [lesion["tracking_uid"] for lesion in written.document["lesions"]]  # type: ignore[attr-defined]
    seg = pydicom.dcmread(written.seg)  # type: ignore[arg-type]
    assert uids == [tracked[0], tracked[0], tracked[1], tracked[1], tracked[0]]
    assert {segment.TrackingUID for segment in seg.SegmentSequence} >= set(tracked)
    assert len([text for text in texts(report) if text.startswith("MVI-P01=")]) == 1
    # All tumour voxels are measured together, as the paper does: it is not the number of the largest lesion.
    assert "The risk of all 2 lesions together. It stands with the largest." in texts(report)
    assert "lesions=all 2 together" in texts(report)
    assert children(groups(report)[2], "121191")[0].ReferencedSOPSequence[0].ReferencedSegmentNumber == 3


def test_report_when_written_then_evidence_lists_all_sources_and_the_seg(tmp_path: Path) -> None:
    written, report = write(tmp_path)

    listed = {
        series.SeriesInstanceUID: len(series.ReferencedSOPSequence)
        for series in report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    }
    seg = pydicom.dcmread(written.seg)  # type: ignore[arg-type]
    sources = {f"{STUDY_UID}.{number}": 1 for number in range(1, 6)} | {f"{STUDY_UID}.6": 7}
    assert listed == sources | {seg.SeriesInstanceUID: 1}
    library = children(report, "111028")[0].ContentSequence[0]
    assert len([item for item in library.ContentSequence if item.ValueType == "IMAGE"]) == 1


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_report_when_outline_is_drawn_then_it_encloses_the_lesion_on_its_largest_slice(
    tmp_path: Path, enhanced: bool
) -> None:
    _, report = write(tmp_path, enhanced=enhanced)
    mask = make_analysis(make_grid(), 1).lesion_map.array == 1
    k = largest_slice(mask)

    region = children(groups(report)[1], "111030")[0]
    points = np.array(region.GraphicData).reshape(-1, 2)
    image = region.ContentSequence[0].ReferencedSOPSequence[0]

    assert region.GraphicType == "POLYLINE"
    assert np.array_equal(points[0], points[-1])
    rows, columns = np.nonzero(mask[k])
    assert points.mean(axis=0) == pytest.approx([columns.mean() + 0.5, rows.mean() + 0.5], abs=0.5)
    if enhanced:
        assert (image.ReferencedSOPInstanceUID, image.ReferencedFrameNumber) == (f"{STUDY_UID}.6.1", 8 + k)
    else:
        assert image.ReferencedSOPInstanceUID == f"{STUDY_UID}.6.{k + 1}"


def _procedure(ds: Dataset) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        "RPID160",
        "RADLEX",
        "MR Abdomen wo then w IV Contrast",
    )
    ds.ProcedureCodeSequence = [Dataset(), item]


@pytest.mark.parametrize(("edit", "expected"), [(_procedure, "RPID160"), (lambda _: None, "25056-3")])
def test_report_when_written_then_names_the_procedure_of_the_study_or_mri(
    tmp_path: Path, edit: Callable[[Dataset], None], expected: str
) -> None:
    grid = make_grid()
    match = make_match(tmp_path / "in", grid, edit=edit)

    report = read_report(write_results(match, make_analysis(grid), tmp_path / "out", now=NOW))

    (procedure,) = children(report, "121058")
    assert procedure.ConceptCodeSequence[0].CodeValue == expected


def test_report_when_written_then_every_number_of_a_lesion_names_the_algorithm(tmp_path: Path) -> None:
    _, report = write(tmp_path, lesions=2)

    numbers = [item for group in groups(report) for item in group.ContentSequence if item.ValueType == "NUM"]
    assert len(numbers) == 2 + 3 + 2
    for number in numbers:
        assert children(number, "111001")[0].TextValue == "phantom-demo"
        assert children(number, "111003")[0].TextValue == "1.0.0"
    parameters = {item.TextValue for number in numbers for item in children(number, "111002")}
    # Of the risk: what separates its categories, and how well the model tells the outcomes apart.
    assert {"threshold=0.500", "left_out_auc=0.81", "calibrated=yes"} <= parameters


def test_report_when_not_calibrated_then_the_number_is_a_score(tmp_path: Path) -> None:
    risk = make_analysis(make_grid(), 1, calibrated=False).risk

    _, report = write(tmp_path, change={"risk": risk})

    assert "MVI-P04=0.623 1" in texts(report)
    assert not [text for text in texts(report) if text.startswith("MVI-P01=")]


def test_report_when_there_is_no_lesion_then_it_says_so_and_has_no_segment(tmp_path: Path) -> None:
    written, report = write(tmp_path, lesions=0)

    assert written.seg is None
    # OHIF draws 126000 and shows black where there is no outline; it writes out 126001.
    assert report.ConceptNameCodeSequence[0].CodeValue == "126001"
    assert "111241 All algorithms succeeded; without findings" in texts(report)
    assert "No lesion was segmented; no risk was computed." in texts(report)
    assert all(not children(group, "121191") for group in groups(report))


def test_report_when_written_then_private_codes_are_short_and_bring_their_scheme(tmp_path: Path) -> None:
    _, report = write(tmp_path)

    scheme = report.CodingSchemeIdentificationSequence[0]
    assert (scheme.CodingSchemeDesignator, scheme.CodingSchemeUID) == ("99MVINODE", PRIVATE_SCHEME_UID)
    assert (scheme.CodingSchemeName, scheme.CodingSchemeResponsibleOrganization) != ("", "")
    codes = [element for element in report.iterall() if element.keyword in {"CodeValue", "LongCodeValue"}]
    assert {element.keyword for element in codes} == {"CodeValue"}
    assert max(len(element.value) for element in codes) <= 16


def _wrong_title(report: Dataset) -> None:
    report.ConceptNameCodeSequence[0].CodeValue = "126001"


def _without_library(report: Dataset) -> None:
    report.ContentSequence = [item for item in report.ContentSequence if item is not children(report, "111028")[0]]


def _without_tracking(report: Dataset) -> None:
    group = groups(report)[0]
    group.ContentSequence = [
        item for item in group.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue != "112040"
    ]


def _without_coordinates(report: Dataset) -> None:
    planar = groups(report)[1]
    planar.ContentSequence = [item for item in planar.ContentSequence if item.ValueType != "SCOORD"]
    report.ConceptNameCodeSequence[0].CodeValue = "126001"


def _with_a_bare_number(report: Dataset) -> None:
    _without_coordinates(report)
    number = next(item for item in groups(report)[0].ContentSequence if item.ValueType == "NUM")
    del number.ContentSequence


def _with_nothing_to_draw(report: Dataset) -> None:
    _without_coordinates(report)
    report.ConceptNameCodeSequence[0].CodeValue = "126000"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_wrong_title, "its title is not 126000"),
        (_without_library, "no image library"),
        (_without_tracking, "no tracking UID"),
        (_with_a_bare_number, "a number without children"),
        (_with_nothing_to_draw, "its title is not 126001"),
    ],
)
def test_rules_when_ohif_would_drop_or_fail_then_name_res_sr(
    tmp_path: Path, damage: Callable[[Dataset], None], sentence: str
) -> None:
    _, report = write(tmp_path)
    check_report(report)
    damage(report)

    with pytest.raises(StudyError) as caught:
        check_report(report)

    assert caught.value.code == "RES-SR"
    assert sentence in str(caught.value)


def test_outline_when_mask_is_a_rectangle_then_its_area_and_corners_are_those_of_the_pixels() -> None:
    mask = np.zeros((12, 15), dtype=bool)
    mask[3:8, 4:11] = True
    mask[0, 0] = True

    loop = outline(mask)

    # Lines run through the midpoints between pixels; each of the four corners is cut by a triangle of 1/8.
    assert enclosed_area(loop) == pytest.approx(5 * 7 - 4 / 8)
    assert (loop.min(axis=0).tolist(), loop.max(axis=0).tolist()) == ([4.0, 3.0], [11.0, 8.0])


def test_outline_when_mask_touches_the_edge_then_it_is_closed_and_inside_the_image() -> None:
    mask = np.ones((6, 9), dtype=bool)

    loop = outline(mask)

    assert np.array_equal(loop[0], loop[-1])
    assert (loop.min(axis=0).tolist(), loop.max(axis=0).tolist()) == ([0.0, 0.0], [9.0, 6.0])
