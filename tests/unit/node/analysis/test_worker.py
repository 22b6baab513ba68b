import errno
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

import node.analysis.lease
import node.analysis.worker
from node.analysis.failure import MAXIMUM_ATTEMPTS, MAXIMUM_CRASHES, attempts_worth
from node.analysis.finished_study import FinishedStudy
from node.analysis.worker import Worker
from node.backoff import BackOff
from node.compute.executor import WORKER_HUNG, WORKER_LOST, WORKER_MEMORY, WORKER_NONE
from node.ledger.ledger import Ledger
from node.ledger.records import Claim, ObjectKind
from node.states import StudyState
from pipeline.errors import TransientError, UnsuitableStudyError
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects

BACK_OFF = BackOff(first_s=10, longest_s=100, random=lambda: 1.0)
DONE = FinishedStudy(None, None, result_objects())


def worker(
    ledger: Ledger,
    job: Callable[[Claim], FinishedStudy],
    stopping: threading.Event | None = None,
    abandon: Callable[[int], None] = lambda _: None,
) -> Worker:
    return Worker(
        "worker",
        ledger,
        job,
        recipients=lambda _: {"pacs": frozenset(ObjectKind)},
        back_off=BACK_OFF,
        stopping=stopping or threading.Event(),
        abandon=abandon,
    )


def failing(error: Exception) -> Callable[[Claim], FinishedStudy]:
    def job(_claim: Claim) -> FinishedStudy:
        raise error

    return job


def transient(code: str = "DEV-MEMORY") -> TransientError:
    return TransientError(code, "The device is out of memory.", stage="segment")


def test_step_when_nothing_waits_then_does_nothing(ledger: Ledger) -> None:
    assert not worker(ledger, failing(AssertionError("called"))).step()


def test_step_when_the_job_succeeds_then_its_objects_are_on_their_way(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    assert worker(ledger, lambda _: DONE).step()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
    assert len(ledger.outbox.due("pacs")) == 3


def test_step_when_the_study_is_refused_then_the_code_is_kept(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    worker(ledger, lambda _: FinishedStudy("QG-REG", "Too far.", result_objects()[1:2])).step()
    study = ledger.studies.get(STUDY)
    assert (study.outcome, study.code, study.message) == ("refused", "QG-REG", "Too far.")


def test_step_when_something_is_away_then_tries_again_after_the_back_off(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    worker(ledger, failing(transient())).step()
    study = ledger.studies.get(STUDY)
    assert study.state is StudyState.RETRY
    assert study.not_before is not None
    assert (study.not_before - clock()).total_seconds() == 10


@pytest.mark.parametrize(
    ("code", "attempts"),
    [
        ("DEV-MEMORY", MAXIMUM_ATTEMPTS),
        (WORKER_LOST, MAXIMUM_CRASHES),
        (WORKER_HUNG, MAXIMUM_CRASHES),
        (WORKER_MEMORY, MAXIMUM_CRASHES),
    ],
)
def test_step_when_something_stays_away_then_the_study_is_parked(
    ledger: Ledger, clock: FakeClock, code: str, attempts: int
) -> None:
    make_ready(ledger, clock)
    own = worker(ledger, failing(transient(code)))
    for _ in range(attempts):
        assert own.step()
        clock.advance(1000)
        ledger.recovery.wake()
    assert not own.step()
    study = ledger.studies.get(STUDY)
    assert (study.state, study.code, study.attempts) == (StudyState.FAILED, code, attempts)


def database_error(kind: type[OperationalError | IntegrityError] = OperationalError) -> Exception:
    return kind("UPDATE studies", {}, Exception("server closed the connection"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (database_error(), "LEDGER"),
        *(
            (OSError(number, os.strerror(number)), "STORAGE")
            for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE)
        ),
    ],
)
def test_step_when_the_ledger_or_the_disk_is_away_then_the_study_outlasts_it(
    ledger: Ledger, clock: FakeClock, error: Exception, code: str
) -> None:
    make_ready(ledger, clock)
    own = worker(ledger, failing(error))
    for _ in range(MAXIMUM_ATTEMPTS + 1):
        assert own.step()
        study = ledger.studies.get(STUDY)
        assert (study.state, study.code) == (StudyState.RETRY, code)
        clock.advance(1000)
        ledger.recovery.wake()


@pytest.mark.parametrize("error", [database_error(IntegrityError), FileNotFoundError(errno.ENOENT, "gone")])
def test_step_when_the_ledger_or_the_disk_answers_wrongly_then_that_is_a_bug(
    ledger: Ledger, clock: FakeClock, error: Exception
) -> None:
    make_ready(ledger, clock)
    worker(ledger, failing(error)).step()
    assert ledger.studies.get(STUDY).code == "BUG"


@pytest.mark.parametrize(("outages", "state"), [(1, StudyState.DELIVERING), (100, StudyState.RETRY)])
def test_step_when_the_outcome_is_not_taken_then_is_offered_again_before_it_is_lost(
    ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, outages: int, state: StudyState
) -> None:
    make_ready(ledger, clock)
    finish, left, jobs = ledger.work.finish, [database_error()] * outages, []

    def flaky(*arguments: Any, **keywords: Any) -> StudyState:
        if left:
            raise left.pop()
        return finish(*arguments, **keywords)

    def job(claim: Claim) -> FinishedStudy:
        jobs.append(claim)
        return DONE

    monkeypatch.setattr(ledger.work, "finish", flaky)
    monkeypatch.setattr(node.analysis.worker, "FINISH_AGAIN_S", (0, 0))
    assert worker(ledger, job).step()
    assert ledger.studies.get(STUDY).state is state
    assert len(jobs) == 1


def test_step_when_it_meets_a_bug_then_parks_it_and_takes_the_next(
    ledger: Ledger, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    other = f"{STUDY}.2"
    make_ready(ledger, clock)
    clock.advance(1)
    make_ready(ledger, clock, other)

    def job(claim: Claim) -> FinishedStudy:
        if claim.study_instance_uid == STUDY:
            raise KeyError("Doe^John")
        return FinishedStudy(None, None, result_objects(other))

    own = worker(ledger, job)
    with caplog.at_level(logging.ERROR):
        assert own.step()
    assert own.step()
    failed = ledger.studies.get(STUDY)
    assert (failed.state, failed.code, failed.message) == (StudyState.FAILED, "BUG", "KeyError")
    assert caplog.records[0].exc_info is not None
    assert ledger.studies.get(other).state is StudyState.DELIVERING


def test_step_when_a_rejection_escapes_the_job_then_the_study_is_parked_with_its_words(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    error = UnsuitableStudyError("RES-SOURCE", "No source can be read.", stage="report")
    worker(ledger, failing(error)).step()
    assert ledger.studies.get(STUDY).message == "RES-SOURCE: No source can be read."


def test_step_when_an_image_arrives_during_the_job_then_the_outcome_is_discarded(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)

    def job(_claim: Claim) -> FinishedStudy:
        ledger.record_instance(instance(clock, 2))
        return DONE

    assert worker(ledger, job).step()
    assert ledger.studies.get(STUDY).state is StudyState.RECEIVING
    assert ledger.outbox.of_study(STUDY) == ()


def test_step_when_the_node_stops_during_the_job_then_the_study_is_given_back(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    stopping = threading.Event()

    def job(_claim: Claim) -> FinishedStudy:
        stopping.set()
        raise transient(WORKER_LOST)

    worker(ledger, job, stopping).step()
    study = ledger.studies.get(STUDY)
    assert (study.state, study.attempts, study.owner) == (StudyState.READY, 0, None)


def test_attempts_when_no_worker_of_a_cluster_is_there_then_more_than_at_a_fault_of_the_study() -> None:
    assert attempts_worth(transient(WORKER_NONE)) > MAXIMUM_ATTEMPTS


def test_run_when_the_ledger_is_away_then_goes_on_when_it_is_back(
    ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ready(ledger, clock)
    stopping = threading.Event()

    def job(_claim: Claim) -> FinishedStudy:
        stopping.set()
        return DONE

    claim, calls = ledger.work.claim, []

    def flaky(owner: str, lease_s: float) -> Claim | None:
        calls.append(owner)
        if len(calls) == 1:
            raise ConnectionError("database is away")
        return claim(owner, lease_s)

    monkeypatch.setattr(ledger.work, "claim", flaky)
    worker(ledger, job, stopping).run(idle_s=0)
    assert len(calls) == 2
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING


def test_run_when_the_answer_to_a_claim_is_lost_with_the_connection_then_its_study_is_taken_at_once(
    ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ready(ledger, clock)
    stopping, claimed = threading.Event(), ledger.work.claim
    attempts: list[int] = []

    def lost(owner: str, lease_s: float) -> Claim | None:
        monkeypatch.setattr(ledger.work, "claim", claimed)
        assert claimed(owner, lease_s) is not None
        raise database_error()

    def job(claim: Claim) -> FinishedStudy:
        attempts.append(claim.attempt)
        stopping.set()
        return DONE

    monkeypatch.setattr(ledger.work, "claim", lost)
    thread = threading.Thread(target=worker(ledger, job, stopping).run, args=(0.01,))
    thread.start()
    thread.join(10)
    stopping.set()
    assert attempts == [2]
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING


def test_step_when_the_study_is_cancelled_then_its_work_is_ended_and_its_outcome_thrown_away(
    ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.analysis.lease, "LOOK_AFTER_CLAIM_S", 0.01)
    ended = threading.Event()

    def job(_claim: Claim) -> FinishedStudy:
        ledger.interventions.cancel(STUDY, "anna")
        assert ended.wait(30)
        raise transient(WORKER_LOST)

    def abandon(thread_id: int) -> None:
        assert thread_id == main
        ended.set()

    main = threading.get_ident()
    make_ready(ledger, clock)
    own = worker(ledger, job, abandon=abandon)
    assert own.step()
    assert not own.step()
    study = ledger.studies.get(STUDY)
    assert (study.state, study.code, study.outcome) == (StudyState.CANCELLED, None, None)
