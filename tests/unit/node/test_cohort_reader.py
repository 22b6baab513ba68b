"""A DICOM cohort: folders of patients with labels become the same cases as the phantoms they were written from."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from typer.testing import CliRunner

from config.series_rules import load_series_rules
from node.cli import app
from node.cohort_reader import read_study
from pipeline.errors import UnsuitableStudyError
from pipeline.phantom import make_case
from pipeline.study import FIXED_ROLE, Analyte
from pipeline.training.errors import TrainingError
from pipeline.training.manifest import DicomCase
from pipeline.training.sources import PatientSource

SEED = 3
RULES = load_series_rules()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patient")
    assert CliRunner().invoke(app, ["phantom", str(folder), "--seed", str(SEED)]).exit_code == 0
    return folder


@pytest.mark.slow
def test_patient_when_loaded_then_images_labels_and_values_are_those_of_the_phantom(written: Path) -> None:
    labels = written / "truth" / "label_map.nii.gz"
    case = DicomCase(folder=written / "dicom", mvi=True, labels=labels, clinical={Analyte.AST: 31.5})
    loaded = PatientSource(7, case, partial(read_study, rules=RULES)).load()
    truth = make_case(SEED)
    for role, volume in truth.study.volumes.items():
        assert loaded.study.volumes[role].grid.is_close(volume.grid, tolerance_mm=0.01)
        np.testing.assert_allclose(loaded.study.volumes[role].array, volume.array, atol=0.51)
    assert loaded.label_map is not None
    np.testing.assert_array_equal(loaded.label_map.array, truth.truth.label_map.array)
    assert loaded.study.clinical[Analyte.AST].value == 31.5
    assert loaded.mvi
    assert loaded.transforms_lps_mm is None


def test_patient_when_the_labels_lie_elsewhere_then_the_case_is_named_by_its_number(tmp_path: Path) -> None:
    study = make_case(SEED).study
    path = tmp_path / "labels.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros(study.volumes[FIXED_ROLE].grid.shape, np.uint8)), str(path))
    source = PatientSource(7, DicomCase(folder=tmp_path, mvi=False, labels=path), lambda _: study)
    with pytest.raises(TrainingError, match="labels of patient-0007 are not on the grid"):
        source.load()
    path.write_bytes(b"no image")
    with pytest.raises(TrainingError, match="labels of patient-0007 cannot be read"):
        source.load()


def test_reader_when_a_folder_holds_several_studies_then_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicom_io.assembly.scan_folder", lambda folder: folder)
    monkeypatch.setattr("dicom_io.assembly.match_studies", lambda scan, rules: [scan, rules])
    with pytest.raises(UnsuitableStudyError, match="SM-STUDIES: The folder of the case holds 2 studies"):
        read_study(Path(), RULES)
