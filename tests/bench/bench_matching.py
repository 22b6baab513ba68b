"""Time to match a study of 1,200 instances from its headers: `python -m tests.bench.bench_matching`.

The baseline reads the same files with `pydicom.dcmread`, as a selector without chosen tags does.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from tests.bench.figure import Figure
from tests.unit.dicom_io.assembly.header_studies import GADOXETATE, SLICES, T1, StudyWriter, standard

INSTANCES = 1200
GOAL_S = 3.0
COMMAND = "python -m tests.bench.bench_matching"


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


def figures() -> list[Figure]:
    """Return the figure for `make bench`; the baseline parses the same headers and decides nothing."""
    timing = measure_anew()
    name = f"match {timing.instances} instances"
    return [Figure(name, timing.total_s, timing.baseline_s, f"<= {GOAL_S:.0f} s", "s", COMMAND)]


def main() -> int:
    """Print one line; exit 1 where the goal is missed."""
    timing = measure_anew()
    sys.stdout.write(
        f"{timing.instances} instances: headers {timing.scan_s:.2f} s, decision {timing.match_s:.2f} s, "
        f"goal {GOAL_S:.0f} s; parsing alone {timing.baseline_s:.2f} s\n"
    )
    return 0 if timing.total_s <= GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
