import pickle

import pytest

from node.ledger.interventions import NotNowError
from node.ledger.ledger import Ledger
from node.ledger.rows import LostClaimError
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take


def analyse(ledger: Ledger, version: str = "1") -> None:
    ledger.work.finish(
        take(ledger), Event.ANALYSED, objects=result_objects(version=version), destinations=["pacs"]
    )


def test_cancel_when_a_worker_holds_the_study_then_its_claim_is_void(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    assert ledger.work.holds(claim)
    assert ledger.interventions.cancel(STUDY, "anna").state is StudyState.ANALYSING
    assert not ledger.work.holds(claim)
    with pytest.raises(LostClaimError):
        ledger.work.finish(claim, Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    study = ledger.studies.get(STUDY)
    assert (study.state, study.owner) == (StudyState.CANCELLED, None)
    assert ledger.work.claim("other", 60) is None
    assert ledger.history(STUDY)[-1].detail == "by anna"


def test_cancel_when_images_still_come_then_they_are_kept_and_the_study_stays_cancelled(
    ledger: Ledger, clock: FakeClock
) -> None:
    ledger.record_instance(instance(clock))
    ledger.interventions.cancel(STUDY, "anna")
    ledger.record_instance(instance(clock, 2))
    study = ledger.studies.get(STUDY)
    assert (study.state, study.images) == (StudyState.CANCELLED, 2)
    assert "re-opened" not in [event.event for event in ledger.history(STUDY)]
    ledger.interventions.reprocess(STUDY, "bert")
    assert take(ledger).generation == study.generation + 1


def test_cancel_when_there_is_a_result_then_says_what_to_do_instead(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    analyse(ledger)
    with pytest.raises(NotNowError, match=r"delivering: it has its result already; `mvi-node studies purge`"):
        ledger.interventions.cancel(STUDY, "anna")


def test_reprocess_when_delivered_then_the_ledger_keeps_who_asked_and_the_earlier_result(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    analyse(ledger)
    before = ledger.studies.get(STUDY)
    clock.advance(60)
    ledger.interventions.reprocess(STUDY, "anna")
    study = ledger.studies.get(STUDY)
    assert (study.state, study.generation) == (StudyState.READY, before.generation + 1)
    assert (study.reprocessed_by, study.reprocessed_at) == ("anna", clock())
    assert len(ledger.studies.results(STUDY)) == 3
    analyse(ledger, "2")
    # What was not sent of the first result is never sent: the second takes its place.
    assert sorted(item.state for item in ledger.outbox.of_study(STUDY)) == ["superseded"] * 3 + ["waiting"] * 3


@pytest.mark.parametrize(
    ("state", "code"), [(StudyState.READY, "ST-READY"), (StudyState.ANALYSING, "ST-ANALYSING")]
)
def test_reprocess_when_the_study_is_under_way_then_is_refused_with_a_code(
    ledger: Ledger, clock: FakeClock, state: StudyState, code: str
) -> None:
    make_ready(ledger, clock)
    if state is StudyState.ANALYSING:
        take(ledger)
    with pytest.raises(NotNowError) as caught:
        ledger.interventions.reprocess(STUDY, "anna")
    assert pickle.loads(pickle.dumps(caught.value)).code == code  # noqa: S301 - our own
    assert ledger.studies.get(STUDY).state is state
