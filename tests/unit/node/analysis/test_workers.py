"""The workers of a node as they are wired: how many, what they give back, and how they stop."""

import threading
import weakref

import pytest

from config.settings import Settings
from node.analysis.finished_study import FinishedStudy
from node.analysis.workers import Workers
from node.ledger.ledger import Ledger
from node.ledger.records import Claim
from node.states import StudyState
from tests.unit.dicom_io.network.receiver import wait_until
from tests.unit.node.doubles import STUDY, FakeClock, Page, make_ready, result_objects


@pytest.mark.usefixtures("seldom_collected")
def test_workers_when_a_study_is_done_then_what_it_took_is_given_back(ledger: Ledger, clock: FakeClock) -> None:
    left: list[weakref.ref[Page]] = []

    def job(_claim: Claim) -> FinishedStudy:
        left.append(weakref.ref(Page()))
        return FinishedStudy(None, None, result_objects())

    make_ready(ledger, clock)
    workers = Workers(Settings.model_validate({"compute": {"workers": 1}}), ledger, job, lambda _: None)
    at_work = (StudyState.READY, StudyState.ANALYSING)
    wait_until(lambda: ledger.studies.get(STUDY).state not in at_work, "the study is done")
    workers.ask_to_stop()
    workers.join()
    assert left[0]() is None
    assert not workers.are_alive()


def test_workers_when_started_then_there_are_as_many_as_wanted_and_all_end_when_asked(ledger: Ledger) -> None:
    before = set(threading.enumerate())
    workers = Workers(Settings.model_validate({"compute": {"workers": 3}}), ledger, fail, lambda _: None)
    assert len(set(threading.enumerate()) - before) == 3
    assert workers.are_alive()
    workers.ask_to_stop()
    workers.join()
    assert set(threading.enumerate()) <= before


def fail(_claim: Claim) -> FinishedStudy:
    raise AssertionError("there is no study")
