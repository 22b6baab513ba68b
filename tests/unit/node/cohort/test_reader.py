"""A DICOM cohort: folders of patients with labels become the same cases as the phantoms they were written from."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from typer.testing import CliRunner

from config.analytes import load_analytes
from config.series_rules import load_series_rules
from node.cli import app
from node.cohort.clinical import COLUMN, is_further, read_clinical
from node.cohort.reader import CohortReader
from node.cohort.studies import StoredStudy
from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.phantom import make_case
from pipeline.resampling import to_sitk
from pipeline.study import FIXED_ROLE, Analyte, Role, Study
from pipeline.training.cases import PatientCase
from pipeline.training.errors import TrainingError
from pipeline.training.sources import Patient, PatientSource
from pipeline.volume import LabelMap, Volume

SEED = 3
READER = CohortReader(load_series_rules(), load_analytes(), date(2026, 1, 1))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patient")
    assert CliRunner().invoke(app, ["phantom", str(folder), "--seed", str(SEED)]).exit_code == 0
    return folder


@pytest.mark.slow
def test_patient_when_loaded_then_images_labels_masks_and_values_are_those_of_the_phantom(
    written: Path, tmp_path: Path
) -> None:
    truth = make_case(SEED)
    labels = written / "truth" / "label_map.nii.gz"
    tumour = (truth.truth.label_map.array == 2).astype(np.uint8)
    sitk.WriteImage(to_sitk(tumour, truth.truth.label_map.grid), str(tmp_path / "hbp.nrrd"))
    case = PatientCase(
        folder=written / "dicom",
        mvi=True,
        labels=labels,
        masks={FIXED_ROLE: tmp_path / "hbp.nrrd"},
        clinical={"AST [ukat/L]": "0.525", "ggt_u_per_l": 40.0, "hbcab_positive": 1.0},
    )
    loaded = PatientSource(7, case, READER).load()
    for role, volume in truth.study.volumes.items():
        assert loaded.study.volumes[role].grid.is_close(volume.grid, tolerance_mm=0.01)
        np.testing.assert_allclose(loaded.study.volumes[role].array, volume.array, atol=0.51)
    assert loaded.label_map is not None
    np.testing.assert_array_equal(loaded.label_map.array, truth.truth.label_map.array)
    np.testing.assert_array_equal(loaded.tumour_masks[FIXED_ROLE].array, tumour)
    values = {analyte: value.value for analyte, value in loaded.study.clinical.items()}
    assert values == {Analyte.AST: pytest.approx(31.5), Analyte.GGT: 40.0, Analyte.HBCAB: 1.0}
    assert loaded.mvi
    assert loaded.transforms_lps_mm is None


def test_patient_when_the_node_holds_the_study_then_its_files_and_assignments_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[object] = []

    def match(*given: object) -> list[object]:
        asked.extend(given)
        return []

    monkeypatch.setattr("dicom_io.assembly.scan_files", lambda paths: paths)
    monkeypatch.setattr("dicom_io.assembly.match_studies", match)
    paths = (tmp_path / "1.dcm", tmp_path / "2.dcm")
    reader = replace(READER, stored={"1.2": StoredStudy(paths, (), "1.2")})
    with pytest.raises(UnsuitableStudyError, match="SM-STUDIES"):
        reader.study(PatientCase(study="1.2", mvi=True))
    assert asked == [paths, READER.rules, {"1.2": ()}]


def test_patient_when_six_files_are_named_then_they_are_the_study(tmp_path: Path) -> None:
    grid = Grid((3, 4, 5), np.array([1.0, 2.0, 3.0]), np.zeros(3), np.eye(3))
    images = {}
    for n, role in enumerate(Role):
        images[role] = tmp_path / f"{role}.nii.gz"
        sitk.WriteImage(to_sitk(np.full(grid.shape, n, np.int16), grid), str(images[role]))
    study = READER(PatientCase(images=images, mvi=False)).study
    assert [float(study.volumes[role].array.max()) for role in Role] == [0, 1, 2, 3, 4, 5]
    del images[Role.DWI]
    with pytest.raises(UnsuitableStudyError, match="CM-ROLE: The case names no image of DWI"):
        READER(PatientCase(images=images, mvi=False))


def test_patient_when_a_value_is_not_understood_then_it_is_an_error_and_never_a_guess(tmp_path: Path) -> None:
    case = PatientCase(folder=tmp_path, mvi=False, clinical={"AST": 31.5})
    with pytest.raises(UnsuitableStudyError, match="LAB-UNIT: A clinical value is not understood: column AST"):
        READER(case)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("AST", 31.5, "LAB-UNIT"),
        ("AST [mmol/L]", 31.5, "LAB-UNIT"),
        ("ast_u_per_l", 5e6, "LAB-RANGE"),
        ("ast_u_per_l", "many", "LAB-VALUE"),
        ("ast_u_per_1", 50, "LAB-UNIT"),
        ("hbcabs_positive", 1, COLUMN),
        ("tumour_size_mm", 50, COLUMN),
        ("2888-6 Protein [g/L]", 70, COLUMN),
    ],
)
def test_clinical_when_not_understood_then_coded_and_the_column_named(
    column: str, value: float | str, code: str
) -> None:
    values, problems = read_clinical({column: value}, READER.analytes, READER.today)
    assert values == {}
    ((found, sentence),) = problems
    assert found == code
    assert sentence.startswith(f"column {column}: ")


@pytest.mark.parametrize("column", ["age", "AFP [ng/mL]", "hbsab_positive", "alt_u_per_l", "child_pugh"])
def test_clinical_when_a_column_is_none_of_the_model_then_it_is_no_problem_and_no_value_of_it(column: str) -> None:
    assert is_further(column, READER.analytes)
    assert read_clinical({column: 5}, READER.analytes, READER.today) == ({}, [])


def test_clinical_when_two_columns_hold_one_analyte_then_named() -> None:
    _, problems = read_clinical({"ast_u_per_l": 30, "AST [U/L]": 31}, READER.analytes, READER.today)
    assert problems == [(COLUMN, "column AST [U/L]: another column holds ast_u_per_l too")]


@pytest.mark.parametrize("frames", [{}, {Role.T2: "1.2", Role.T1_PRE: "1.3"}])
def test_patient_when_masks_lie_apart_then_only_those_of_one_frame_of_reference_are_compared(
    tmp_path: Path, frames: dict[Role, str]
) -> None:
    grid = Grid((1, 1, 60), np.ones(3), np.zeros(3), np.eye(3))
    study = Study(dict.fromkeys(Role, Volume(np.ones(grid.shape, np.float32), grid)))
    masks = {}
    for role, place in ((Role.T2, 2), (Role.T1_PRE, 50)):
        array = np.zeros(grid.shape, np.uint8)
        array[..., place] = 1
        masks[role] = LabelMap(array, grid)
    patient = Patient(study, masks, frames)
    source = PatientSource(7, PatientCase(folder=tmp_path, mvi=False), lambda _: patient)
    if frames:
        assert source.load().tumour_masks == masks
    else:
        with pytest.raises(UnsuitableStudyError, match="CM-MASK: The tumours of T1_PRE and T2 lie 48 mm apart"):
            source.load()


def test_patient_when_the_labels_lie_elsewhere_then_refused(tmp_path: Path) -> None:
    grid = Grid((3, 4, 5), np.ones(3), np.array([9.0, 0.0, 0.0]), np.eye(3))
    study = Study(dict.fromkeys(Role, Volume(np.zeros(grid.shape, np.float32), grid)))
    path = tmp_path / "labels.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones(grid.shape, np.uint8)), str(path))
    source = PatientSource(7, PatientCase(folder=tmp_path, mvi=False, labels=path), lambda _: Patient(study))
    with pytest.raises(UnsuitableStudyError, match="CM-GRID: The label map"):
        source.load()
    path.write_bytes(b"no image")
    with pytest.raises(UnsuitableStudyError, match="CM-READ: The label map"):
        source.load()
    unknown = PatientSource(7, PatientCase(folder=tmp_path), lambda _: Patient(study))
    with pytest.raises(TrainingError, match="patient-0007 has no outcome"):
        unknown.load()


def test_reader_when_a_folder_holds_several_studies_then_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_io.assembly.scan_folder", lambda folder: folder)
    monkeypatch.setattr("dicom_io.assembly.match_studies", lambda *given: list(given[:2]))
    with pytest.raises(UnsuitableStudyError, match="SM-STUDIES: The folder of the case holds 2 studies"):
        READER.study(PatientCase(folder=Path(), mvi=True))


def test_reader_when_the_node_has_no_such_study_then_it_is_refused() -> None:
    with pytest.raises(UnsuitableStudyError, match="CM-STUDY"):
        READER.study(PatientCase(study="1.2.3", mvi=True))
