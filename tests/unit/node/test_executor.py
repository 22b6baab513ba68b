import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

import pytest

from config.errors import ConfigError
from config.settings import ComputeSection
from node.executor import WORKER_LOST, Compute, _local_executor, make_compute
from pipeline.errors import QualityGateError, TransientError

# The functions below travel to worker processes in place of the pipeline; a study and a bundle are words here.
Function = Callable[[Any, Any], Any]


def join_words(study: Any, bundle: Any) -> Any:
    return f"{study} with {bundle} in {os.getpid()}"


def crash(study: Any, bundle: Any) -> Any:
    if study == "bad":
        os._exit(139)
    return study


def refuse(study: Any, bundle: Any) -> Any:
    raise QualityGateError("QG-REG", "Too far.", remedy="Repeat.", stage="register")


def sleep_long(study: Any, bundle: Any) -> Any:
    time.sleep(60)


def compute(function: Function) -> Compute:
    return Compute(lambda: _local_executor(1), function)


def run(own: Compute, study: str) -> Any:
    words: Any = study
    return own.analyse(words, words)


def test_analyse_when_local_then_runs_in_another_process() -> None:
    own = compute(join_words)
    try:
        answer = run(own, "study")
        assert answer.startswith("study with study in ")
        assert not answer.endswith(f" {os.getpid()}")
    finally:
        own.stop()


def test_analyse_when_the_process_crashes_then_is_transient_and_the_next_study_runs() -> None:
    own = compute(crash)
    try:
        with pytest.raises(TransientError) as caught:
            run(own, "bad")
        assert caught.value.code == WORKER_LOST
        assert run(own, "good") == "good"
    finally:
        own.stop()


def test_analyse_when_the_pipeline_refuses_then_the_refusal_comes_back_whole() -> None:
    own = compute(refuse)
    try:
        with pytest.raises(QualityGateError) as caught:
            run(own, "study")
        assert (caught.value.code, caught.value.remedy, caught.value.stage) == ("QG-REG", "Repeat.", "register")
    finally:
        own.stop()


class Recorder(Executor):
    """Keeps what is submitted and never finishes it."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, *_arguments: Any, **_keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        self.futures.append(future)
        return future


def test_analyse_when_the_executor_cancels_then_is_transient_and_a_new_one_is_made() -> None:
    made: list[Recorder] = []

    def make() -> Executor:
        made.append(Recorder())
        return made[-1]

    own = Compute(make, join_words)
    with pytest.raises(TransientError):
        run(own, "study")
    assert len(made) == 2


def test_stop_when_an_analysis_runs_then_ends_its_process_and_further_work_is_transient() -> None:
    pools: list[ProcessPoolExecutor] = []

    def make() -> Executor:
        pool = _local_executor(1)
        assert isinstance(pool, ProcessPoolExecutor)
        pools.append(pool)
        return pool

    own = Compute(make, sleep_long)
    study: Any = "study"
    future = pools[0].submit(sleep_long, study, study)
    processes = list(pools[0]._processes.values())
    own.stop()
    for process in processes:
        process.join(10)
        assert not process.is_alive()
    assert future.exception(10) is not None
    with pytest.raises(TransientError, match="stopping"):
        run(own, "study")


def test_make_compute_when_dask_is_missing_then_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"mvi-node\[dask\]"):
        make_compute(ComputeSection(engine="dask", scheduler="tcp://127.0.0.1:1"))
