"""`mvi-node labs`: what goes in whole or not at all, and what is shown of it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from config.analytes import load_analytes
from config.sections.labs import LabsSection
from node.audit.trail import Trail
from node.cli import app
from node.cli.output import ExitCode
from node.cli.person import person
from pipeline.study import Analyte
from tests.unit.node.labs.hl7_samples import EXPECTED

README = Path(__file__).parents[4] / "README.md"

SOUND = """patient_id,collected_on,AST [U/L],Total protein [g/dL],1920-8 AST [U/L]
P1,2024-03-01,41,7.1,
P2,2024-03-02T08:30:00,<5,,
"""
WRONG = """patient_id,issuer,analyte,value,unit,collected_on
P1,,ast_u_per_l,41,U/L,2024-03-01
P1,,ggt_u_per_l,60,mg/dL,2024-03-01
P1,,ast_u_per_l,41,U/L,
,,ast_u_per_l,41,U/L,2024-03-01
"""


@pytest.fixture(autouse=True)
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("MVI_NODE_LABS__ISSUER", "HOSP")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str, code: ExitCode = ExitCode.DONE) -> Any:
    result = CliRunner().invoke(app, ["labs", *arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def write(folder: Path, content: str) -> str:
    path = folder / "labs.csv"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_import_when_done_by_hand_then_the_trail_says_who_entered_values_of_whom(storage: Path) -> None:
    invoke("import", write(storage, WRONG), code=ExitCode.REFUSED)
    assert not Trail(storage / "storage").size()
    invoke("import", write(storage, SOUND))
    told = list(Trail(storage / "storage").records())
    assert [(record["event"], record["patient_id"]) for record in told] == [
        ("PATIENT_RECORD", "P1"),
        ("PATIENT_RECORD", "P2"),
    ]
    assert told[0]["participants"][0]["user_id"] == person()
    assert told[0]["detail"] == "laboratory values entered by hand: 2"


def test_import_when_the_file_is_sound_then_list_and_show_say_what_is_known(storage: Path) -> None:
    path = write(storage, SOUND)
    assert invoke("import", path)["entered"] == {"new": 3, "replaced": 0, "unchanged": 0, "withdrawn": 0}
    assert invoke("import", path)["entered"]["unchanged"] == 3
    listed = invoke("list")["values"]
    assert [(row["patient_id"], row["issuer"], row["comparator"], row["value"]) for row in listed] == [
        ("P1", "HOSP", "", 41.0),
        ("P1", "HOSP", "", 71.0),
        ("P2", "HOSP", "<", 5.0),
    ]
    shown = invoke("show", "P1")["values"][1]
    assert (shown["value"], shown["unit"], shown["original_value"], shown["original_unit"]) == (
        71.0,
        "g/L",
        "7.1",
        "g/dL",
    )
    assert (shown["source"], shown["collected_at"]) == ("csv", "2024-03-01")
    assert shown["message_id"].endswith(" line 2")
    text = CliRunner().invoke(app, ["labs", "show", "P1"], env={"COLUMNS": "250"})
    assert "7.1 g/dL" in text.output


def test_import_when_lines_are_wrong_then_each_is_named_and_nothing_is_entered(storage: Path) -> None:
    refused = invoke("import", write(storage, WRONG), code=ExitCode.REFUSED)
    assert refused["entered"] is None
    assert [problem.split(":")[0] for problem in refused["problems"]] == ["line 3", "line 4", "line 5"]
    assert invoke("list")["values"] == []


def test_import_when_a_value_is_corrected_then_the_list_shows_the_last_and_all_shows_both(storage: Path) -> None:
    invoke("import", write(storage, SOUND))
    assert invoke("import", write(storage, SOUND.replace(",41,", ",44,")))["entered"]["replaced"] == 1
    assert [row["value"] for row in invoke("show", "P1")["values"] if row["state"] == "current"] == [71.0, 44.0]
    assert {row["value"] for row in invoke("list")["values"]} == {44.0, 71.0, 5.0}
    assert {row["value"] for row in invoke("list", "--all")["values"]} == {41.0, 44.0, 71.0, 5.0}


def test_show_when_the_id_is_of_another_issuer_then_names_it_and_shows_nothing(storage: Path) -> None:
    invoke("import", write(storage, SOUND))
    shown = invoke("show", "P1", "--issuer", "CLINIC", code=ExitCode.FAILED)
    assert (shown["values"], shown["other_issuers"]) == ([], ["HOSP"])


def test_import_when_there_is_no_such_file_then_is_one_sentence(storage: Path) -> None:
    result = CliRunner().invoke(app, ["labs", "import", str(storage / "absent.csv")])
    assert result.exit_code in (ExitCode.FAILED, ExitCode.USAGE)
    assert "absent.csv" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "keys",
    [
        {"FHIR_URL": "https://localhost/fhir", "FHIR_TOKEN_FILE": "absent"},
        {"TLS_PORT": "2576", "TLS_CERTIFICATE": "absent", "TLS_KEY": "absent"},
        {"ANALYTES": "absent"},
        {"FHIR_URL": "ftp://localhost/fhir"},
    ],
)
def test_check_when_a_file_of_the_laboratory_is_absent_then_is_a_wrong_configuration(
    keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in keys.items():
        monkeypatch.setenv(f"MVI_NODE_LABS__{key}", value)
    for verb in (("config", "check"), ("serve",)):
        result = CliRunner().invoke(app, verb)
        assert result.exit_code == ExitCode.USAGE, result.output
        assert "absent" in result.output or "fhir_url" in result.output


def example(language: str, word: str) -> str:
    """Return the block of the README in a language that holds a word."""
    blocks = README.read_text(encoding="utf-8").split(f"```{language}\n")[1:]
    (found,) = (block for block in (part.split("```")[0] for part in blocks) if word in block)
    return found


def test_readme_when_its_examples_are_used_then_each_does_what_it_says(storage: Path) -> None:
    settings = tomllib.loads(example("toml", "[labs]"))["labs"]
    LabsSection.model_validate(settings)
    assert len(settings) == 5
    assert invoke("import", write(storage, example("csv", "patient_id")))["entered"]["new"] == len(Analyte)
    assert {row["analyte"]: row["value"] for row in invoke("show", "P123")["values"]} == pytest.approx(EXPECTED)
    site = storage / "site.toml"
    site.write_text(example("toml", "99LAB"), encoding="utf-8")
    assert load_analytes(site).analytes["ast_u_per_l"].factor("nkat/L") == 0.06
