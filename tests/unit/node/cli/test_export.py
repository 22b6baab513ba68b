"""`studies export` as somebody asks for it whose study gives trouble."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.audit.follower import Follower
from node.audit.trail import Trail
from node.cli import app
from node.cli.output import ExitCode
from node.ledger.changes import Changes
from node.ledger.ledger import open_ledger, utc_now
from node.studies.reference import study_reference
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard
from tests.unit.dicom_io.deidentification.canary import TEXTS, say_everything
from tests.unit.node.cli.test_assign import enter
from tests.unit.node.doubles import STUDY, FakeClock, instance


def test_export_when_a_study_was_received_then_writes_a_folder_without_its_patient_and_tells_the_trail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    writer = StudyWriter(tmp_path / "inbox")
    writer.folder.mkdir()
    standard(writer)
    uid, out = writer.study_instance_uid, tmp_path / "case"
    uids: frozenset[str] = frozenset()
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        for path in sorted(writer.folder.iterdir()):
            uids |= say_everything(path)
            enter(ledger, clock, tmp_path, path)
        command = ["studies", "export", study_reference(uid), "--out", str(out), "--json"]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == ExitCode.DONE, result.output
        document = json.loads(result.stdout)
        assert (document["state"], document["matches_alike"], document["left_out"]) == ("receiving", True, [])
        assert document["history"][0] == {"after_s": 0.0, "event": "created"}
        assert json.loads((out / "study.json").read_text(encoding="utf-8")).items() <= document.items()
        match = json.loads((out / "match.json").read_text(encoding="utf-8"))
        assert (match["status"], len(match["roles"])) == ("accepted", 6)
        written = [path for path in out.rglob("*") if path.is_file()]
        assert len(written) == document["images"] + 3
        for path in written:
            content = path.read_bytes()
            assert not [text for text in (*TEXTS, *uids) if text.encode() in content], path.name

        later = FakeClock()
        later.now = utc_now() + timedelta(minutes=1)
        Follower(Trail(tmp_path), Changes(ledger.engine, later), "MVINODE", later).follow()
        (told,) = [record for record in Trail(tmp_path).records() if record["event"] == "EXPORT"]
        assert told["detail"] == f"exported without the patient: {document['images']} images"

    again = CliRunner().invoke(app, command)
    assert again.exit_code == ExitCode.FAILED
    assert "not empty" in again.stderr


def test_export_when_the_images_are_gone_then_fails_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        ledger.record_instance(instance(clock))
    result = CliRunner().invoke(app, ["studies", "export", STUDY, "--out", str(tmp_path / "case"), "--json"])
    assert result.exit_code == ExitCode.FAILED
    assert json.loads(result.stdout)["code"] == "EX-NOTHING"
    assert not (tmp_path / "case").exists()
