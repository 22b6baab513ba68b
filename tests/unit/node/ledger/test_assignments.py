import pytest

from node.ledger.assignments import Assignment, NotAssignedError
from node.ledger.ledger import Ledger
from node.ledger.rows import UnknownStudyError
from node.states import Event, IllegalTransitionError, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take

T2 = Assignment("T2", f"{STUDY}.1", 7, "", f"{STUDY}.1.1", 1)
OTHER_T2 = Assignment("T2", f"{STUDY}.2", None, "b=800", f"{STUDY}.2.1", 3)
PORTAL = Assignment("T1_PORTAL", f"{STUDY}.3", 2147483648, "", f"{STUDY}.3.1", 1)


def refuse(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(
        take(ledger), Event.REFUSED, objects=result_objects(), destinations=[], code="SM-AMBIG-T2", message="Two."
    )


def test_change_when_a_study_was_refused_then_it_is_ready_as_another_generation(
    ledger: Ledger, clock: FakeClock
) -> None:
    refuse(ledger, clock)
    before = ledger.studies.get(STUDY)
    assert ledger.assignments.change(STUDY, [T2, PORTAL], [], "anna") is StudyState.READY
    assert ledger.studies.get(STUDY).generation == before.generation + 1
    t2, portal = ledger.assignments.last(STUDY)
    assert (t2.role, t2.sop_instance_uid, t2.assigned_by, t2.assigned_at) == (
        "T2",
        f"{STUDY}.1.1",
        "anna",
        clock(),
    )
    assert (portal.series_number, portal.withdrawn_at) == (2147483648, None)
    assert take(ledger).attempt == 1


def test_change_when_a_role_is_assigned_again_then_the_later_one_counts_and_the_earlier_stays_on_record(
    ledger: Ledger, clock: FakeClock
) -> None:
    refuse(ledger, clock)
    ledger.assignments.change(STUDY, [T2], [], "anna")
    clock.advance(60)
    ledger.assignments.change(STUDY, [OTHER_T2], [], "bert")
    (held,) = ledger.assignments.last(STUDY)
    assert (held.series_instance_uid, held.sub_volume, held.withdrawn_by) == (f"{STUDY}.2", "b=800", None)
    first, _ = ledger.assignments.history(STUDY)
    assert (first.withdrawn_by, first.withdrawn_at) == ("bert", clock())


def test_change_when_withdrawn_then_it_is_on_record_and_cannot_be_withdrawn_again(
    ledger: Ledger, clock: FakeClock
) -> None:
    refuse(ledger, clock)
    ledger.assignments.change(STUDY, [T2], [], "anna")
    ledger.assignments.change(STUDY, [], ["T2"], "bert")
    (last,) = ledger.assignments.last(STUDY)
    assert last.withdrawn_by == "bert"
    with pytest.raises(NotAssignedError, match="T2"):
        ledger.assignments.change(STUDY, [PORTAL], ["T2"], "bert")
    assert ledger.assignments.last(STUDY) == (last,)


def test_change_when_later_images_come_then_the_assignment_stays(ledger: Ledger, clock: FakeClock) -> None:
    ledger.record_instance(instance(clock))
    assert ledger.assignments.change(STUDY, [T2], [], "anna") is StudyState.RECEIVING
    ledger.record_instance(instance(clock, 2))
    assert [item.role for item in ledger.assignments.last(STUDY)] == ["T2"]


def test_change_when_the_study_is_being_analysed_then_nothing_is_entered(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    take(ledger)
    with pytest.raises(IllegalTransitionError):
        ledger.assignments.change(STUDY, [T2], [], "anna")
    assert ledger.assignments.history(STUDY) == ()


def test_change_when_the_study_is_unknown_then_says_so(ledger: Ledger) -> None:
    with pytest.raises(UnknownStudyError):
        ledger.assignments.change("1.2.404", [T2], [], "anna")


def test_change_when_results_wait_for_a_peer_then_the_new_ones_supersede_them(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    ledger.assignments.change(STUDY, [T2], [], "anna")
    objects = result_objects(version="2")
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=objects, destinations=["pacs"])
    states = {item.sop_instance_uid: item.state.value for item in ledger.outbox.of_study(STUDY)}
    assert {states[item.sop_instance_uid] for item in objects} == {"waiting"}
    assert {states[item.sop_instance_uid] for item in result_objects()} == {"superseded"}
