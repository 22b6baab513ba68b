import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.series_rules import load_series_rules
from node.cli import app
from tests.unit.dicom_io.assembly.header_studies import T1, T2, StudyWriter, standard

RUNNER = CliRunner()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The headers of a study; the pixels show no body, and are looked at in test_phantom_matching."""
    monkeypatch.setattr("dicom_io.assembly.inspect_files", lambda result, _rules: result)
    standard(StudyWriter(tmp_path))
    return tmp_path


def test_match_when_accepted_then_the_document_has_the_keys_of_the_contract(study: Path) -> None:
    result = RUNNER.invoke(app, ["match", str(study), "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert {"status", "code", "message", "roles", "rejected", "clock"} <= document.keys()
    assert (document["status"], document["code"]) == ("accepted", None)
    assert list(document["roles"]) == ["T2", "DWI", "T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY"]
    assert document["roles"]["T2"].keys() == {
        "series_instance_uid", "series_number", "series_description", "sop_instance_uids", "frame_numbers",
        "score", "runner_up", "evidence", "sub_volume", "key", "sop_instance_uids_sha256", "time", "origin",
        "assigned",
    }  # fmt: skip
    assert document["clock"] == {"source": "AcquisitionTime", "t0": "estimated"}


def test_match_when_piped_then_each_role_is_one_line(study: Path) -> None:
    result = RUNNER.invoke(app, ["match", str(study)])
    assert result.exit_code == 0
    lines = [line.split("\t") for line in result.stdout.splitlines() if "\t" in line]
    assert [line[0] for line in lines] == ["T2", "DWI", "T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY"]
    assert "accepted" in result.stdout
    assert 'not used: series 5 "Ax DWI" (b=0)' in result.stdout


def test_match_when_refused_then_the_exit_code_is_3(tmp_path: Path) -> None:
    StudyWriter(tmp_path).series("Ax T2", T2, 0)
    result = RUNNER.invoke(app, ["match", str(tmp_path), "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout)["code"] == "SM-MISSING-DWI"


def test_match_when_the_folder_holds_two_studies_then_one_document_each(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        StudyWriter(tmp_path / name).series("Ax T2", T2, 0)
    result = RUNNER.invoke(app, ["match", str(tmp_path), "--json"])
    assert result.exit_code == 3
    assert [study["status"] for study in json.loads(result.stdout)["studies"]] == ["refused", "refused"]


def test_match_when_there_is_no_dicom_then_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    result = RUNNER.invoke(app, ["match", str(tmp_path), "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["status"], document["code"]) == ("failed", "FAILED")
    assert result.stderr == f"mvi-node: {document['message']}\n"
    assert len(result.stderr.splitlines()) == 1


def test_match_when_the_rules_are_wrong_then_the_exit_code_is_2(study: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('version = "a"\n[decision]\nmargin = -1\n[lexicon]\nt3 = ["t3"]\n')
    result = RUNNER.invoke(app, ["match", str(study), "--rules", str(rules)])
    assert result.exit_code == 2
    assert "decision.margin" in result.stderr
    assert "lexicon.t3" in result.stderr
    assert "Traceback" not in result.stderr


def test_match_when_a_site_has_its_own_rules_then_the_record_names_both_versions(
    study: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('version = "hospital 1"\n[lexicon]\narterial = ["fase a"]\n')
    result = RUNNER.invoke(app, ["match", str(study), "--rules", str(rules), "--json"])
    assert (
        json.loads(result.stdout)["rules_version"] == f"{load_series_rules().version} with site rules hospital 1"
    )


def test_match_when_a_file_is_truncated_then_it_is_named_on_standard_error(study: Path) -> None:
    path = sorted(study.glob("*.dcm"))[0]
    path.write_bytes(path.read_bytes()[:-8])
    result = RUNNER.invoke(app, ["match", str(study), "--json"])
    assert result.exit_code == 3
    assert "truncated" in result.stderr
    assert json.loads(result.stdout)["code"] == "SM-INCOMPLETE"


def test_match_when_parts_of_a_series_are_left_out_for_one_reason_then_they_share_a_line(tmp_path: Path) -> None:
    writer = StudyWriter(tmp_path)
    writer.series("Ax T1 dyn", T1, phases=[writer.times(90.0 * n) for n in range(5)], BodyPartExamined="BREAST")
    lines = [
        line for line in RUNNER.invoke(app, ["match", str(tmp_path)]).stdout.splitlines() if "not used" in line
    ]
    assert len(lines) == 1
    assert "and 4 more of its parts: BODY-PART" in lines[0]
