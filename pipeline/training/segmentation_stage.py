"""First stage of `cohort train`: write the training cases beside the training, and fit the network."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipeline.model_bundle import PipelineSettings
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.training.case_store import image_of
from pipeline.training.case_writing import write_training_case
from pipeline.training.checkpoint import FREE_SETTINGS
from pipeline.training.device import Device, choose_device
from pipeline.training.making import require_same_making
from pipeline.training.manifest import CohortManifest
from pipeline.training.segmentation import Progress, train
from pipeline.training.settings import SegmentationTrainingSettings
from pipeline.training.sources import Source, Sources
from pipeline.training.teachers import Teachers
from pipeline.training.teaching_records import require_same_lessons

logger = logging.getLogger(__name__)

CASES = "cases"
SEGMENTATION = "segmentation"


def fit_segmentation(
    manifest: CohortManifest,
    sources: Sources,
    work: Path,
    *,
    threads: int,
    clock: Callable[[], float],
    report: Callable[[Progress], None],
    device: Device = Device.AUTO,
) -> dict[str, npt.NDArray[np.float16]]:
    """Train the segmentation network of `manifest`, or take it from `work` where that is done.

    Parameters
    ----------
    manifest, sources
        Cohort file and its cases.
    work
        Keeps cases, checkpoints and weights, so that a second call goes on.
    threads
        Of torch; one more process writes cases.
    clock
        Monotonic seconds.
    report
        Called after every step.
    device
        Where the network is trained.

    Returns
    -------
    dict
        Weights by name, in half precision, as a bundle stores them: the features are extracted with the very
        weights that will serve.

    Raises
    ------
    TrainingError
        As `train`; or a case has no labels; or `work` holds cases or weights of other settings.
    """
    pipeline = manifest.pipeline
    normalisation = pipeline.segmentation.normalisation.model_dump(mode="json")
    require_same_making(work / CASES, {"spacing": pipeline.working_spacing_xyz_mm, "normalisation": normalisation})
    done = weights_file(work, manifest)
    lessons = (*sources.segmentation, *sources.held_out)
    for name in require_same_lessons(work / CASES, done.parent, lessons):
        logger.warning("the cohort file names other images or labels of a case; it is written anew case=%s", name)
    if not done.is_file():
        torch.set_num_threads(threads)
        chosen = choose_device(device)
        folders = {
            source.name: work / CASES / source.name for source in (*sources.segmentation, *sources.held_out)
        }
        with cases_in_the_making([*sources.segmentation, *sources.held_out], work, manifest.pipeline) as wait_for:
            weights = train(
                [folders[source.name] for source in sources.segmentation],
                [folders[source.name] for source in sources.held_out],
                network=manifest.pipeline.segmentation,
                settings=manifest.segmentation,
                work=done.parent,
                clock=clock,
                wait_for=wait_for,
                report=report,
                device=chosen,
            )
        _note_teachers(done, [folders[source.name] for source in sources.segmentation])
        draft = done.with_name(f".{done.name}")
        with draft.open("wb") as file:
            np.savez(file, allow_pickle=False, **weights)
        draft.rename(done)
    with np.load(done, allow_pickle=False) as stored:
        return {name: array.astype(np.float16) for name, array in stored.items()}


def weights_file(work: Path, manifest: CohortManifest) -> Path:
    """Return the file of the weights that `manifest` makes; `TrainingError` where its folder holds others.

    The length of a training may change between runs, and then it goes on; everything else may not.
    """
    fixed = manifest.segmentation.model_dump(mode="json", exclude=set(FREE_SETTINGS))
    network = manifest.pipeline.segmentation.model_dump(mode="json")
    require_same_making(work / SEGMENTATION, {**fixed, "network": network}, _completed)
    return work / SEGMENTATION / f"weights-{manifest.segmentation.steps}.npz"


def _completed(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a record the settings that came later, at the values that do what the software did without them."""
    network = {**SegmentationSettings().model_dump(mode="json"), **stored.get("network", {})}
    defaults = SegmentationTrainingSettings().model_dump(mode="json", exclude=set(FREE_SETTINGS))
    return {**defaults, **stored, "network": network}


def teachers_of(work: Path, manifest: CohortManifest) -> Teachers:
    """Return whose images the weights of `fit_segmentation` learnt from.

    Images are unknown of weights that are older than these notes, unless they are of phantoms alone.
    """
    path, seeds = _noted(weights_file(work, manifest)), manifest.phantoms
    images = Teachers.of_document(json.loads(path.read_text(encoding="utf-8"))).images if path.is_file() else None
    if manifest.cohort.kind != "phantom":
        return Teachers(images)
    return Teachers(images or frozenset(), ((seeds.first_seed, seeds.count),))


def _note_teachers(weights: Path, folders: Sequence[Path]) -> None:
    images = [image_of(folder) for folder in folders]
    # One that nobody noted leaves all unknown: a list with a gap would clear the patient who is missing in it.
    known = Teachers(frozenset(images) if all(images) else None)
    _noted(weights).write_text(json.dumps(known.document()) + "\n", encoding="utf-8")


def _noted(weights: Path) -> Path:
    return weights.with_suffix(".teachers.json")


@contextmanager
def cases_in_the_making(
    sources: Sequence[Source], work: Path, settings: PipelineSettings
) -> Iterator[Callable[[Path], None]]:
    """Write the cases one after another in a second process; give a function that waits for one."""
    folders = {work / CASES / source.name: source for source in sources}
    # Spawned, not forked: torch and ITK keep threads that a fork would lose.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        made: dict[Path, Future[None]] = {
            folder: pool.submit(write_training_case, folder, source, settings)
            for folder, source in folders.items()
            if not folder.exists()
        }

        def wait_for(folder: Path) -> None:
            if folder in made:
                made[folder].result()

        try:
            yield wait_for
        finally:
            pool.shutdown(cancel_futures=True)
