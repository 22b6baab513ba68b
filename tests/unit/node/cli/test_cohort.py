import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from node.cli import app
from pipeline.model_bundle import BUNDLED_FOLDER


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
    assert output == ""
    for name in ("a", "a.nii.gz", "b"):
        assert f"{tmp_path / name} does not exist" in errors


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
    assert readers[0].keywords["rules"].label.endswith("with site rules hospital 1")
    rules.write_text('version = "hospital 1"\n[decision]\nmargin = -1\n')
    code, _, errors = run("cohort", "check", cohort, "--config", str(config))
    assert code == 2
    assert "decision.margin" in errors


def test_train_when_the_cohort_file_is_missing_then_one_line_says_so(tmp_path: Path) -> None:
    code, _, errors = run("cohort", "train", str(tmp_path / "absent.toml"), "--work", str(tmp_path))
    assert code == 2
    assert errors.count("\n") == 1
