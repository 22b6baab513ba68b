"""Ordinary hospital headers end no result, and come out whole and in Unicode."""

import io
import logging
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from dicom_io.results import write_results
from dicom_io.results.headers import REQUIRED_EMPTY, copy_patient_and_study, read_header
from tests.unit.dicom_io.results.synthetic_study import make_analysis, make_grid, make_match

pytestmark = pytest.mark.usefixtures("blank_page")

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)

CHARACTER_SETS = {
    "Latin 1": ("ISO_IR 100", "Müller^Jörg", "Leber-MRT für Übersicht"),
    "Cyrillic": ("ISO_IR 144", "Иванов^Иван", "МРТ печени"),
    "Greek": ("ISO_IR 126", "Διονυσιος", "ΜΡΙ ηπατος"),
    "Thai": ("ISO_IR 166", "ประภัสสร^นงนุช", "ตับ"),
    "Japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "肝臓 MRI"),
    "Japanese katakana": (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "肝臓"),
    "Korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "간 MRI"),
    "Chinese GB18030": ("GB18030", "Wang^XiaoDong=王^小东=", "肝脏𠀀 增强"),
    "Chinese GBK": ("GBK", "Wang^XiaoDong=王^小东=", "肝脏 增强"),
    "Unicode": ("ISO_IR 192", "Wang^XiaoDong=王^小東=", "肝臟 😀"),
}


def written(tmp_path: Path, edit: Callable[[Dataset], None]) -> list[Dataset]:
    grid = make_grid()
    match = make_match(tmp_path / "in", grid, edit=edit)
    results = write_results(match, make_analysis(grid), tmp_path / "out", now=NOW)
    return [pydicom.dcmread(path) for path in results.instances]


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_results_when_source_has_a_character_set_then_names_survive_in_unicode(tmp_path: Path, name: str) -> None:
    character_set, patient, description = CHARACTER_SETS[name]

    def edit(ds: Dataset) -> None:
        ds.SpecificCharacterSet = character_set
        ds.PatientName, ds.StudyDescription = patient, description

    for ds in written(tmp_path, edit):
        assert ds.SpecificCharacterSet == "ISO_IR 192"
        assert str(ds.PatientName).rstrip("=") == patient.rstrip("=")
        assert ds.StudyDescription == description


def test_results_when_source_is_gb2312_then_its_escape_sequences_are_gone(tmp_path: Path) -> None:
    escape = b"\x1b$)A"

    def edit(ds: Dataset) -> None:
        ds.SpecificCharacterSet = ["ISO 2022 IR 6", "ISO 2022 IR 58"]
        # PS3.5 K.3, byte for byte: pydicom writes this character set without escape sequences.
        ideographs = escape + "张".encode("gb2312") + b"^" + escape + "小东".encode("gb2312")
        ds.PatientName = (b"Zhang^XiaoDong=" + ideographs + b"=").decode("latin-1")
        ds.StudyDescription = (escape + "肝脏 增强".encode("gb2312")).decode("latin-1")

    for ds in written(tmp_path, edit):
        assert str(ds.PatientName) == "Zhang^XiaoDong=张^小东"
        assert ds.StudyDescription == "肝脏 增强"


@pytest.mark.parametrize("keyword", REQUIRED_EMPTY)
def test_results_when_a_type_2_element_is_missing_then_it_is_empty(tmp_path: Path, keyword: str) -> None:
    def edit(ds: Dataset) -> None:
        del ds[keyword]

    for ds in written(tmp_path, edit):
        assert keyword in ds
        assert ds[keyword].is_empty


def test_results_when_all_optional_geometry_is_missing_then_the_grid_supplies_it(tmp_path: Path) -> None:
    def edit(ds: Dataset) -> None:
        for keyword in ("SliceThickness", "PositionReferenceIndicator", "Manufacturer"):
            del ds[keyword]

    seg = written(tmp_path, edit)[0]

    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (float(measures.SliceThickness), float(measures.SpacingBetweenSlices)) == (5.0, 5.0)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "1960-01-02"),
        ("PatientBirthDate", "00000000"),
        ("StudyDate", "20261399"),
        ("StudyTime", "10:15:00"),
        ("PatientSex", "female"),
        ("PatientSex", "U"),
    ],
)
def test_results_when_a_value_is_impossible_then_it_is_empty(tmp_path: Path, keyword: str, value: str) -> None:
    def edit(ds: Dataset) -> None:
        # As from a file: no validation on assignment.
        ds[keyword] = pydicom.DataElement(keyword, ds[keyword].VR, value, validation_mode=pydicom.config.IGNORE)

    for ds in written(tmp_path, edit):
        assert ds[keyword].is_empty


@pytest.mark.parametrize(
    ("offset", "content"),
    [
        ("+0800", ("20260103", "200000")),
        ("-0330", ("20260103", "083000")),
        ("+1400", ("20260104", "020000")),
        ("", ("20260103", "120000")),
        ("Z", ("20260103", "120000")),
        ("+9900", ("20260103", "120000")),
    ],
)
def test_results_when_the_source_declares_an_offset_then_the_times_are_written_in_it(
    tmp_path: Path, offset: str, content: tuple[str, str]
) -> None:
    def edit(ds: Dataset) -> None:
        ds.TimezoneOffsetFromUTC = offset

    for ds in written(tmp_path, edit):
        assert (ds.ContentDate, ds.ContentTime) == content
        assert (ds.SeriesDate, ds.SeriesTime) == content
        assert (ds.InstanceCreationDate, ds.InstanceCreationTime) == content
        assert ds.get("DateOfSecondaryCapture", content[0]) == content[0]


def test_results_when_name_has_one_component_then_it_is_kept_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def edit(ds: Dataset) -> None:
        ds.PatientName, ds.ReferringPhysicianName = "ONLYONENAME", "SOMEDOCTOR"

    with caplog.at_level(logging.DEBUG):
        datasets = written(tmp_path, edit)

    assert {str(ds.PatientName) for ds in datasets} == {"ONLYONENAME"}
    assert "ONLYONENAME" not in caplog.text
    assert "SOMEDOCTOR" not in caplog.text


def test_results_when_slices_differ_in_the_last_digit_then_they_are_one_series(tmp_path: Path) -> None:
    def edit(ds: Dataset) -> None:
        if ds.InstanceNumber == 3:
            ds.ImageOrientationPatient = ["0.9999999", "0", "0.0000001", "0", "1", "0"]

    assert written(tmp_path, edit)[0].SegmentationType == "BINARY"


def test_copy_when_source_has_sequences_then_private_elements_and_character_sets_stay_behind() -> None:
    source, item = Dataset(), Dataset()
    source.SpecificCharacterSet, source.StudyInstanceUID = "ISO_IR 100", "1.2.3"
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "MRL", "99HIS", "Leber für alle"
    item.SpecificCharacterSet = "ISO_IR 100"
    item.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "secret")
    source.ProcedureCodeSequence = [item]
    target = Dataset()

    copy_patient_and_study(source, target)

    assert target.ProcedureCodeSequence[0].CodeMeaning == "Leber für alle"
    assert [element.keyword for element in target.ProcedureCodeSequence[0]] == [
        "CodeValue",
        "CodingSchemeDesignator",
        "CodeMeaning",
    ]
    buffer = io.BytesIO()
    target.save_as(buffer, implicit_vr=False, little_endian=True)
    assert "Leber für alle".encode() in buffer.getvalue()


def test_header_when_read_then_elements_that_were_not_asked_for_are_not(tmp_path: Path) -> None:
    def edit(ds: Dataset) -> None:
        ds.PatientAddress, ds.PatientTelephoneNumbers = "Street 1", "123"

    for ds in written(tmp_path, edit):
        assert "PatientAddress" not in ds
    header = read_header(tmp_path / "in" / "T2_0.dcm", ("Rows",))
    assert "PatientAddress" not in header
    assert header.Rows == 24


@pytest.mark.parametrize(
    ("keyword", "written_value", "found_value"),
    [("PatientWeight", b"70.5", b"70,5"), ("PatientSize", b"1.75", b"175c"), ("SliceThickness", b"5.25", b"5,25")],
)
def test_results_when_a_number_is_none_then_it_is_left_out(
    tmp_path: Path, keyword: str, written_value: bytes, found_value: bytes
) -> None:
    def edit(ds: Dataset) -> None:
        setattr(ds, keyword, written_value.decode())

    grid = make_grid()
    match = make_match(tmp_path / "in", grid, edit=edit)
    for path in (tmp_path / "in").iterdir():
        path.write_bytes(path.read_bytes().replace(written_value, found_value))

    results = write_results(match, make_analysis(grid), tmp_path / "out", now=NOW)

    assert [keyword in pydicom.dcmread(path) for path in results.instances] == [False, False, False]


@pytest.mark.filterwarnings("ignore:The value length")
def test_results_when_texts_are_too_long_then_only_what_identifies_is_repeated_whole(tmp_path: Path) -> None:
    def edit(ds: Dataset) -> None:
        ds.StudyDescription, ds.PatientID, ds.AccessionNumber = "D" * 70, "P" * 70, "A" * 20

    for ds in written(tmp_path, edit):
        # An archive knows the patient by them: cut short they would be another's.
        assert (ds.PatientID, ds.AccessionNumber) == ("P" * 70, "A" * 20)
        assert ds.StudyDescription == "D" * 64


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


@pytest.mark.filterwarnings("ignore:The value length")
def test_results_when_a_procedure_code_is_too_long_then_the_next_is_reported(tmp_path: Path) -> None:
    def edit(ds: Dataset) -> None:
        ds.ProcedureCodeSequence = [code("V" * 17, "99HIS", "liver"), code("MRL", "99HIS", "M" * 70)]

    for ds in written(tmp_path, edit):
        # A code value cut short is another code; a meaning cut short is the same.
        assert [(item.CodeValue, item.CodeMeaning) for item in ds.ProcedureCodeSequence] == [("MRL", "M" * 64)]
        if "ContentSequence" in ds:
            (procedure,) = (
                item.ConceptCodeSequence[0].CodeValue
                for item in ds.ContentSequence
                if item.ConceptNameCodeSequence[0].CodeValue == "121058"
            )
            assert procedure == "MRL"


def _incomplete(ds: Dataset) -> None:
    known, nameless = Dataset(), Dataset()
    known.PatientID, known.TypeOfPatientID, nameless.PatientID, nameless.TypeOfPatientID = "Q1", "TEXT", "", "TEXT"
    ds.OtherPatientIDsSequence = [known, nameless]
    ds.StudyDescription = ["LIVER", "MRI"]
    ds.PatientIdentityRemoved = "YES"
    ds.ClinicalTrialSponsorName = "Sponsor"


@pytest.mark.peer("dicom3tools")
def test_results_when_optional_modules_are_incomplete_then_dciodvfy_finds_no_error(tmp_path: Path) -> None:
    datasets = written(tmp_path, _incomplete)

    for ds in datasets:
        assert [item.PatientID for item in ds.OtherPatientIDsSequence] == ["Q1"]
        assert ds.StudyDescription == "LIVER MRI"
        assert ds.DeidentificationMethod
        assert "ClinicalTrialSponsorName" not in ds
    for path in (tmp_path / "out").glob("*.dcm"):
        verdict = subprocess.run(["/usr/bin/dciodvfy", str(path)], capture_output=True, check=False, timeout=60)
        assert b"Error" not in verdict.stdout + verdict.stderr, verdict


def test_results_when_a_clinical_trial_is_named_then_its_type_2_elements_are_there(tmp_path: Path) -> None:
    def edit(ds: Dataset) -> None:
        ds.ClinicalTrialSponsorName, ds.ClinicalTrialProtocolID, ds.ClinicalTrialSubjectID = "Sponsor", "P1", "S1"

    for ds in written(tmp_path, edit):
        assert (ds.ClinicalTrialSponsorName, ds.ClinicalTrialSiteID, ds.ClinicalTrialSiteName) == (
            "Sponsor",
            "",
            "",
        )
