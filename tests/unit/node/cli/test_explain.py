"""`studies explain` of a study whose images are there, as it is received and after."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.sections.studies import CompletionSection
from node.cli import app
from node.ledger.ledger import open_ledger
from node.states import Event
from tests.unit.dicom_io.assembly.header_studies import T1, StudyWriter, standard
from tests.unit.node.cli.test_assign import enter
from tests.unit.node.doubles import FakeClock, take


def explain(uid: str) -> tuple[dict[str, object], str]:
    shown = CliRunner().invoke(app, ["studies", "explain", uid, "--json"])
    return json.loads(shown.stdout), CliRunner().invoke(app, ["studies", "explain", uid]).stdout


@pytest.mark.parametrize("is_whole", [False, True])
def test_explain_when_a_study_is_received_then_its_verdict_is_a_condition_until_it_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock, is_whole: bool
) -> None:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    writer = StudyWriter(tmp_path / "inbox")
    writer.folder.mkdir()
    if is_whole:
        standard(writer)
    else:
        writer.series("Ax T1 pre", T1, 0)
    uid, limits = writer.study_instance_uid, CompletionSection()
    wait = timedelta(seconds=limits.settle_s if is_whole else limits.deadline_s)
    verdict = "accepted: All six" if is_whole else "refused SM-MISSING-T2: No series fits"
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        for path in sorted(writer.folder.iterdir()):
            enter(ledger, clock, tmp_path, path)
        document, text = explain(uid)
        until = (clock() + wait).isoformat(timespec="seconds")
        assert document["until"] == until
        assert document["refusal"] is None
        assert f"\nif nothing more arrives by {until}: {verdict}" in text
        assert f"until {until}\n" in text

        assert ledger.work.complete(ledger.studies.get(uid), "test")
        document, text = explain(uid)
        assert document["until"] is None
        assert f"\nnot decided yet; as it stands, {verdict}" in text

        code = None if is_whole else "SM-MISSING-T2"
        event = Event.ANALYSED if is_whole else Event.REFUSED
        ledger.work.finish(take(ledger), event, code=code, message=code, objects=(), destinations=[])
        assert f"\n{verdict}" in explain(uid)[1]
