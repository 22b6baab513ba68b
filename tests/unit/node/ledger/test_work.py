import threading

import pytest

from node.ledger.delivery_records import Confirmation, DeliveryState
from node.ledger.interventions import NotNowError
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.records import ObjectKind
from node.ledger.rows import LostClaimError, UnknownStudyError
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take


def test_complete_when_an_image_came_meanwhile_then_does_nothing(ledger: Ledger, clock: FakeClock) -> None:
    ledger.record_instance(instance(clock))
    seen = ledger.studies.get(STUDY)
    ledger.record_instance(instance(clock, 2))
    assert not ledger.work.complete(seen, "test")
    assert ledger.studies.get(STUDY).state is StudyState.RECEIVING


def test_claim_when_nothing_waits_then_is_none(ledger: Ledger, clock: FakeClock) -> None:
    ledger.record_instance(instance(clock))
    assert ledger.work.claim("worker", 60) is None


def test_claim_when_several_wait_then_gives_the_oldest_once(ledger: Ledger, clock: FakeClock) -> None:
    studies = [f"{STUDY}.{number}" for number in range(3)]
    for study in studies:
        make_ready(ledger, clock, study)
        clock.advance(1)
    assert [take(ledger, name).study_instance_uid for name in "abc"] == studies
    assert ledger.work.claim("d", 60) is None


def test_claim_when_many_threads_compete_then_no_study_goes_to_two(ledger: Ledger, clock: FakeClock) -> None:
    studies = {f"{STUDY}.{number}" for number in range(24)}
    for study in studies:
        make_ready(ledger, clock, study)
    taken: list[str] = []
    url = ledger.engine.url.render_as_string()

    def compete(owner: str) -> None:
        with open_ledger(url, clock) as own:
            while claim := own.work.claim(owner, 60):
                taken.append(claim.study_instance_uid)

    threads = [threading.Thread(target=compete, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(studies)
    assert set(taken) == studies


def test_renew_when_the_claim_is_held_then_outlives_its_first_lease(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    clock.advance(50)
    renewed = ledger.work.renew(claim, 60)
    clock.advance(50)
    assert ledger.recovery.recover() == 0
    assert (renewed.expires_at - claim.expires_at).total_seconds() == 50


def test_finish_when_an_image_came_meanwhile_then_enters_nothing(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    ledger.record_instance(instance(clock, 2))
    with pytest.raises(LostClaimError):
        ledger.work.finish(claim, Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    assert ledger.studies.get(STUDY).state is StudyState.RECEIVING
    assert ledger.outbox.of_study(STUDY) == ()


def test_finish_when_nobody_receives_then_rests_as_analysed(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    state = ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=[])
    assert state is StudyState.ANALYSED


def test_finish_when_refused_then_keeps_the_code_and_delivers_the_refusal(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    state = ledger.work.finish(
        take(ledger),
        Event.REFUSED,
        objects=result_objects()[1:2],
        destinations=["pacs"],
        code="SM-NOHBP",
        message="No hepatobiliary phase.",
    )
    study = ledger.studies.get(STUDY)
    assert (state, study.outcome, study.code) == (StudyState.DELIVERING, "refused", "SM-NOHBP")
    assert (study.owner, study.lease_expires_at) == (None, None)
    assert [item.kind for item in ledger.outbox.due("pacs")] == [ObjectKind.SR]


def test_finish_when_a_later_result_comes_then_supersedes_what_was_not_sent(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    ledger.record_instance(instance(clock, 2))
    assert ledger.work.complete(ledger.studies.get(STUDY), "test")
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(version="2"), destinations=["pacs"])
    states = [item.state for item in ledger.outbox.of_study(STUDY)]
    assert states == [DeliveryState.SUPERSEDED] * 3 + [DeliveryState.WAITING] * 3
    assert all(".9.2." in item.sop_instance_uid for item in ledger.outbox.due("pacs"))


def test_finish_when_the_peers_have_the_same_objects_then_is_delivered_at_once(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    for item in ledger.outbox.due("pacs"):
        ledger.outbox.stored(item)
    ledger.confirmations.confirmed(ledger.confirmations.uncommitted("pacs"), Confirmation.QUERY)
    ledger.record_instance(instance(clock, 2))
    assert ledger.work.complete(ledger.studies.get(STUDY), "test")
    state = ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    assert state is StudyState.DELIVERED
    assert ledger.outbox.due("pacs") == ()


def test_give_up_when_unavailable_then_waits_for_its_time(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    ledger.work.give_up(take(ledger), Event.UNAVAILABLE, code="X", message="away", retry_in_s=30)
    clock.advance(29)
    assert ledger.recovery.wake() == 0
    clock.advance(1)
    assert ledger.recovery.wake() == 1
    assert take(ledger).attempt == 2


def test_give_up_when_it_is_a_bug_then_only_an_operator_tries_again(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    ledger.work.give_up(take(ledger), Event.BUG, code="BUG", message="KeyError")
    clock.advance(1e6)
    assert (ledger.recovery.wake(), ledger.recovery.recover()) == (0, 0)
    ledger.work.ask_again(STUDY, "operator")
    assert take(ledger).attempt == 1
    assert "asked" in [event.event for event in ledger.history(STUDY)]


def test_release_when_the_node_stops_then_the_attempt_does_not_count(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    ledger.work.release(claim)
    ledger.work.release(claim)
    assert take(ledger).attempt == 1


def test_ask_again_when_the_study_is_running_then_refuses(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    take(ledger)
    with pytest.raises(NotNowError, match="analysing"):
        ledger.work.ask_again(STUDY, "operator")


def test_ask_again_when_the_study_is_unknown_then_says_so(ledger: Ledger) -> None:
    with pytest.raises(UnknownStudyError):
        ledger.work.ask_again(STUDY, "operator")
