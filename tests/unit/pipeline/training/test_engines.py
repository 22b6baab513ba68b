"""One case that fails, or whose process dies, stops no other."""

import os
import signal
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.training.engines import PROCESS_DIED, Extracted, do_here, do_in_processes, do_on_cluster
from pipeline.training.errors import TrainingError


@dataclass(frozen=True)
class Named:
    """A case without images: what a new process needs not import takes no time."""

    name: str

    def load(self) -> Any:
        raise AssertionError(self.name)


JOBS: list[Any] = [(Named(f"case-{n}"), 0) for n in range(3)]
NAMES = [source.name for source, _ in JOBS]


def work(source: Any, folder: Path, repeats: int) -> Extracted:
    """Fail on one case, and write the files of the others."""
    if source.name == NAMES[1]:
        raise ValueError("a bug")
    (folder / f"{source.name}.npz").write_text(source.name)
    (folder / f"{source.name}.manual.npz").write_text("m")
    return Extracted(source.name)


def die(source: Any, folder: Path, repeats: int) -> Extracted:
    """End the process of one case."""
    if source.name == NAMES[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return Extracted(source.name)


def test_case_when_it_fails_then_the_others_are_done_and_it_may_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    with ThreadPoolExecutor(2) as cluster:
        for number, outcomes in enumerate(
            [do_here(JOBS, work, tmp_path), do_on_cluster(JOBS, work, tmp_path / "away", cluster)]
        ):
            found = {outcome.name: outcome for outcome in outcomes}
            assert sorted(found) == NAMES, number
            assert found[NAMES[1]] == Extracted(NAMES[1], "ValueError: see the log", unfinished=True)
            assert sum(outcome.unfinished for outcome in found.values()) == 1
    files = sorted(path.name for path in (tmp_path / "away").iterdir())
    assert files == sorted(f"{name}{end}" for name in NAMES if name != NAMES[1] for end in (".npz", ".manual.npz"))


@pytest.mark.slow
def test_case_when_its_process_dies_then_it_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    found = {outcome.name: outcome for outcome in do_in_processes(JOBS, die, tmp_path, 2)}
    assert sorted(found) == NAMES
    assert found.pop(NAMES[1]) == Extracted(NAMES[1], PROCESS_DIED, unfinished=True)
    assert not any(outcome.unfinished for outcome in found.values())


class Gone(Executor):
    """A cluster that lost its worker, and then its scheduler."""

    def __init__(self) -> None:
        self.calls = 0

    def submit(self, _fn: Any, /, *_args: Any, **_kwargs: Any) -> "Future[Any]":
        self.calls += 1
        if self.calls > 2:
            raise BrokenExecutor("the Dask scheduler is gone")
        lost: Future[Any] = Future()
        lost.set_exception(BrokenExecutor("the Dask worker died"))
        return lost


def test_cluster_when_it_is_gone_then_one_line_says_that_the_same_command_goes_on(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the Dask scheduler is gone; the same command goes on"):
        list(do_on_cluster(JOBS, work, tmp_path, Gone()))
    (first,) = do_on_cluster(JOBS[:1], work, tmp_path, Gone())
    assert first == Extracted(NAMES[0], PROCESS_DIED, unfinished=True)
