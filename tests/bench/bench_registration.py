"""Target registration error, tumour overlap and time of the registration on phantoms with known motion.

``python -m tests.bench.bench_registration [NUMBER_OF_PHANTOMS] [--deformable] [--breathing MM] [--seen WHAT]
[--wrong WHAT] [--keep FILE]``: translations to 25 mm, rotations to 8 degrees, five moving sequences each. FILE
keeps what was measured: an interrupted run goes on. ``--seen`` spoils the moving sequences, see
`tests/bench/spoilt_sequences.py`. MM bends them by so much at most, see `tests/bench/breathing.py`. ``--wrong
mirrored`` turns the rows of each moving sequence round, ``--wrong other-patient`` takes those of the next phantom:
every pair should be refused.

The error of a point of the true liver is taken along the axes of the moving grid. In plane: the two axes of a
slice. Plane-equivalent: all three, the one through the slices times pixel width over slice spacing, so that a
slice counts as much as a pixel. A pair is made worse where its mean error over the liver grew.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.deformation import Deformation
from pipeline.geometry import FloatArray
from pipeline.overlap import dice
from pipeline.phantom import PhantomSettings, make_case
from pipeline.quality import GateSettings, registration_gates
from pipeline.registration import RegistrationSettings, register
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role
from pipeline.volume import LabelMap, Volume
from tests.bench.breathing import Breathing
from tests.bench.figure import Figure
from tests.bench.spoilt_sequences import Seen, as_seen

FIRST_SEED = 910_000
"""Far from the seeds of training."""
SETTINGS = PhantomSettings(max_shift_mm=25.0, max_rotation_deg=8.0, with_distractors=False)
RIGID, DEFORMABLE = (RegistrationSettings.model_validate({"deformable": wanted}) for wanted in (False, True))
GATES = GateSettings(maximum_displaced_likeness=0.82)
"""The defaults, and the limit for the details that no default states."""
MIRRORED, OTHER_PATIENT = "mirrored", "other-patient"
EVERY_NTH_LIVER_VOXEL = 97
TUMOUR_LABEL = 2
CASES = 40
CASES_IN_MAKE_BENCH = 10
BREATHING_MM = 12.0
HIGH = 95
"""Percentile of the errors within a liver, and of the mean errors of pairs."""
COMMAND = "python -m tests.bench.bench_registration"


@dataclass(frozen=True)
class PairError:
    """One pair: medians over the liver, mean and 95th percentile of the whole distance, mm; Dice of tumours."""

    seed: int
    role: str
    before_mm: float
    in_plane_mm: float
    through_plane_mm: float
    plane_equivalent_mm: float
    mean_before_mm: float
    mean_after_mm: float
    high_mm: float
    slice_mm: float
    dice_before: float
    dice_after: float
    refused: bool
    seconds: float
    mirrored: float = 0.0
    detail: float = 0.0

    @property
    def made_worse_silently(self) -> bool:
        """Whether the mean error grew, and no gate says so."""
        return self.mean_after_mm > self.mean_before_mm and not self.refused


def measure_case(
    seed: int,
    settings: RegistrationSettings = RIGID,
    seen: Seen = Seen.WHOLE,
    breathing_mm: float = 0.0,
    roles: Sequence[Role] = MOVING_ROLES,
    wrong: str = "",
) -> list[PairError]:
    """Register the pairs of one phantom and compare with the truth."""
    case = make_case(seed, settings=SETTINGS)
    labels, volumes = case.truth.label_map, dict(case.study.volumes)
    if wrong == OTHER_PATIENT:
        volumes |= {role: make_case(seed + 1, settings=SETTINGS).study.volumes[role] for role in MOVING_ROLES}
    if wrong == MIRRORED:
        volumes |= {role: Volume(np.flip(volumes[role].array, 2), volumes[role].grid) for role in MOVING_ROLES}
    volumes |= {role: as_seen(volumes[role], seen) for role in MOVING_ROLES}
    points = labels.grid.to_lps_mm(np.argwhere(labels.array > 0)[::EVERY_NTH_LIVER_VOXEL, ::-1])
    breathing = Breathing(breathing_mm, points[points[:, 2].argmax()])
    errors = []
    for role in roles:
        if breathing_mm:
            volumes[role] = breathing.seen(volumes[role])
        begun = time.perf_counter()
        outcome = register(volumes[FIXED_ROLE], volumes[role], settings=settings, seed=0)
        seconds = time.perf_counter() - begun
        truth, grid = case.truth.transforms_lps_mm[role], volumes[role].grid
        deformed = points if outcome.deformation is None else outcome.deformation.moved(points)
        wanted = breathing.breathed(_moved(points, truth))
        error = (_moved(deformed, outcome.transform_lps_mm) - wanted) @ grid.direction
        before = np.linalg.norm(points - wanted, axis=1)
        after = np.linalg.norm(error, axis=1)
        spacing = grid.spacing_xyz_mm
        flat = error * [1.0, 1.0, float(spacing[:2].mean() / spacing[2])]
        gates = registration_gates({role: outcome}, GATES)
        errors.append(
            PairError(
                seed,
                role.value,
                float(np.median(before)),
                float(np.median(np.linalg.norm(error[:, :2], axis=1))),
                float(np.median(np.abs(error[:, 2]))),
                float(np.median(np.linalg.norm(flat, axis=1))),
                float(before.mean()),
                float(after.mean()),
                float(np.percentile(after, HIGH)),
                float(spacing[2]),
                tumour_dice(labels, truth, np.eye(4), breathing=breathing),
                tumour_dice(labels, truth, outcome.transform_lps_mm, outcome.deformation, breathing),
                not all(gate.passed for gate in gates),
                seconds,
                outcome.metric_mirrored / (outcome.metric or -1.0),
                outcome.metric_displaced / (outcome.metric or -1.0),
            )
        )
    return errors


def _moved(points: FloatArray, matrix: FloatArray) -> FloatArray:
    moved: FloatArray = points @ matrix[:3, :3].T + matrix[:3, 3]
    return moved


def tumour_dice(
    labels: LabelMap,
    truth: FloatArray,
    found: FloatArray,
    deformation: Deformation | None = None,
    breathing: Breathing | None = None,
) -> float:
    """Compare the tumours of the hepatobiliary phase with those of a sequence brought to it by `found`."""
    fixed: npt.NDArray[np.bool_] = labels.array == TUMOUR_LABEL
    index = np.indices(fixed.shape).reshape(3, -1)[::-1].T
    # A point is taken to the moving sequence as found, and from there back to its tissue as it truly was.
    points = labels.grid.to_lps_mm(index)
    points = points if deformation is None else deformation.moved(points)
    points = _moved(points, found)
    points = points if breathing is None else breathing.still(points)
    there = labels.grid.to_index_ijk(_moved(points, np.asarray(np.linalg.inv(truth), np.float64)))
    moving = ndimage.map_coordinates(fixed.astype(np.float32), there.T[::-1], order=1) >= 0.5
    return dice(fixed, moving.reshape(fixed.shape))


def figures() -> list[Figure]:
    """Return the figures for `make bench`; the baseline is the error without registration."""
    errors = [error for n in range(CASES_IN_MAKE_BENCH) for error in measure_case(FIRST_SEED + n)]
    before = [error.mean_before_mm for error in errors]
    after = [error.mean_after_mm for error in errors]
    median = float(np.median([error.before_mm for error in errors]))
    flat = float(np.median([error.plane_equivalent_mm for error in errors]))
    through = float(np.median([error.through_plane_mm for error in errors]))
    figures = [
        Figure("registration error, plane-equivalent, median", flat, median, "< 1 mm", "mm", COMMAND),
        Figure("registration error through plane, median", through, median, "< 2.5 mm", "mm", COMMAND),
        Figure(
            "registration error, 95th percentile of pairs",
            float(np.percentile(after, HIGH)),
            float(np.percentile(before, HIGH)),
            "< 3 mm",
            "mm",
            COMMAND,
        ),
        Figure(
            "pairs made worse that pass the gates",
            float(sum(error.made_worse_silently for error in errors)),
            float(len(errors)),
            "0",
            "pairs",
            COMMAND,
        ),
    ]
    for role in (Role.T1_PRE, Role.T2):
        part = [error for error in errors if error.role == role.value]
        figures.append(
            Figure(
                f"tumour Dice, {role.value} to hepatobiliary, mean",
                float(np.mean([error.dice_after for error in part])),
                float(np.mean([error.dice_before for error in part])),
                "> before",
                "Dice",
                COMMAND,
            )
        )
    rigid, deformable = (
        float(np.mean([e.mean_after_mm for e in measure_case(FIRST_SEED, chosen, breathing_mm=BREATHING_MM)]))
        for chosen in (RIGID, DEFORMABLE)
    )
    command = f"{COMMAND} 1 --breathing {BREATHING_MM:g} --deformable"
    figures.append(
        Figure("error of a bent liver, B-spline against rigid, mean", deformable, rigid, "< rigid", "mm", command)
    )
    return figures


def write_table(errors: Sequence[PairError]) -> None:
    """Print one line a role and the total, and what became worse."""
    line = "{:16} {:>5} {:>8} {:>9} {:>8} {:>8} {:>8} {:>10} {:>11} {:>10} {:>6}\n"
    write = sys.stdout.write
    heads = (
        "pairs",
        "before",
        "in-plane",
        "through",
        "plane-eq",
        "mean 95%",
        "mean max",
        "Dice before",
        "Dice after",
    )
    write(line.format("TRE, mm", *heads, "s"))
    for role in (*MOVING_ROLES, None):
        part = [error for error in errors if role is None or error.role == role.value]
        numbers = (
            np.median([e.before_mm for e in part]),
            np.median([e.in_plane_mm for e in part]),
            np.median([e.through_plane_mm for e in part]),
            np.median([e.plane_equivalent_mm for e in part]),
            np.percentile([e.mean_after_mm for e in part], HIGH),
            max(e.mean_after_mm for e in part),
            np.median([e.dice_before for e in part]),
            np.median([e.dice_after for e in part]),
            np.median([e.seconds for e in part]),
        )
        write(line.format(role or "all", len(part), *(f"{number:.2f}" for number in numbers)))
    worse = [e for e in errors if e.mean_after_mm > e.mean_before_mm]
    silent = [e for e in worse if e.made_worse_silently]
    refused = sum(e.refused for e in errors)
    write(
        f"{len(errors)} pairs: {refused} refused by a gate, {len(worse)} worse than without registration, "
        f"{len(silent)} of these pass the gates\n"
    )
    for name, values in (("mirror", [e.mirrored for e in errors]), ("detail", [e.detail for e in errors])):
        write(f"{name}: {min(values):.2f} to {max(values):.2f}, median {np.median(values):.2f}\n")
    for e in silent:
        write(
            f"  {e.seed} {e.role}: mean error {e.mean_before_mm:.2f} mm before, {e.mean_after_mm:.2f} mm after\n"
        )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=int, nargs="?", default=CASES)
    parser.add_argument("--deformable", action="store_true", help="with the second step, off by default")
    parser.add_argument("--breathing", type=float, default=0.0, help="bends the liver by so many mm at most")
    parser.add_argument("--seen", choices=[one.value for one in Seen], default=Seen.WHOLE.value)
    parser.add_argument("--wrong", choices=[MIRRORED, OTHER_PATIENT], default="")
    parser.add_argument("--keep", type=Path, help="JSON lines; cases in it are not measured again")
    options = parser.parse_args()
    errors: list[PairError] = []
    if options.keep and options.keep.is_file():
        lines = options.keep.read_text(encoding="utf-8").splitlines()
        errors = [PairError(**item) for line in lines for item in json.loads(line)]
    known = {error.seed for error in errors}
    for seed in range(FIRST_SEED, FIRST_SEED + options.cases):
        if seed in known:
            continue
        settings = DEFORMABLE if options.deformable else RIGID
        measured = measure_case(seed, settings, Seen(options.seen), options.breathing, wrong=options.wrong)
        errors += measured
        if options.keep:
            with options.keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps([asdict(error) for error in measured]) + "\n")
    write_table(errors)


if __name__ == "__main__":
    main()
