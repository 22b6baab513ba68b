from pathlib import Path
from typing import Any

import pytest

from node.audit.follower import Follower
from node.audit.trail import Trail
from node.ledger.assignments import Assignment
from node.ledger.changes import SETTLE, Changes
from node.ledger.ledger import Ledger
from node.ledger.purges import BY_RULE, Extent
from node.states import Event
from node.studies.retrying import retry_study
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path)


def follow(trail: Trail, ledger: Ledger, clock: FakeClock) -> list[dict[str, Any]]:
    """Follow as a node that has just started, and return what is new in the trail."""
    known = sum(1 for _ in trail.records())
    Follower(trail, Changes(ledger.engine, clock), "MVINODE", clock).follow()
    return list(trail.records())[known:]


def settle(clock: FakeClock) -> None:
    clock.advance(SETTLE.total_seconds() + 1)


def test_instances_when_they_arrive_then_one_event_a_study_tells_from_whom_and_how_many(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    for number in range(1, 4):
        ledger.record_instance(instance(clock, number))
        ledger.record_instance(instance(clock, number, study=f"{STUDY}.5"))
    settle(clock)
    first, second = follow(trail, ledger, clock)
    assert {first["study_instance_uid"], second["study_instance_uid"]} == {STUDY, f"{STUDY}.5"}
    assert first["instances"] == second["instances"] == 3
    assert first["participants"][0]["user_id"] == "SCANNER"
    assert follow(trail, ledger, clock) == []
    ledger.record_instance(instance(clock, 4))
    settle(clock)
    (more,) = follow(trail, ledger, clock)
    assert more["instances"] == 1


def test_instances_when_they_are_younger_than_a_transaction_may_be_then_they_wait(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    ledger.record_instance(instance(clock))
    assert follow(trail, ledger, clock) == []
    settle(clock)
    assert len(follow(trail, ledger, clock)) == 1


def test_request_of_a_person_when_made_then_the_person_is_named(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.give_up(take(ledger), Event.BUG, code="BUG", message="KeyError")
    ledger.work.ask_again(STUDY, "anna")
    settle(clock)
    asked = [record for record in follow(trail, ledger, clock) if record["event"] == "INSTANCES_ACCESSED"]
    assert [record["participants"][0]["user_id"] for record in asked] == ["anna"]


def test_person_when_asking_to_deliver_at_once_then_is_named(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    retry_study(ledger, STUDY, "anna")
    settle(clock)
    (asked,) = [record for record in follow(trail, ledger, clock) if record["event"] == "INSTANCES_ACCESSED"]
    assert (asked["participants"][0]["user_id"], asked["detail"]) == ("anna", "asked to deliver at once")


def test_person_when_asking_to_send_again_then_is_named(trail: Trail, ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    for item in ledger.outbox.due("pacs"):
        ledger.outbox.refused(item, "never")
    ledger.outbox.send_again(STUDY, "anna")
    settle(clock)
    (asked,) = [record for record in follow(trail, ledger, clock) if record["event"] == "INSTANCES_ACCESSED"]
    assert asked["participants"][0]["user_id"] == "anna"
    assert asked["detail"] == "asked to send the result again"


def test_person_when_assigning_a_series_then_is_named_with_what(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.assignments.change(STUDY, [Assignment("T2", "1.2.3", 7, "2 of 3", "1.2.3.4", 1)], [], "anna")
    ledger.assignments.change(STUDY, [], ["T2"], "bert")
    settle(clock)
    first, second = [record for record in follow(trail, ledger, clock) if record["event"] == "INSTANCES_ACCESSED"]
    assert (first["action"], first["participants"][0]["user_id"]) == ("U", "anna")
    assert first["detail"] == "overrode the choice of series: T2 = series 1.2.3 2 of 3"
    assert second["participants"][0]["user_id"] == "bert"
    assert second["detail"] == "overrode the choice of series: T2 withdrawn"


def test_person_when_cancelling_and_reprocessing_then_is_named_as_for_other_overrides(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.interventions.cancel(STUDY, "anna")
    ledger.interventions.reprocess(STUDY, "bert")
    settle(clock)
    told = [record for record in follow(trail, ledger, clock) if record["event"] == "INSTANCES_ACCESSED"]
    assert [(record["action"], record["participants"][0]["user_id"], record["detail"]) for record in told] == [
        ("U", "anna", "cancelled the study"),
        ("U", "bert", "asked for a result that supersedes the last one"),
    ]


def test_purge_when_by_a_person_or_by_rule_then_the_deletion_names_who(
    trail: Trail, ledger: Ledger, clock: FakeClock
) -> None:
    for by in ("by anna", BY_RULE):
        ledger.record_instance(instance(clock))
        ledger.purges.purge(STUDY, Extent(), by, lambda: None, lambda *_: True)
    settle(clock)
    first, second = [record for record in follow(trail, ledger, clock) if record["event"] == "STUDY_DELETED"]
    assert (first["action"], first["participants"][0]["user_id"]) == ("D", "anna")
    assert first["detail"] == "deleted: images and results, 1 files, 0 result objects"
    assert second["participants"] == [
        {"user_id": "MVINODE", "role": "APPLICATION", "host": "", "is_requestor": True}
    ]
    assert second["detail"].startswith("deleted by rule: images and results")
