import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.errors import ConfigError
from config.sections.compute import ComputeSection
from node.compute.executor import WORKER_HUNG, WORKER_LOST, WORKER_MEMORY, Compute, make_compute
from node.compute.local_pool import local_pool
from node.logging import about
from pipeline.analysis import GateOutcome
from pipeline.errors import QualityGateError, TransientError

# The functions below travel to worker processes in place of the pipeline; a study and a bundle are words here.
Function = Callable[[Any, Any], Any]


def join_words(study: Any, bundle: Any) -> Any:
    return f"{study} with {bundle} in {os.getpid()}"


def warn(study: Any, bundle: Any) -> Any:
    logging.getLogger("pipeline.segmentation").warning("SEG-DEVICE: busy")
    logging.getLogger("node.compute").info("done %s", study)
    return join_words(study, bundle)


def crash(study: Any, bundle: Any) -> Any:
    if study == "bad":
        os._exit(139)
    return study


def refuse(study: Any, bundle: Any) -> Any:
    gates = (GateOutcome("registration_displacement", False, 70.0, 60.0),)
    raise QualityGateError("QG-REG", "Too far.", remedy="Repeat.", stage="register", gates=gates)


def sleep_long(study: Any, bundle: Any) -> Any:
    time.sleep(60)


def crash_or_wait(study: Any, bundle: Any) -> Any:
    if study == "bad":
        os._exit(139)
    while not Path(study).exists():
        time.sleep(0.01)
    return study


def fill(study: Any, bundle: Any) -> Any:
    if study == "large":
        held = np.ones(700_000_000, np.uint8)
        time.sleep(60)
        return held.sum()
    return study


def time_out(study: Any, bundle: Any) -> Any:
    raise TimeoutError("of its own")


def compute(function: Function, workers: int = 1, timeout_s: float = 60) -> Compute:
    return Compute(local_pool, function, workers=workers, timeout_s=timeout_s)


def has_ended(process: Any) -> bool:
    """Wait for the end of a process that another thread waits for as well.

    That thread may have the exit code from the system and not have written it down yet: a single look says alive.
    """
    until_s = time.monotonic() + 10
    while process.is_alive() and time.monotonic() < until_s:
        process.join(0.1)
        time.sleep(0.01)
    return not process.is_alive()


def run(own: Compute, study: str) -> Any:
    words: Any = study
    return own.analyse(words, words)


def test_analyse_when_local_then_runs_in_another_process_whose_log_lines_name_the_study(
    capfd: pytest.CaptureFixture[str],
) -> None:
    own = compute(warn)
    try:
        with about("1.2.3"):
            answer = run(own, "study")
        assert answer.startswith("study with study in ")
        assert not answer.endswith(f" {os.getpid()}")
    finally:
        own.stop()
    line = r"^\S+T\S+\+00:00 {} study=1\.2\.3$"
    shown = capfd.readouterr().err
    for words in ("WARNING pipeline.segmentation SEG-DEVICE: busy", "INFO node.compute done study"):
        assert re.search(line.format(re.escape(words)), shown, re.MULTILINE), shown


def test_analyse_when_the_process_crashes_then_is_transient_and_the_next_study_runs() -> None:
    own = compute(crash)
    try:
        with pytest.raises(TransientError) as caught:
            run(own, "bad")
        assert caught.value.code == WORKER_LOST
        assert run(own, "good") == "good"
    finally:
        own.stop()


def test_analyse_when_another_study_crashes_then_goes_on(tmp_path: Path) -> None:
    own = compute(crash_or_wait, workers=2)
    may_end = tmp_path / "may-end"
    try:
        with ThreadPoolExecutor(1) as threads:
            neighbour = threads.submit(run, own, str(may_end))
            with pytest.raises(TransientError):
                run(own, "bad")
            may_end.touch()
            assert neighbour.result(60) == str(may_end)
    finally:
        own.stop()


def test_analyse_when_it_hangs_then_is_transient_and_its_process_is_ended() -> None:
    pools: list[ProcessPoolExecutor] = []

    def make() -> Executor:
        pools.append(local_pool())
        return pools[-1]

    own = Compute(make, sleep_long, workers=1, timeout_s=0.2)
    try:
        assert pools[0].submit(join_words, "", "").result(60)
        processes = list(pools[0]._processes.values())
        with pytest.raises(TransientError, match=r"did not end within") as caught:
            run(own, "study")
        assert caught.value.code == WORKER_HUNG
        assert len(pools) == 2
        for process in processes:
            assert has_ended(process)
    finally:
        own.stop()


def test_analyse_when_it_takes_too_much_memory_then_is_transient_and_the_next_study_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.compute.executor.LOOK_AT_MEMORY_EVERY_S", 0.05)
    limit = 500_000_000
    own = Compute(local_pool, fill, workers=1, timeout_s=60, memory_bytes=limit)
    try:
        with pytest.raises(TransientError, match=r"more than 0\.5 GB") as caught:
            run(own, "large")
        assert caught.value.code == WORKER_MEMORY
        assert run(own, "small") == "small"
    finally:
        own.stop()


def test_analyse_when_the_pipeline_raises_a_time_out_then_it_is_not_taken_for_a_hang() -> None:
    own = compute(time_out)
    try:
        with pytest.raises(TimeoutError, match="of its own"):
            run(own, "study")
    finally:
        own.stop()


def test_analyse_when_the_pipeline_refuses_then_the_refusal_comes_back_whole() -> None:
    own = compute(refuse)
    try:
        with pytest.raises(QualityGateError) as caught:
            run(own, "study")
        assert (caught.value.code, caught.value.remedy, caught.value.stage) == ("QG-REG", "Repeat.", "register")
        assert [(gate.gate, gate.value) for gate in caught.value.gates] == [("registration_displacement", 70.0)]
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

    own = Compute(make, join_words, workers=1, timeout_s=60)
    with pytest.raises(TransientError):
        run(own, "study")
    assert len(made) == 2


def test_stop_when_an_analysis_runs_then_ends_its_process_and_further_work_is_transient() -> None:
    pools: list[ProcessPoolExecutor] = []

    def make() -> Executor:
        pools.append(local_pool())
        return pools[-1]

    own = Compute(make, sleep_long, workers=1, timeout_s=60)
    study: Any = "study"
    future = pools[0].submit(sleep_long, study, study)
    processes = list(pools[0]._processes.values())
    own.stop()
    for process in processes:
        assert has_ended(process)
    assert future.exception(10) is not None
    with pytest.raises(TransientError, match="stopping"):
        run(own, "study")


def test_make_compute_when_dask_is_missing_then_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"mvi-node\[dask\]"):
        make_compute(ComputeSection(engine="dask", scheduler="tcp://127.0.0.1:1"))


def test_abandon_when_an_analysis_runs_then_it_ends_and_the_next_is_done(tmp_path: Path) -> None:
    own = compute(crash_or_wait)
    errors: list[TransientError] = []
    began = threading.Event()

    def wait() -> None:
        began.set()
        try:
            run(own, str(tmp_path / "never"))
        except TransientError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    began.wait()
    while thread.is_alive():
        own.abandon(thread.ident or 0)
        thread.join(0.1)
    (tmp_path / "there").touch()
    try:
        assert run(own, str(tmp_path / "there")) == str(tmp_path / "there")
    finally:
        own.stop()
    assert [error.code for error in errors] == [WORKER_LOST]


def test_abandon_when_the_thread_waits_for_nothing_then_does_nothing() -> None:
    own = compute(join_words)
    own.abandon(threading.get_ident())
    try:
        assert "with" in run(own, "study")
    finally:
        own.stop()
