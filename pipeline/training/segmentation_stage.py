"""First stage of `cohort train`: write the training cases beside the training, and fit the network."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pipeline.training.errors import TrainingError
from pipeline.training.manifest import CohortManifest
from pipeline.training.phantom_cases import case_folder, write_phantom_case
from pipeline.training.segmentation import Progress, train

CASES = "cases"
SEGMENTATION = "segmentation"
WEIGHTS = "weights.npz"


def fit_segmentation(
    manifest: CohortManifest,
    work: Path,
    *,
    threads: int,
    clock: Callable[[], float],
    report: Callable[[Progress], None],
) -> dict[str, npt.NDArray[np.float32]]:
    """Train the segmentation network of `manifest`, or take it from `work` where that is done.

    Parameters
    ----------
    manifest
        Cohort file.
    work
        Keeps cases, checkpoints and weights, so that a second call goes on.
    threads
        Of torch; one more process writes cases.
    clock
        Monotonic seconds.
    report
        Called after every step.

    Returns
    -------
    dict
        Weights by name, float32.

    Raises
    ------
    TrainingError
        As `train`; or the cohort has no labels.
    """
    done = work / SEGMENTATION / WEIGHTS
    if done.is_file():
        with np.load(done) as stored:
            return dict(stored)
    torch.set_num_threads(threads)
    training, held_out = case_folders(manifest, work)
    with cases_in_the_making(manifest, [*training, *held_out]) as wait_for:
        weights = train(
            training,
            held_out,
            network=manifest.pipeline.segmentation,
            settings=manifest.segmentation,
            work=work / SEGMENTATION,
            clock=clock,
            wait_for=wait_for,
            report=report,
        )
    draft = done.with_name(f".{WEIGHTS}")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **weights)
    draft.rename(done)
    return weights


def case_folders(manifest: CohortManifest, work: Path) -> tuple[list[Path], list[Path]]:
    """Name the folders of the training and of the held-out cases."""
    if manifest.cohort.kind != "phantom":
        raise TrainingError("the segmentation of a DICOM cohort is not trained yet; give phantoms")
    seeds = manifest.phantoms
    training = range(seeds.first_seed, seeds.first_seed + seeds.count)
    held_out = range(seeds.first_held_out_seed, seeds.first_held_out_seed + seeds.held_out_count)
    cases = work / CASES
    return [case_folder(cases, seed) for seed in training], [case_folder(cases, seed) for seed in held_out]


@contextmanager
def cases_in_the_making(manifest: CohortManifest, folders: list[Path]) -> Iterator[Callable[[Path], None]]:
    """Write the cases one after another in a second process; give a function that waits for one."""
    missing = [folder for folder in folders if not folder.exists()]
    # Spawned, not forked: torch and ITK keep threads that a fork would lose.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        made: dict[Path, Future[None]] = {
            folder: pool.submit(write_phantom_case, folder, int(folder.name.split("-")[1]), manifest.pipeline)
            for folder in missing
        }

        def wait_for(folder: Path) -> None:
            if folder in made:
                made[folder].result()

        try:
            yield wait_for
        finally:
            pool.shutdown(cancel_futures=True)
