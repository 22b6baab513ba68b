"""Series matching: every vendor and scenario of the phantom, unseen protocols, and the time for a large study.

`python -m tests.bench.bench_matching [SEED ...]` prints the table. The baseline of the timing reads the same files
with `pydicom.dcmread`, as a selector without chosen tags does; that of the counts is what there is to get right.
"""

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from rich.console import Console
from rich.table import Table

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from tests.bench.figure import Figure
from tests.integration.scenario_table import Cases, Outcome, answer, combinations
from tests.unit.dicom_io.assembly.header_studies import GADOXETATE, SLICES, T1, StudyWriter, standard

INSTANCES = 1200
GOAL_S = 3.0
COMMAND = "python -m tests.bench.bench_matching"
SEEDS = (11,)
"""Not those of the tests."""


@dataclass(frozen=True)
class Timing:
    """Seconds for one study; `baseline_s` reads whole headers and decides nothing."""

    instances: int
    scan_s: float
    match_s: float
    baseline_s: float
    code: str | None

    @property
    def total_s(self) -> float:
        """Headers and decision."""
        return self.scan_s + self.match_s


def write_study(folder: Path, instances: int) -> None:
    """Write a solvable study, filled up to `instances` with transitional phases and subtractions."""
    writer = StudyWriter(folder)
    standard(writer)
    written, minutes = len(list(folder.glob("*.dcm"))), 0
    while written < instances:
        slices = range(min(SLICES, instances - written))
        name = "SUB Ax T1" if minutes % 2 else "Ax T1 delay"
        writer.series(f"{name} {minutes}", T1, 250 + 10 * minutes, slices=slices, **GADOXETATE)
        written, minutes = written + len(slices), minutes + 1


def measure(folder: Path) -> Timing:
    """Time the scan and the match of the study in `folder`."""
    paths = sorted(folder.rglob("*.dcm"))
    begun = time.perf_counter()
    for path in paths:
        dcmread(path, stop_before_pixels=True)
    read = time.perf_counter()
    scan = scan_folder(folder)
    scanned = time.perf_counter()
    (result,) = match_studies(scan, load_series_rules())
    matched = time.perf_counter()
    return Timing(len(paths), scanned - read, matched - scanned, read - begun, result.code)


def measure_anew(instances: int = INSTANCES) -> Timing:
    """Write a study and time its match."""
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), instances)
        return measure(Path(folder))


def scenario_outcomes(seeds: Sequence[int] = SEEDS) -> list[Outcome]:
    """Match every vendor x scenario x seed."""
    rules = load_series_rules()
    with tempfile.TemporaryDirectory() as folder:
        return [
            answer(cases, vendor, scenario, Path(folder), rules)
            for cases in map(Cases, seeds)
            for vendor, scenario in combinations()
        ]


def count_figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Return how many solvable studies are right, unsolvable ones refused rightly, and acceptances wrong."""
    solvable = [outcome for outcome in outcomes if outcome.expected is None]
    unsolvable = [outcome for outcome in outcomes if outcome.expected is not None]
    counts = (
        ("solvable studies with all six roles right", sum(one.right for one in solvable), solvable, "all"),
        (
            "unsolvable studies refused with the right code",
            sum(one.right for one in unsolvable),
            unsolvable,
            "all",
        ),
        ("wrong acceptances", sum(outcome.dangerous for outcome in outcomes), outcomes, "0"),
    )
    return [Figure(name, found, len(of), goal, "studies", COMMAND) for name, found, of, goal in counts]


def figures() -> list[Figure]:
    """Return the figures for `make bench`."""
    timing = measure_anew()
    name = f"match {timing.instances} instances"
    timed = Figure(name, timing.total_s, timing.baseline_s, f"<= {GOAL_S:.0f} s", "s", COMMAND)
    return [timed, *count_figures(scenario_outcomes())]


def print_table(outcomes: Sequence[Outcome]) -> None:
    """Print one line a scenario: right answers by vendor, and what went wrong."""
    table = Table("scenario", "expected", "right", "not right")
    by_scenario: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_scenario[outcome.scenario].append(outcome)
    for scenario, found in by_scenario.items():
        failed = [f"{one.vendor}: {one.code or 'accepted'}" for one in found if not one.right]
        right = f"{len(found) - len(failed)} of {len(found)}"
        table.add_row(scenario, found[0].expected or "accepted", right, ", ".join(dict.fromkeys(failed)))
    Console().print(table)


def main(seeds: Sequence[str]) -> int:
    """Print the table, the counts and the time; exit 1 where a goal is missed."""
    timing = measure_anew()
    outcomes = scenario_outcomes([int(seed) for seed in seeds] or SEEDS)
    print_table(outcomes)
    for figure in count_figures(outcomes):
        sys.stdout.write(f"{figure.name}: {figure.ours:.0f} of {figure.baseline:.0f} (goal: {figure.goal})\n")
    sys.stdout.write(
        f"{timing.instances} instances: headers {timing.scan_s:.2f} s, decision {timing.match_s:.2f} s, "
        f"goal {GOAL_S:.0f} s; parsing alone {timing.baseline_s:.2f} s\n"
    )
    return 0 if timing.total_s <= GOAL_S and all(outcome.right for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
