import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.loading import load_settings
from node.cli import app
from node.models.choice import load_active_bundle
from node.models.signature import ModelRefusedError
from pipeline.model_bundle import CLASSIFIER, write_bundle
from tests.unit.pipeline.bundles import SMALL, blank_tensors


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_bundle(
        tmp_path / "models" / "small",
        name="small",
        version="1.0.0",
        intended_use="tests",
        settings=SMALL,
        tensors=blank_tensors(),
        training={"left_out": {"radiomics": {"auc": 0.75}}},
    )
    path = tmp_path / "node.toml"
    path.write_text(f'[model]\nactive = "small"\nfolder = "{tmp_path}/models"\n')
    return path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_list_when_a_bundle_is_installed_then_it_is_listed_as_active(config: Path) -> None:
    code, output, _ = run("models", "list", "--json", "--config", str(config))
    rows = {row["name"]: row for row in json.loads(output)["models"]}
    assert code == 0
    assert rows["small"]["active"] is True
    assert rows["small"]["version"] == "1.0.0"
    assert rows["small"]["problem"] == ""


def test_show_when_no_name_is_given_then_the_active_one_is_shown(config: Path) -> None:
    code, output, _ = run("models", "show", "--json", "--config", str(config))
    document = json.loads(output)
    assert code == 0
    assert document["training"]["left_out"]["radiomics"]["auc"] == 0.75
    assert document["settings"]["lesions"]["margin_mm"] == 5.0
    code, output, errors = run("models", "show", "--config", str(config))
    assert code == 0
    assert "training.left_out.radiomics.auc" in output
    assert "Not a medical device" in errors


def test_verify_when_a_file_is_damaged_then_it_is_named_and_the_exit_code_is_one(
    config: Path, tmp_path: Path
) -> None:
    assert run("models", "verify", "small", "--config", str(config))[0] == 0
    path = tmp_path / "models" / "small" / CLASSIFIER
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    code, _, errors = run("models", "verify", "small", "--config", str(config))
    assert code == 1
    assert f"{CLASSIFIER} has a wrong checksum" in errors


def test_verify_when_a_bundle_lies_under_another_name_then_it_is_refused_there_and_where_it_would_be_used(
    config: Path, tmp_path: Path
) -> None:
    (tmp_path / "models" / "small").rename(tmp_path / "models" / "large")
    code, _, errors = run("models", "verify", "large", "--config", str(config))
    assert code == 1
    assert f"MB-NAME: the bundle in {tmp_path}/models/large is small; rename its folder to small" in errors
    with pytest.raises(ModelRefusedError, match="MB-NAME"):
        load_active_bundle(load_settings(config, {}), "large")


def test_show_when_there_is_no_such_model_then_one_line_says_so(config: Path) -> None:
    code, output, errors = run("models", "show", "absent", "--config", str(config))
    assert code == 2
    assert output == ""
    assert errors.count("\n") == 1
    assert "no model 'absent'" in errors


def test_show_card_of_the_bundled_model_says_what_its_figures_are_worth() -> None:
    code, card, _ = run("models", "show", "phantom-demo", "--card")
    assert code == 0
    assert card.startswith("# phantom-demo ")
    assert "says nothing about patients" in card
    assert "0.79 to 0.80" in card
    assert "| radiomics |" in card
    assert "`maximum_mahalanobis`" in card
    assert run("models", "show", "phantom-demo", "--card", "--json")[1].startswith("{")
