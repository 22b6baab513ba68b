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
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.scanning import scan_folder
from dicom_io.assembly.volumes import assemble
from dicom_io.phantom_series import write_phantom_study
from dicom_io.results.writing import write_results
from node.backoff import BackOff
from node.dask_engine import DaskExecutor
from node.executor import Compute, analyse_arrays
from node.ledger.ledger import open_ledger
from node.ledger.records import Claim
from node.local_pool import local_pool
from node.states import StudyState
from node.worker import FinishedStudy, Worker
from pipeline.model_bundle import ModelBundle
from pipeline.phantom import PhantomSettings, make_case
from pipeline.study import Study
from tests.bench import bench_queue
from tests.bench.bench_study import DIAMETERS_MM, SEED, bundle_of_today
from tests.bench.dask_cluster import cluster
from tests.bench.figure import Figure

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
    with cluster(workers, folder, real=False) as address, open_ledger(url) as ledger, ExitStack() as stack:
        bench_queue.fill(url, 0, waiting=studies)
        function = partial(sleep_for, seconds=seconds)
        compute = Compute(partial(DaskExecutor, address), function, workers=workers, timeout_s=TIMEOUT_S)
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


def real_figures(studies: int = REAL_STUDIES) -> list[Figure]:
    """Measure whole studies on the local engine, on one worker and on two, and what a study costs the node."""
    bundle = bundle_of_today()
    with tempfile.TemporaryDirectory() as place:
        settings = PhantomSettings(thin_slices=True, tumour_count=1, tumour_diameter_mm=DIAMETERS_MM[3])
        write_phantom_study(make_case(SEED + 3, settings=settings), Path(place))
        begun = time.perf_counter()
        (match,) = match_studies(scan_folder(Path(place) / "dicom"), load_series_rules())
        study = assemble(match, clinical={})
        assembled_s = time.perf_counter() - begun
        local = Compute(local_pool, analyse_arrays, workers=1, timeout_s=TIMEOUT_S)
        rates = [an_hour(local, study, bundle, workers=1, studies=studies)]
        analysis = local.analyse(study, bundle)
        local.stop()
        begun = time.perf_counter()
        write_results(match, analysis, Path(place), now=datetime(2026, 1, 1, tzinfo=UTC), timing_s={})
        written_s = time.perf_counter() - begun
        rates += [_on_cluster(workers, study, bundle, analyse_arrays, studies) for workers in (1, 2)]
        sent_s = 3600 / _on_cluster(1, study, bundle, partial(sleep_for, seconds=0.0), studies)
    here_s = assembled_s + sent_s + written_s
    return [
        Figure("local engine: analyses", rates[0], rates[0], "none", "an hour", COMMAND),
        Figure("1 Dask worker: analyses", rates[1], rates[0], "none", "an hour", COMMAND),
        Figure("2 Dask workers on one machine: analyses", rates[2], rates[1], "none", "an hour", COMMAND),
        Figure("a study on the node: assembly", assembled_s, here_s, "none", "s", COMMAND),
        Figure("a study on the node: arrays there and back", sent_s, here_s, "none", "s", COMMAND),
        Figure("a study on the node: SEG, SR, summary", written_s, here_s, "none", "s", COMMAND),
        Figure("ceiling of one node", 3600 / here_s, rates[1], "none", "an hour", COMMAND),
    ]


def _on_cluster(workers: int, study: Study, bundle: ModelBundle, function: Any, studies: int) -> float:
    with tempfile.TemporaryDirectory() as folder, cluster(workers, Path(folder), real=True) as address:
        compute = Compute(partial(DaskExecutor, address), function, workers=workers, timeout_s=TIMEOUT_S)
        try:
            return an_hour(compute, study, bundle, workers=workers, studies=studies)
        finally:
            compute.stop()


def figures() -> list[Figure]:
    """Return the figures for `make bench`."""
    return [*real_figures(), *simulated_figures()]


def main() -> int:
    """Print each figure as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("real", "simulated"))
    only = parser.parse_args().only
    parts: dict[str, Callable[[], list[Figure]]] = {"real": real_figures, "simulated": simulated_figures}
    for name, part in parts.items():
        if only in (None, name):
            sys.stderr.write(f"{name}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
            for figure in part():
                sys.stdout.write(f"{json.dumps(figure.document())}\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
