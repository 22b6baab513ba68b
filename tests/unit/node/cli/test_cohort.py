import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from typer.testing import CliRunner

from node.cli import app
from node.ledger.ledger import open_ledger
from node.storage.folder import LEDGER_FILE
from pipeline.analysis import ModelIdentity
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.evaluation.sampling import area_bounds
from pipeline.geometry import Grid
from pipeline.resampling import to_sitk
from pipeline.study import Role
from pipeline.training.classifier import HeldOut


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_check_when_the_cohort_file_is_valid_then_the_cases_are_counted() -> None:
    code, output, _ = run("cohort", "check", str(BUNDLED_FOLDER / "phantom-demo" / "cohort.toml"), "--json")
    document = json.loads(output)
    assert code == 0
    assert document["bundle"]["name"] == "phantom-demo"
    assert document["segmentation_cases"] > 0
    assert document["classifier_cases"] > 0


def test_check_when_folders_are_missing_then_all_are_named_and_the_exit_code_is_two(tmp_path: Path) -> None:
    file = tmp_path / "cohort.toml"
    file.write_text(
        '[cohort]\nname = "x"\nkind = "dicom"\n[bundle]\nname = "x"\nversion = "1.0.0"\n'
        '[[cases]]\nfolder = "a"\nmvi = true\nlabels = "a.nii.gz"\n[[cases]]\nfolder = "b"\nmvi = false\n'
    )
    code, output, errors = run("cohort", "check", str(file))
    assert code == 2
    for name in ("a", "a.nii.gz", "b"):
        assert f"CM-PATH\t{tmp_path / name} does not exist" in output
    assert "3 problems of 2 of 2 patients" in errors


def test_check_when_patients_have_problems_then_one_table_lists_all_and_nothing_is_changed(tmp_path: Path) -> None:
    grid = Grid((3, 4, 5), np.array([1.0, 2.0, 3.0]), np.zeros(3), np.eye(3))
    for role in Role:
        sitk.WriteImage(to_sitk(np.zeros(grid.shape, np.int16), grid), str(tmp_path / f"{role}.nii.gz"))
    box = np.zeros(grid.shape, np.uint8)
    box[1, 1, 1] = 1
    sitk.WriteImage(to_sitk(box, grid), str(tmp_path / "good.nrrd"))
    elsewhere = Grid(grid.shape, grid.spacing_xyz_mm, np.array([0.3, 0.0, 0.0]), grid.direction)
    sitk.WriteImage(to_sitk(box, elsewhere), str(tmp_path / "bad.nrrd"))
    images = ",".join(f"image_{role}" for role in Role)
    six = ",".join(f"{role}.nii.gz" for role in Role)
    (tmp_path / "empty").mkdir()
    file = tmp_path / "cohort.csv"
    file.write_text(
        f"patient,folder,study,mvi,mask_T2,mask_T1_PRE,AST [U/L],GGT,{images}\n"
        f"P1,,,yes,good.nrrd,bad.nrrd,30,,{six}\n"
        f"P2,,,,,absent.nrrd,9,12,T2.nii.gz,,,,,\n"
        f"P2,empty,,no,,,,{',' * 6}\n"
        f"P4,,,perhaps,,,30,,T2.nii.gz,T1_PRE.nii.gz,,,,\n"
    )
    before = sorted(tmp_path.rglob("*"))
    code, output, _ = run("cohort", "check", str(file), "--json")
    assert code == 2
    found = {(item["patient"], item["code"]) for item in json.loads(output)["problems"]}
    assert found == {
        ("patient-0001", "CM-GRID"),
        ("patient-0001", "CM-TWICE"),
        ("patient-0002", "CM-LABEL"),
        ("patient-0002", "CM-TWICE"),
        ("patient-0002", "CM-PATH"),
        ("patient-0002", "LAB-UNIT"),
        ("patient-0002", "CM-ROLE"),
        ("patient-0003", "CM-TWICE"),
        ("patient-0003", "CM-READ"),
        ("patient-0004", "CM-LABEL"),
        ("patient-0004", "CM-TWICE"),
        ("patient-0004", "CM-ROLE"),
    }
    assert sorted(tmp_path.rglob("*")) == before
    code, _, errors = run("cohort", "extract", str(file), "--work", str(tmp_path / "work"))
    assert code == 2
    assert "patient-0002: the outcome is missing" in errors
    assert not (tmp_path / "work").exists()


def test_check_when_lines_say_what_they_cannot_mean_then_each_is_a_row_beside_the_problems_of_the_others(
    tmp_path: Path,
) -> None:
    grid = Grid((3, 4, 5), np.array([1.0, 2.0, 3.0]), np.zeros(3), np.eye(3))
    sitk.WriteImage(to_sitk(np.ones(grid.shape, np.int16), grid), str(tmp_path / "one.nii.gz"))
    sitk.WriteImage(to_sitk(np.zeros(grid.shape, np.uint8), grid), str(tmp_path / "empty.nrrd"))
    images = ";".join(f"image_{role}" for role in Role)
    file = tmp_path / "cohort.csv"
    file.write_text(
        f"patient;folder;study;mvi;mask_T2;image_T3;{images}\n"
        f"P1;;;yes;;;{';' * 5}\n"
        f"P2;;1.2.x;no;;;{';' * 5}\n"
        f"P3;;;no;empty.nrrd;x.nii.gz;{';'.join(['one.nii.gz'] * 6)}\n"
        f"P4;absent;;perhaps;;;{';' * 5}\n"
    )
    code, output, _ = run("cohort", "check", str(file), "--json")
    assert code == 2
    found = [(item["patient"], item["code"], item["message"]) for item in json.loads(output)["problems"]]
    assert {(patient, told) for patient, told, _ in found} == {
        ("patient-0001", "CM-CASE"),
        ("patient-0002", "CM-CASE"),
        ("patient-0003", "CM-CASE"),
        ("patient-0003", "CM-EMPTY"),
        ("patient-0004", "CM-PATH"),
        ("patient-0004", "CM-LABEL"),
    }
    sentences = " ".join(message for _, _, message in found)
    for said in ("name one of folder", "study: ", "images.t3", "two sequences name the same file"):
        assert said in sentences
    code, _, errors = run("cohort", "extract", str(file), "--work", str(tmp_path / "work"))
    assert (code, (tmp_path / "work").exists()) == (2, False)
    assert "patient-0002: study: " in errors


def test_check_when_a_study_of_the_node_is_named_then_the_node_is_asked(tmp_path: Path) -> None:
    config, file = tmp_path / "node.toml", tmp_path / "cohort.csv"
    storage = tmp_path / "storage"
    storage.mkdir()
    config.write_text(f'[node]\nstorage = "{storage}"\n')
    file.write_text("study,mvi\n1.2.3,yes\n")
    code, _, errors = run("cohort", "check", str(file), "--config", str(config))
    assert code == 2
    assert "no ledger" in errors
    code, output, errors = run(
        "cohort", "extract", str(file), "--config", str(config), "--work", str(tmp_path / "w")
    )
    assert code == 1
    assert "no ledger" in errors
    with open_ledger(f"sqlite:///{storage / LEDGER_FILE}"):
        pass
    code, output, _ = run("cohort", "check", str(file), "--config", str(config))
    assert code == 2
    assert "patient-0001\tCM-STUDY" in output


def test_check_when_a_site_has_its_own_series_rules_then_the_cases_are_read_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[Any] = []
    monkeypatch.setattr("pipeline.training.sources.sources_of", lambda _manifest, reader: readers.append(reader))
    rules, config = tmp_path / "rules.toml", tmp_path / "node.toml"
    config.write_text(f'[matching]\nrules = "{rules}"\n')
    cohort = str(BUNDLED_FOLDER / "phantom-demo" / "cohort.toml")
    rules.write_text('version = "hospital 1"\n[lexicon]\narterial = ["fase a"]\n')
    run("cohort", "check", cohort, "--config", str(config))
    assert readers[0].rules.label.endswith("with site rules hospital 1")
    rules.write_text('version = "hospital 1"\n[decision]\nmargin = -1\n')
    code, _, errors = run("cohort", "check", cohort, "--config", str(config))
    assert code == 2
    assert "decision.margin" in errors


def test_check_when_a_patient_lacks_an_image_or_an_outcome_then_each_is_said_once(
    tmp_path: Path,
) -> None:
    grid = Grid((3, 4, 5), np.array([1.0, 2.0, 3.0]), np.zeros(3), np.eye(3))
    for role in Role:
        sitk.WriteImage(to_sitk(np.zeros(grid.shape, np.int16), grid), str(tmp_path / f"{role}.nii.gz"))
    images = ",".join(f"image_{role}" for role in Role)
    gone = ",".join("gone.nii.gz" if role is Role.DWI else f"{role}.nii.gz" for role in Role)
    file = tmp_path / "cohort.csv"
    file.write_text(
        f"mvi,AST [U/L],AFP [ng/mL],{images}\nyes,1e3,20,{gone}\n,30,>400,{',' * 5}\nmaybe,30,7,{',' * 5}\n"
    )
    code, output, _ = run("cohort", "check", str(file), "--json")
    assert code == 2
    found = [(item["patient"][-1], item["code"], item["message"]) for item in json.loads(output)["problems"]]
    assert [told for patient, told, _ in found if patient == "1"] == ["CM-PATH", "LAB-VALUE"]
    sentences = [f"{patient} {message}" for patient, _, message in found]
    for said in (
        "1 column AST [U/L]: AST is written with an exponent; write the number out",
        "2 the outcome is missing; fill mvi in",
        "3 the outcome is not understood; mvi must be yes or no",
    ):
        assert any(sentence.startswith(said) for sentence in sentences), said
    assert any("AFP" in sentence and "a bound (< or >)" in sentence for sentence in sentences)


def test_train_when_cases_are_few_then_says_so_and_gives_the_area_its_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = HeldOut(12, 4, 0.9, 0.5, 0.75, 0.2, 0.1)
    fit = SimpleNamespace(radiomics=held_out, combined=None)
    identity = ModelIdentity("small", "1.0.0", "0" * 64, "tests")
    monkeypatch.setattr("pipeline.training.cohort.train_bundle", lambda *_: (identity, fit))
    file = tmp_path / "cohort.csv"
    file.write_text("folder,mvi\na,yes\n")
    (tmp_path / "a").mkdir()
    arguments = ("cohort", "train", str(file), "--work", str(tmp_path / "work"))
    code, _, errors = run(*arguments)
    assert code == 0
    assert "Only 4 patients with invasion" in errors and "Only 8 patients without invasion" in errors
    low, high = area_bounds(0.9, 4, 8)
    assert f"area under the curve 0.900 ({low:.3f} to {high:.3f})" in errors
    printed = json.loads(run(*arguments, "--json")[1])["left_out"]["radiomics"]
    assert printed["auc_interval_95"] == pytest.approx([low, high])


def test_train_when_the_cohort_file_is_missing_then_one_line_says_so(tmp_path: Path) -> None:
    code, _, errors = run("cohort", "train", str(tmp_path / "absent.toml"), "--work", str(tmp_path))
    assert code == 2
    assert errors.count("\n") == 1


def test_extract_when_cases_were_refused_then_each_run_names_them_until_they_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.training.cohort.extract", lambda *_: [])
    file = tmp_path / "cohort.csv"
    file.write_text("folder,mvi\na,yes\n")
    (tmp_path / "a").mkdir()
    refusal = tmp_path / "work" / "features" / "patient-0001.refused.json"
    refusal.parent.mkdir(parents=True)
    refusal.write_text('{"because": "CM-GRID: not on the voxels"}')
    arguments = ("cohort", "extract", str(file), "--work", str(tmp_path / "work"))
    for _ in range(2):
        code, output, errors = run(*arguments)
        assert code == 1
        assert "patient-0001\tCM-GRID: not on the voxels" in output
        assert "1 are refused" in errors
    code, output, errors = run(*arguments, "--retry", "--json")
    assert not refusal.exists()
    assert json.loads(output)["refused"] == {}
    # Nothing was extracted, and nothing says that all went well.
    assert (code, "1 failed" in errors) == (1, True)
