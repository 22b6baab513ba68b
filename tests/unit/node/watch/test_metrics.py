from pathlib import Path
from types import SimpleNamespace

import pytest

from node.analysis.finished_study import FinishedStudy
from node.ledger.ledger import Ledger
from node.ledger.notices import Notice
from node.ledger.records import Claim
from node.states import Event
from node.watch.metrics import Metrics
from pipeline.errors import TransientError
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take


@pytest.fixture
def metrics(ledger: Ledger, tmp_path: Path) -> Metrics:
    return Metrics(ledger, tmp_path)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_studies_when_one_arrives_then_its_state_is_counted(
    metrics: Metrics, ledger: Ledger, clock: FakeClock
) -> None:
    assert value(metrics, "mvi_studies", state="receiving") == 0
    ledger.record_instance(instance(clock))
    assert value(metrics, "mvi_studies", state="receiving") == 1


def test_instances_when_each_arrives_then_the_number_rises_and_a_duplicate_adds_none(
    metrics: Metrics, ledger: Ledger, clock: FakeClock
) -> None:
    assert value(metrics, "mvi_instances_entered") == 0
    for number in (1, 2, 2):
        ledger.record_instance(instance(clock, number))
    assert value(metrics, "mvi_instances_entered") == 2


def test_deliveries_when_objects_are_enqueued_then_counted_by_peer_and_state(
    metrics: Metrics, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    assert value(metrics, "mvi_deliveries", peer="pacs", state="waiting") == 3


def test_longest_wait_when_a_study_waits_for_a_worker_then_it_grows_until_it_is_claimed(
    metrics: Metrics, ledger: Ledger, clock: FakeClock
) -> None:
    assert value(metrics, "mvi_longest_wait_seconds") == 0
    make_ready(ledger, clock)
    clock.advance(90)
    assert value(metrics, "mvi_longest_wait_seconds") == 90
    take(ledger)
    assert value(metrics, "mvi_longest_wait_seconds") == 0


def test_ledger_when_it_does_not_answer_then_the_scrape_says_so_and_still_answers(
    metrics: Metrics, ledger: Ledger, tmp_path: Path
) -> None:
    assert value(metrics, "mvi_ledger_up") == 1
    ledger.close()
    (tmp_path / "ledger.sqlite").write_bytes(b"no database")
    assert value(metrics, "mvi_ledger_up") == 0
    assert (value(metrics, "mvi_storage_free_bytes") or 0) > 0


def test_storage_when_files_come_then_the_free_space_falls(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = SimpleNamespace(free=10**9)
    monkeypatch.setattr("node.watch.metrics.shutil.disk_usage", lambda _: space)
    assert value(metrics, "mvi_storage_free_bytes") == 10**9
    space.free -= 4096
    assert value(metrics, "mvi_storage_free_bytes") == 10**9 - 4096


def test_storage_when_it_is_gone_then_the_rest_is_still_told(ledger: Ledger, tmp_path: Path) -> None:
    metrics = Metrics(ledger, tmp_path / "gone")
    assert value(metrics, "mvi_storage_free_bytes") is None
    assert value(metrics, "mvi_ledger_up") == 1


def test_results_when_jobs_end_then_outcome_code_and_stages_are_counted(
    metrics: Metrics, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    metrics.observed(lambda _: FinishedStudy(None, None, (), {"segment": 4.0}))(claim)
    metrics.observed(lambda _: FinishedStudy("SM-NOHBP", "No phase.", ()))(claim)
    assert value(metrics, "mvi_results_total", outcome="analysed", code="") == 1
    assert value(metrics, "mvi_results_total", outcome="refused", code="SM-NOHBP") == 1
    assert value(metrics, "mvi_stage_seconds_sum", stage="segment") == 4.0
    assert value(metrics, "mvi_stage_seconds_bucket", stage="segment", le="3.0") == 0
    assert value(metrics, "mvi_stage_seconds_count", stage="whole") == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(TransientError("WORKER-LOST", "Gone.", stage="analyse"), "WORKER-LOST"), (KeyError(), "BUG")],
)
def test_results_when_a_job_fails_then_the_failure_is_counted_and_passed_on(
    metrics: Metrics, ledger: Ledger, clock: FakeClock, error: Exception, code: str
) -> None:
    def job(_: Claim) -> FinishedStudy:
        raise error

    make_ready(ledger, clock)
    with pytest.raises(type(error)):
        metrics.observed(job)(take(ledger))
    assert value(metrics, "mvi_results_total", outcome="failed", code=code) == 1


def test_metrics_when_scraped_then_no_uid_is_in_them(metrics: Metrics, ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    assert len(samples) > 10
    assert not [sample for sample in samples if STUDY in str(sample)]


def test_counts_when_kept_elsewhere_then_are_read_at_the_scrape(metrics: Metrics) -> None:
    answers, outcomes = {"AA": 0, "AR": 2}, {"failed": 1}
    metrics.count_messages(lambda: answers)
    metrics.count_pulls(lambda: outcomes)
    answers["AA"] += 3
    assert value(metrics, "mvi_hl7_messages_total", answer="AA") == 3
    assert value(metrics, "mvi_hl7_messages_total", answer="AR") == 2
    assert value(metrics, "mvi_fhir_pulls_total", outcome="failed") == 1


def test_notices_when_they_stand_and_cannot_be_sent_then_both_are_shown(metrics: Metrics, ledger: Ledger) -> None:
    notice = Notice("parked", "s-1", "Study s-1 is failed.")
    ledger.notices.sync([notice], ["parked"], ["mail", "webhook"])
    assert value(metrics, "mvi_notices", kind="parked") == 1
    assert value(metrics, "mvi_notices_unsent", channel="mail") is None
    ledger.notices.failed("mail", [notice], "refused")
    assert value(metrics, "mvi_notices_unsent", channel="mail") == 1
    ledger.notices.told("mail", [notice])
    assert value(metrics, "mvi_notices_unsent", channel="mail") is None
    ledger.notices.sync([], ["parked"], ["mail", "webhook"])
    assert value(metrics, "mvi_notices", kind="parked") is None


def test_counts_when_purges_and_messages_happen_then_they_move(metrics: Metrics) -> None:
    purged, sent = {"images": 0}, {("mail", "sent"): 0}
    metrics.count_purges(lambda: purged)
    metrics.count_messages_to_people(lambda: sent)
    purged["images"], sent["mail", "sent"] = 3, 2
    assert value(metrics, "mvi_purged_studies_total", what="images") == 3
    assert value(metrics, "mvi_notifications_total", channel="mail", outcome="sent") == 2
