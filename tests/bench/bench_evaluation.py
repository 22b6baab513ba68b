"""What a whole evaluation costs: 420 patients x 14,736 features, 20 splits, every table and figure.

``python -m tests.bench.bench_evaluation [--patients N] [--features N] [--processes N]`` draws a cohort with
automatic and manual features and no signal, runs the evaluation on it, and prints seconds by the clock, seconds of
processors and the largest memory. Beside it stands what standardisation and components of one training part take
here and in scikit-learn.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.parts import Masks, RadiomicsBlock
from pipeline.evaluation.principal import fit_reduction
from pipeline.evaluation.reading import clinical_columns
from pipeline.evaluation.report import Provenance
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.writing import write_evaluation
from pipeline.study import Role
from tests.bench.figure import Figure

PATIENTS, FEATURES, REPEATS = 420, 14_736, 20
GOAL_S, GOAL_BYTES = 600.0, 4e9
COMMAND = "python -m tests.bench.bench_evaluation"


@dataclass(frozen=True)
class Cost:
    """Of one evaluation.

    Parameters
    ----------
    wall_s, processor_s
        By the clock, which a busy machine stretches; of all processes together.
    memory_bytes
        Largest of the first process, and of each other times their number.
    """

    wall_s: float
    processor_s: float
    memory_bytes: float


def draw(patients: int, features: int) -> EvaluationCohort:
    """Draw a cohort of 20 factors and noise; a third has invasion."""
    random = np.random.default_rng(0)
    each = features // (2 * len(Role))
    names = tuple(f"{role}_{region}_f{n}" for role in Role for region in ("tumour", "margin") for n in range(each))
    mixing = random.standard_normal((20, len(names)))
    factors = random.standard_normal((patients, 20))

    def block() -> RadiomicsBlock:
        return RadiomicsBlock(names, factors @ mixing + random.standard_normal((patients, len(names))))

    columns = clinical_columns()
    clinical = random.normal(50, 10, (patients, len(columns)))
    clinical[:, [column.is_binary for column in columns]] = 1.0
    clinical[::2, [column.is_binary for column in columns]] = 0.0
    return EvaluationCohort(
        "drawn",
        tuple(f"drawn-{n}" for n in range(patients)),
        np.arange(patients) % 3 == 0,
        {Masks.AUTOMATIC: block(), Masks.MANUAL: block()},
        columns,
        clinical,
        random.uniform(10, 80, patients),
        np.zeros(patients, dtype=bool),
    )


def measure(cohort: EvaluationCohort, settings: EvaluationSettings, processes: int) -> Cost:
    """Evaluate once."""
    began, before = time.perf_counter(), _processor_s()
    with (
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
        tempfile.TemporaryDirectory() as out,
    ):
        evaluation = evaluate(cohort, settings, executor=pool, report=lambda line: _say(f"{line}\n"))
        write_evaluation(evaluation, Provenance(COMMAND, "", {}, {}), Path(out))
    wall = time.perf_counter() - began
    own, others = (
        resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return Cost(wall, _processor_s() - before, own + processes * others)


def reductions(cohort: EvaluationCohort) -> tuple[float, float]:
    """Return the median seconds of ours and of scikit-learn's for one training part."""
    values = cohort.radiomics[Masks.AUTOMATIC].values[: round(0.4 * len(cohort.patients))]

    def theirs() -> None:
        PCA(20, svd_solver="full").fit(StandardScaler().fit_transform(values))

    return _median(lambda: fit_reduction(values, 20)), _median(theirs)


def figures() -> list[Figure]:
    """Return the figures for `make bench`; the baseline of the whole is its goal."""
    cohort = draw(PATIENTS, FEATURES)
    ours, theirs = reductions(cohort)
    cost = measure(cohort, EvaluationSettings(repeats=REPEATS), 2)
    whole = f"evaluation of {PATIENTS} x {FEATURES}, two processes"
    return [
        Figure("components of a training part", ours, theirs, "ratio below 1", "s", COMMAND),
        Figure(f"{whole}, time beside the goal", cost.wall_s, GOAL_S, "< 600 s", "s", COMMAND),
        Figure(
            f"{whole}, memory beside the goal", cost.memory_bytes / 1e9, GOAL_BYTES / 1e9, "< 4 GB", "GB", COMMAND
        ),
    ]


def _median(function: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def _processor_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _say(text: str) -> None:
    sys.stderr.write(text)


def main() -> int:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--features", type=int, default=FEATURES)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    cohort = draw(options.patients, options.features)
    ours, theirs = reductions(cohort)
    cost = measure(cohort, EvaluationSettings(repeats=options.repeats), options.processes)
    document = {
        **asdict(cost),
        "processors": options.processes,
        "processor_s_each": cost.processor_s / options.processes,
        "goal_s": GOAL_S,
        "goal_bytes": GOAL_BYTES,
        "reduction_s": ours,
        "reduction_scikit_learn_s": theirs,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
