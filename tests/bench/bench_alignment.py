"""The registration error of several phantoms beside stock elastix: `python -m tests.bench.bench_alignment 6`.

Phantoms of full size as in `bench_study`, five pairs each; ours with the parameter map of a new model, stock
elastix with its default rigid map. The error of one phantom is the median over its liver, mean of the five pairs.
elastix draws its points at random: on a single phantom either may be the better by a twentieth of a millimetre.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass

import numpy as np

from pipeline.aligned import align, working_grid
from pipeline.resampling import to_sitk
from pipeline.study import FIXED_ROLE, MOVING_ROLES
from tests.bench import stock_study
from tests.bench.bench_study import bundle_of_today, error_of
from tests.bench.figure import Figure
from tests.bench.full_size import DIAMETERS_MM, full_size_case

COMMAND = "python -m tests.bench.bench_alignment"
PHANTOMS = 4
"""Half of them with a tumour of 3 cm."""


@dataclass(frozen=True)
class Errors:
    """One phantom.

    Parameters
    ----------
    ours_mm, stock_mm
        Mean of the five medians over the liver.
    ours_s, stock_s
        Processor time, interpolation included, s.
    """

    ours_mm: float
    stock_mm: float
    ours_s: float
    stock_s: float


def measured(number: int) -> Errors:
    """Align phantom `number` both ways."""
    case, settings = full_size_case(sorted(DIAMETERS_MM)[number % 2], number // 2), bundle_of_today().settings
    volumes = case.study.volumes
    begun = time.process_time()
    outcomes = align(case.study, settings).outcomes
    ours_s = time.process_time() - begun
    images = {role: to_sitk(volume.array, volume.grid) for role, volume in volumes.items()}
    begun = time.process_time()
    _, stock = stock_study.register(images, working_grid(volumes[FIXED_ROLE].grid, settings))
    stock_s = time.process_time() - begun
    ours = {role: np.array(outcomes[role].transform_lps_mm) for role in MOVING_ROLES}
    return Errors(error_of(ours, case), error_of(stock, case), ours_s, stock_s)


def figures(phantoms: int = PHANTOMS) -> list[Figure]:
    """Return the figures for `make bench`."""
    errors = [measured(number) for number in range(phantoms)]
    ours, stock = (float(np.mean([getattr(e, side) for e in errors])) for side in ("ours_mm", "stock_mm"))
    ours_s, stock_s = (sum(getattr(e, side) for e in errors) for side in ("ours_s", "stock_s"))
    command = f"{COMMAND} {phantoms}"
    return [
        Figure(f"registration error, mean of {phantoms} phantoms", ours, stock, "ratio <= 1", "mm", command),
        Figure(
            f"registration, {phantoms} phantoms, processor time", ours_s, stock_s, "ratio < 0.33", "s", command
        ),
    ]


def main() -> int:
    """Print each phantom and the figures as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=int, nargs="?", default=PHANTOMS)
    for figure in figures(parser.parse_args().phantoms):
        sys.stdout.write(f"{json.dumps(figure.document())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
