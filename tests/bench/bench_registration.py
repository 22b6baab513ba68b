"""Target registration error and time of the registration on phantoms with known motion.

Run ``python -m tests.bench.bench_registration [NUMBER_OF_PHANTOMS]``.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np

from pipeline.phantom import PhantomSettings, make_case
from pipeline.registration import RegistrationSettings, register
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role
from tests.bench.figure import Figure

FIRST_SEED = 910_000
"""Far from the seeds of training."""
SETTINGS = PhantomSettings(max_shift_mm=20.0, max_rotation_deg=5.0, with_distractors=False)
EVERY_NTH_LIVER_VOXEL = 97
CASES = 10
COMMAND = "python -m tests.bench.bench_registration"


@dataclass(frozen=True)
class PairError:
    """Errors of one pair over the liver: medians of the in-plane and through-plane distances, mm."""

    role: Role
    before_mm: float
    in_plane_mm: float
    through_plane_mm: float
    seconds: float


def measure_case(seed: int) -> list[PairError]:
    """Register the five pairs of one phantom and compare with the truth."""
    case = make_case(seed, settings=SETTINGS)
    labels, volumes = case.truth.label_map, case.study.volumes
    points = labels.grid.to_lps_mm(np.argwhere(labels.array > 0)[::EVERY_NTH_LIVER_VOXEL, ::-1])
    errors = []
    for role in MOVING_ROLES:
        begun = time.perf_counter()
        outcome = register(volumes[FIXED_ROLE], volumes[role], settings=RegistrationSettings(), seed=0)
        seconds = time.perf_counter() - begun
        truth = case.truth.transforms_lps_mm[role]
        wrong = (outcome.transform_lps_mm - truth)[:3]
        moved = (np.eye(4) - truth)[:3]
        error = (points @ wrong[:, :3].T + wrong[:, 3]) @ volumes[role].grid.direction
        before = np.linalg.norm(points @ moved[:, :3].T + moved[:, 3], axis=1)
        errors.append(
            PairError(
                role,
                float(np.median(before)),
                float(np.median(np.linalg.norm(error[:, :2], axis=1))),
                float(np.median(np.abs(error[:, 2]))),
                seconds,
            )
        )
    return errors


def figures() -> list[Figure]:
    """Return the figures for `make bench`; the baseline is the error without registration."""
    errors = [error for n in range(CASES) for error in measure_case(FIRST_SEED + n)]
    before = float(np.median([error.before_mm for error in errors]))
    in_plane = float(np.median([error.in_plane_mm for error in errors]))
    through = float(np.median([error.through_plane_mm for error in errors]))
    return [
        Figure("registration error in plane, median", in_plane, before, "< 1 mm", "mm", COMMAND),
        Figure("registration error through plane, median", through, before, "< 2.5 mm", "mm", COMMAND),
    ]


def main() -> None:
    """Print one line a role and the total."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    errors = [error for n in range(cases) for error in measure_case(FIRST_SEED + n)]
    line = "{:16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}"
    write = sys.stdout.write
    write(line.format("TRE, mm", "before", "in-plane", "worst", "through", "worst", "s") + "\n")
    for role in (*MOVING_ROLES, None):
        part = [error for error in errors if role is None or error.role is role]
        in_plane, through = [e.in_plane_mm for e in part], [e.through_plane_mm for e in part]
        numbers = (
            np.median([e.before_mm for e in part]),
            np.median(in_plane),
            max(in_plane),
            np.median(through),
            max(through),
            np.median([e.seconds for e in part]),
        )
        write(line.format(role or "all", *(f"{number:.2f}" for number in numbers)) + "\n")


if __name__ == "__main__":
    main()
