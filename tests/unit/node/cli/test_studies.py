import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from node.cli import app
from node.cli.output import ExitCode
from node.cli.person import person
from node.ledger.interventions import Interventions
from node.ledger.ledger import open_ledger
from node.ledger.schema import SCHEMA_VERSION
from node.states import Event
from node.storage.folder import storage_id
from node.storage.purging import Purger
from node.storage.reserve import RESERVE_FILE, make_reserve
from node.studies.reference import study_reference
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Path:
    """One study that is on its way, one that failed, one that is being received."""
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        make_ready(ledger, clock, f"{STUDY}.1")
        ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
        make_ready(ledger, clock, f"{STUDY}.2")
        ledger.work.give_up(take(ledger), Event.BUG, code="BUG", message="KeyError")
        ledger.record_instance(instance(clock, study=f"{STUDY}.3"))
    return tmp_path


def invoke(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == ExitCode.DONE, result.output
    return json.loads(result.stdout)


def test_list_when_asked_then_gives_every_study_with_its_state(storage: Path) -> None:
    listed = invoke("studies", "list")["studies"]
    assert {entry["study_instance_uid"]: entry["state"] for entry in listed} == {
        f"{STUDY}.1": "delivering",
        f"{STUDY}.2": "failed",
        f"{STUDY}.3": "receiving",
    }


def test_list_when_a_state_is_named_then_gives_only_those(storage: Path) -> None:
    (listed,) = invoke("studies", "list", "--state", "failed")["studies"]
    assert listed["code"] == "BUG"


def test_list_when_read_page_by_page_then_every_study_comes_once(storage: Path) -> None:
    pages = [invoke("studies", "list", "--limit", "2", "--skip", skip) for skip in ("0", "2")]
    assert [page["more"] for page in pages] == [True, False]
    every = [entry["study_instance_uid"] for page in pages for entry in page["studies"]]
    assert sorted(every) == [f"{STUDY}.{number}" for number in (1, 2, 3)]
    told = CliRunner().invoke(app, ["studies", "list", "--limit", "2"])
    assert "--limit 2 --skip 2" in told.stderr


def test_show_when_a_study_is_named_then_gives_deliveries_and_history(storage: Path) -> None:
    shown = invoke("studies", "show", f"{STUDY}.1")
    assert shown["state"] == "delivering"
    assert sorted(item["kind"] for item in shown["deliveries"]) == ["seg", "sr", "summary"]
    assert [event["event"] for event in shown["history"]] == [
        "created",
        "complete",
        "claim",
        "analysed",
        "enqueued",
    ]


def test_show_when_the_study_is_unknown_then_fails_in_one_line(storage: Path) -> None:
    result = CliRunner().invoke(app, ["studies", "show", "1.2.404"])
    assert result.exit_code == ExitCode.FAILED
    assert result.stderr.count("\n") == 1
    assert "1.2.404" in result.stderr


def test_explain_when_a_study_was_refused_after_its_match_then_says_so(storage: Path, clock: FakeClock) -> None:
    words = "T1 arterial could not be aligned to the hepatobiliary phase."
    with open_ledger(f"sqlite:///{storage / 'ledger.sqlite'}", clock) as ledger:
        make_ready(ledger, clock, f"{STUDY}.4")
        ledger.work.finish(
            take(ledger), Event.REFUSED, code="REG-FAILED", message=words, objects=(), destinations=[]
        )

    assert invoke("studies", "explain", f"{STUDY}.4")["refusal"] == {"code": "REG-FAILED", "message": words}
    assert invoke("studies", "explain", f"{STUDY}.1")["refusal"] is None
    shown = CliRunner().invoke(app, ["studies", "explain", f"{STUDY}.4"])
    assert f"refused after the match, REG-FAILED: {words}" in shown.stdout


def test_list_when_a_refused_study_is_analysed_again_then_its_old_code_is_history(
    storage: Path, clock: FakeClock
) -> None:
    study = f"{STUDY}.4"
    with open_ledger(f"sqlite:///{storage / 'ledger.sqlite'}", clock) as ledger:
        make_ready(ledger, clock, study)
        claim = take(ledger)
        ledger.work.finish(
            claim, Event.REFUSED, code="SM-MISSING-T2", message="No T2.", objects=(), destinations=[]
        )
    assert codes(study) == ["SM-MISSING-T2"] * 2
    with open_ledger(f"sqlite:///{storage / 'ledger.sqlite'}", clock) as ledger:
        ledger.record_instance(instance(clock, 2, study=study))
        assert ledger.work.complete(ledger.studies.get(study), "test")
    assert codes(study) == [None, None]
    (waiting,) = [entry for entry in invoke("queue")["waiting"] if entry["study_instance_uid"] == study]
    assert (waiting["state"], waiting["code"], waiting["message"]) == ("ready", None, None)
    for verb in (["list"], ["show", study]):
        assert "\ncode: SM-" not in (shown := CliRunner().invoke(app, ["studies", *verb]).stdout)
        assert not any(line.startswith(study) and "SM-MISSING" in line for line in shown.splitlines())


def codes(study: str) -> list[str | None]:
    listed = {entry["study_instance_uid"]: entry["code"] for entry in invoke("studies", "list")["studies"]}
    return [listed[study], invoke("studies", "show", study)["code"]]


def test_retry_when_a_study_failed_then_it_is_ready_again(storage: Path) -> None:
    assert invoke("studies", "retry", f"{STUDY}.2") == {"study_instance_uid": f"{STUDY}.2", "state": "ready"}


def test_retry_when_a_study_is_being_received_then_fails_in_one_line(storage: Path) -> None:
    result = CliRunner().invoke(app, ["studies", "retry", f"{STUDY}.3"])
    assert result.exit_code == ExitCode.FAILED
    assert "receiving" in result.stderr


def test_queue_when_asked_then_says_what_waits_failed_and_is_not_delivered(storage: Path) -> None:
    queue = invoke("queue")
    assert [entry["study_instance_uid"] for entry in queue["waiting"]] == [f"{STUDY}.3"]
    assert [entry["study_instance_uid"] for entry in queue["failed"]] == [f"{STUDY}.2"]
    assert len(queue["undelivered"]) == 3
    assert queue["counts"]["delivering"] == 1


@pytest.mark.parametrize("arguments", [("studies", "list"), ("studies", "show", f"{STUDY}.1"), ("queue",)])
def test_verbs_when_people_read_then_no_uid_is_cut(storage: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == ExitCode.DONE
    assert "…" not in result.stdout


def test_verbs_when_there_is_no_ledger_then_make_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["studies", "list"])
    assert result.exit_code == ExitCode.FAILED
    assert "mvi-node serve" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_migrate_when_the_schema_is_current_then_says_so(storage: Path) -> None:
    assert invoke("db", "migrate") == {"before": SCHEMA_VERSION, "after": SCHEMA_VERSION}


def test_migrate_when_there_is_no_ledger_then_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path / "new"))
    monkeypatch.chdir(tmp_path)
    assert invoke("db", "migrate") == {"before": None, "after": SCHEMA_VERSION}


def test_reprocess_when_a_study_failed_then_it_is_ready_and_the_person_is_in_its_history(storage: Path) -> None:
    study = f"{STUDY}.2"
    assert invoke("studies", "reprocess", study) == {"study_instance_uid": study, "state": "ready"}
    assert invoke("studies", "show", study)["history"][-1]["detail"] == f"by {person()}"


def test_cancel_when_a_study_is_being_received_then_says_what_it_was(storage: Path) -> None:
    study = f"{STUDY}.3"
    document = invoke("studies", "cancel", study)
    assert document == {"study_instance_uid": study, "state": "cancelled", "was": "receiving"}
    assert "cancelled it" in invoke("studies", "explain", study)["waits_for"]


@pytest.mark.parametrize(
    ("verb", "number", "code"),
    [("cancel", 1, "ST-DELIVERING"), ("reprocess", 3, "ST-RECEIVING"), ("retry", 3, "ST-RECEIVING")],
)
def test_verbs_when_the_state_forbids_them_then_end_in_one_line_and_one_document(
    storage: Path, verb: str, number: int, code: str
) -> None:
    result = CliRunner().invoke(app, ["studies", verb, f"{STUDY}.{number}", "--json"])
    assert result.exit_code == ExitCode.FAILED
    assert json.loads(result.stdout)["code"] == code
    assert result.stderr.count("\n") == 1


@pytest.fixture
def own_storage(storage: Path) -> Path:
    with open_ledger(f"sqlite:///{storage / 'ledger.sqlite'}") as ledger:
        ledger.bind(storage_id(storage))
    return storage


def test_purge_when_a_study_is_not_delivered_then_refuses_and_the_flag_deletes(own_storage: Path) -> None:
    study = f"{STUDY}.1"
    refused = CliRunner().invoke(app, ["studies", "purge", study, "--json"])
    assert refused.exit_code == ExitCode.REFUSED
    assert json.loads(refused.stdout)["code"] == "ST-UNDELIVERED"
    document = invoke("studies", "purge", study, "--undelivered")
    assert document == {
        "dry_run": False,
        "purged": [{"study_instance_uid": study, "files": 1, "size_bytes": 1024, "results": 3}],
    }
    shown = invoke("studies", "explain", study)
    assert (shown["state"], shown["code"], shown["waits_for"]) == (
        "purged",
        "ST-PURGED",
        "new images: those that it had are deleted",
    )
    again = CliRunner().invoke(app, ["studies", "reprocess", study])
    assert again.exit_code == ExitCode.FAILED
    assert "send them again" in again.stderr


def test_purge_when_nothing_is_due_then_deletes_nothing(own_storage: Path) -> None:
    assert invoke("studies", "purge", "--due", "--dry-run") == {"dry_run": True, "purged": []}
    assert invoke("studies", "purge", "--due") == {"dry_run": False, "purged": []}


@pytest.mark.parametrize("arguments", [(), ("1.2", "--due"), ("1.2", "--dry-run"), ("--due", "--undelivered")])
def test_purge_when_it_is_not_clear_what_is_meant_then_is_wrong_usage(
    own_storage: Path, arguments: tuple[str, ...]
) -> None:
    assert CliRunner().invoke(app, ["studies", "purge", *arguments]).exit_code == ExitCode.USAGE


def test_purge_when_the_storage_is_on_another_machine_then_deletes_nothing(storage: Path) -> None:
    result = CliRunner().invoke(app, ["studies", "purge", f"{STUDY}.1", "--undelivered"])
    assert result.exit_code == ExitCode.FAILED
    assert "where its storage is" in result.stderr
    assert invoke("studies", "show", f"{STUDY}.1")["state"] == "delivering"


@pytest.mark.parametrize("verb", ["show", "explain", "cancel"])
def test_verbs_when_a_study_is_named_by_the_reference_of_a_notice_then_find_it(storage: Path, verb: str) -> None:
    study = f"{STUDY}.3"
    document = invoke("studies", verb, study_reference(study))
    assert document["study_instance_uid"] == study
    assert CliRunner().invoke(app, ["studies", verb, "s-000000000000"]).exit_code == ExitCode.FAILED


@pytest.mark.parametrize(
    ("said", "code"),
    [("database or disk is full", "LG-FULL"), ("database is locked", "LG-AWAY")],
)
def test_verbs_when_the_database_fails_then_end_in_one_line_with_a_code_and_no_statement(
    own_storage: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("UPDATE study SET state = ?", {"state": "secret"}, sqlite3.OperationalError(said))

    monkeypatch.setattr(Interventions, "cancel", fail)
    monkeypatch.setattr(Purger, "by_person", fail)
    for verb in ("cancel", "purge"):
        result = CliRunner().invoke(app, ["studies", verb, f"{STUDY}.3", "--json"])
        assert result.exit_code == ExitCode.FAILED
        assert result.stderr.count("\n") == 1
        assert "UPDATE" not in result.output
        assert "secret" not in result.output
        document = json.loads(result.stdout)
        assert (document["code"], said in document["message"]) == (code, True)


@pytest.mark.parametrize(("verb", "study"), [("cancel", "3"), ("reprocess", "2")])
def test_cancel_when_the_disk_is_full_then_the_space_kept_back_is_free_meanwhile(
    storage: Path, monkeypatch: pytest.MonkeyPatch, verb: str, study: str
) -> None:
    make_reserve(storage)
    kept = storage / RESERVE_FILE
    done = getattr(Interventions, verb)
    seen: list[bool] = []

    def watched(*arguments: object) -> object:
        seen.append(kept.exists())
        return done(*arguments)

    monkeypatch.setattr(Interventions, verb, watched)
    monkeypatch.setattr("node.storage.reserve.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    invoke("studies", verb, f"{STUDY}.{study}")
    assert (seen, kept.exists()) == ([False], True)
