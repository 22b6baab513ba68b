"""More than one machine: `python -m tests.bench.bench_dask`.

A real scheduler, real workers, and of the node what runs in `serve`: ledger, claims, `Compute`, its Dask engine.

1. Whole studies of full size on one and on two workers here, with the real pipeline, beside the local engine. Two
   workers here share the processors of one machine: they do not say what a second machine gives.
2. What a study costs the node and not the worker: reading and assembly, the way of its arrays there and back, SEG,
   SR and summary. It is the ceiling of one node, however many workers there are.
3. A queue of 200 studies on 1 to 64 workers, slept in place of analysed, without arrays: what claims, scheduler
   and node leave of the ideal.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from config.series_rules import load_series_rules
from dicom_io.assembly.match_result import MatchResult
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.scanning import scan_folder
from dicom_io.assembly.volumes import assemble
from dicom_io.phantom_series import write_phantom_study
from dicom_io.results.writing import write_results
from node.analysis.finished_study import FinishedStudy
from node.analysis.worker import Worker
from node.backoff import BackOff
from node.compute.dask_engine import DaskExecutor
from node.compute.executor import Compute, analyse_arrays
from node.compute.local_pool import local_pool
from node.ledger.ledger import open_ledger
from node.ledger.records import Claim
from node.states import StudyState
from pipeline.model_bundle import ModelBundle
from pipeline.study import Study
from tests.bench import bench_queue
from tests.bench.bench_study import bundle_of_today
from tests.bench.dask_cluster import cluster
from tests.bench.figure import Figure
from tests.bench.full_size import full_size_case

COMMAND: Final = "python -m tests.bench.bench_dask"
STUDIES: Final = 200
WORKERS: Final = (1, 2, 4, 8, 16, 32, 64)
SIMULATED_S: Final = 0.5
"""Slept for a study; a real one takes twenty times as long, and the node as much less of the time."""
REAL_STUDIES: Final = 4
TIMEOUT_S: Final = 600.0


def sleep_for(study: Any, _bundle: object, *, seconds: float) -> Any:
    """Take as long as an analysis and give back what came; runs on a worker."""
    time.sleep(seconds)
    return study


def queue_s(workers: int, studies: int, seconds: float, folder: Path, bundle: Any) -> float:
    """Return how long a queue of `studies` takes on `workers`, claimed and entered as `serve` does it, s."""
    url = f"sqlite:///{folder / 'ledger.sqlite3'}"
    study: Any = "a study"
    with cluster(workers, folder, real=False) as started, open_ledger(url) as ledger, ExitStack() as stack:
        bench_queue.fill(url, 0, waiting=studies, with_images=0)
        function = partial(sleep_for, seconds=seconds)
        compute = Compute(partial(DaskExecutor, started.address), function, workers=workers, timeout_s=TIMEOUT_S)
        stack.callback(compute.stop)

        def job(_claim: Claim) -> FinishedStudy:
            compute.analyse(study, bundle)
            return FinishedStudy(None, None, ())

        def work(number: int) -> None:
            own = Worker(
                f"bench/{number}",
                ledger,
                job,
                recipients=lambda _study_instance_uid: {},
                back_off=BackOff(1.0, 10.0, lambda: 0.5),
                stopping=threading.Event(),
            )
            while own.step():
                pass

        with ThreadPoolExecutor(workers) as threads:
            # Each connection of the node is told of the model before the clock runs.
            list(threads.map(lambda _: compute.analyse(study, bundle), range(workers)))
            begun = time.perf_counter()
            list(threads.map(work, range(workers)))
            taken = time.perf_counter() - begun
        if (finished := ledger.studies.count()[StudyState.ANALYSED]) != studies:
            raise RuntimeError(f"{finished} of {studies} studies were finished")
    return taken


def ideal_s(workers: int, studies: int, seconds: float) -> float:
    """Return how long it would take where nothing but the analysis took time, s."""
    return math.ceil(studies / workers) * seconds


def an_hour(compute: Compute, study: Study, bundle: ModelBundle, *, workers: int, studies: int) -> float:
    """Return how many studies an hour an engine answers, once every worker has its model ready."""
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(lambda _: compute.analyse(study, bundle), range(workers)))
        begun = time.perf_counter()
        list(threads.map(lambda _: compute.analyse(study, bundle), range(studies)))
        return 3600 * studies / (time.perf_counter() - begun)


def simulated_figures(workers: Sequence[int] = WORKERS, studies: int = STUDIES) -> list[Figure]:
    """Measure the queue on each number of workers."""
    figures, bundle = [], bundle_of_today()
    for number in workers:
        with tempfile.TemporaryDirectory() as folder:
            taken = queue_s(number, studies, SIMULATED_S, Path(folder), bundle)
        ideal = ideal_s(number, studies, SIMULATED_S)
        name = f"{studies} studies of {SIMULATED_S} s, {number} simulated workers"
        figures.append(Figure(f"{name}: time", taken, ideal, "none", "s", COMMAND))
        figures.append(Figure(f"{name}: efficiency", ideal / taken, 1.0, "none", "of the ideal", COMMAND))
    return figures


def full_study(folder: Path) -> tuple[MatchResult, Study]:
    """Write the phantom of the study benchmark, and read it as the node does."""
    write_phantom_study(full_size_case(3), folder)
    return read_study(folder)


def read_study(folder: Path) -> tuple[MatchResult, Study]:
    """Match and assemble."""
    (match,) = match_studies(scan_folder(folder / "dicom"), load_series_rules())
    return match, assemble(match, clinical={})


def real_figures(studies: int = REAL_STUDIES) -> list[Figure]:
    """Measure whole studies on the local engine, on one worker and on two."""
    bundle = bundle_of_today()
    with tempfile.TemporaryDirectory() as folder:
        _, study = full_study(Path(folder))
    local = Compute(local_pool, analyse_arrays, workers=1, timeout_s=TIMEOUT_S)
    here = an_hour(local, study, bundle, workers=1, studies=studies)
    local.stop()
    one, two = (_on_cluster(workers, study, bundle, analyse_arrays, studies) for workers in (1, 2))
    return [
        Figure("1 Dask worker beside the local engine: analyses", one, here, "none", "an hour", COMMAND),
        Figure("2 Dask workers on one machine beside 1: analyses", two, one, "none", "an hour", COMMAND),
    ]


def node_figures(studies: int = REAL_STUDIES) -> list[Figure]:
    """Count what a study costs the node and the scheduler beside the analysis, in seconds of processor time.

    Processor time: what else the machine does is not in it.
    """
    bundle = bundle_of_today()
    with tempfile.TemporaryDirectory() as place:
        full_study(Path(place))
        began_s = time.process_time()
        match, study = read_study(Path(place))
        assembled_s = time.process_time() - began_s
        analysis = analyse_arrays(study, bundle)
        began_s = time.process_time()
        write_results(match, analysis, Path(place), now=datetime(2026, 1, 1, tzinfo=UTC), timing_s={})
        written_s = time.process_time() - began_s
    sent_s, scheduled_s = _sent(study, bundle, studies)
    node_s = assembled_s + sent_s + written_s
    command = f"{COMMAND} --only node"
    return [
        Figure("node, a study: assembly", assembled_s, node_s, "none", "s of processor", command),
        Figure("node, a study: arrays there and back", sent_s, node_s, "none", "s of processor", command),
        Figure("node, a study: SEG, SR, summary", written_s, node_s, "none", "s of processor", command),
        Figure("scheduler, a study", scheduled_s, node_s, "none", "s of processor", command),
        Figure("ceiling of one node of one processor", 3600 / node_s, 3600.0, "none", "an hour", command),
    ]


def _sent(study: Study, bundle: ModelBundle, studies: int) -> tuple[float, float]:
    """Return what the way of a study there and back takes, s of processor: of this process, and of the scheduler.

    Back comes the study: its six volumes are as large as those of an analysis, within a tenth.
    """
    send = partial(sleep_for, seconds=0.0)
    with tempfile.TemporaryDirectory() as folder, cluster(1, Path(folder), real=False) as started:
        compute = Compute(partial(DaskExecutor, started.address), send, workers=1, timeout_s=TIMEOUT_S)
        compute.analyse(study, bundle)
        before = time.process_time(), started.scheduler_s()
        for _ in range(studies):
            compute.analyse(study, bundle)
        after = time.process_time(), started.scheduler_s()
        compute.stop()
    return (after[0] - before[0]) / studies, (after[1] - before[1]) / studies


def _on_cluster(workers: int, study: Study, bundle: ModelBundle, function: Any, studies: int) -> float:
    with tempfile.TemporaryDirectory() as folder, cluster(workers, Path(folder), real=True) as started:
        compute = Compute(partial(DaskExecutor, started.address), function, workers=workers, timeout_s=TIMEOUT_S)
        try:
            return an_hour(compute, study, bundle, workers=workers, studies=studies)
        finally:
            compute.stop()


def figures() -> list[Figure]:
    """Return the figures for `make bench`."""
    return [*real_figures(), *node_figures(), *simulated_figures()]


def main() -> int:
    """Print each figure as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("real", "node", "simulated"))
    only = parser.parse_args().only
    parts: dict[str, Callable[[], list[Figure]]] = {
        "real": real_figures,
        "node": node_figures,
        "simulated": simulated_figures,
    }
    for name, part in parts.items():
        if only in (None, name):
            sys.stderr.write(f"{name}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
            for figure in part():
                sys.stdout.write(f"{json.dumps(figure.document())}\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
