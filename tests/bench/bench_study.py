"""A whole study, stage by stage and through the node, beside stock libraries: `python -m tests.bench.bench_study`.

A phantom of full size (hepatobiliary phase 256 x 256 x 72 at 1.5 x 1.5 x 3 mm, T2 and diffusion at 7 mm) is
written as DICOM and analysed twice, each in a process of its own whose libraries and model are loaded: by the
product, and by `stock_study`; and sent through a node, as in `bench_node`.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydicom import dcmread

from config.analytes import load_analytes
from config.parameter_maps import read_parameter_map
from config.series_rules import load_series_rules
from dicom_io.phantom_series import write_phantom_study
from node.analysis.offline import analyse_folder
from pipeline.aligned import working_grid
from pipeline.analysis import Analysis
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.lesions import delineate
from pipeline.model_bundle import ModelBundle, load_bundle
from pipeline.overlap import dice
from pipeline.phantom import PhantomCase
from pipeline.resampling import grid_of
from pipeline.run import analyse
from pipeline.segmentation.backends import ready_predictor
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role, Study
from pipeline.volume import LabelMap
from tests.bench import stock_study
from tests.bench.bench_node import delivered_s
from tests.bench.figure import Figure
from tests.bench.full_size import DIAMETERS_MM, full_size_case

T = TypeVar("T")

COMMAND = "python -m tests.bench.bench_study"
EVERY_NTH_LIVER_VOXEL = 97
STAGES = ("assemble", "register", "segment", "radiomics", "report")
GOALS = {
    "assemble": "< 2 s",
    "register": "ratio < 0.33",
    "segment": "ratio < 0.2",
    "radiomics": "ratio < 0.125",
    "report": "< 2 s",
}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one side took and found.

    Parameters
    ----------
    seconds
        By stage, s.
    transforms_lps_mm
        Of the five moving sequences.
    liver, tumour
        (k, j, i) on the grid of the hepatobiliary series.
    peak_mb
        Largest resident memory of the process, MB.
    """

    seconds: Mapping[str, float]
    transforms_lps_mm: Mapping[Role, npt.NDArray[np.float64]]
    liver: npt.NDArray[np.bool_]
    tumour: npt.NDArray[np.bool_]
    peak_mb: float

    @property
    def whole_s(self) -> float:
        """Sum of the stages."""
        return sum(self.seconds.values())


def product_run(folder: Path, out: Path) -> Outcome:
    """Analyse a folder as `mvi-node analyse` does; runs in a process of its own."""
    bundle = bundle_of_today()
    _warm()
    ready_predictor(bundle.segmentation_weights, bundle.settings.segmentation)
    kept: list[Analysis] = []

    def run(study: Study, model: ModelBundle) -> Analysis:
        kept.append(analyse(study, model, clock=time.perf_counter))
        return kept[0]

    (outcome,) = analyse_folder(
        folder,
        out,
        bundle,
        rules=load_series_rules(),
        analytes=load_analytes(),
        labs=None,
        on_stage=lambda _stage: None,
        analyse=run,
    )
    if outcome.code is not None:
        raise RuntimeError(f"the phantom was refused: {outcome.code} {outcome.document['message']}")
    analysis, seconds = kept[0], dict(outcome.document["timing_s"])
    transforms = {role: np.array(found.transform_lps_mm) for role, found in analysis.registrations.items()}
    return Outcome(seconds, transforms, analysis.liver_map.array > 0, analysis.lesion_map.array > 0, _peak_mb())


def stock_run(files: Mapping[Role, Sequence[Path]], out: Path) -> Outcome:
    """Analyse the files with the baseline; runs in a process of its own."""
    bundle = bundle_of_today()
    _warm()
    seconds: dict[str, float] = {}
    with _timed(seconds, "assemble"):
        images = stock_study.assemble(files)
    native = grid_of(images[FIXED_ROLE])
    with _timed(seconds, "register"):
        registered, transforms = stock_study.register(images, working_grid(native, bundle.settings))
    with _timed(seconds, "segment"):
        labels = stock_study.segment(registered, bundle)
        # Ours on both sides, and counted on both.
        found = delineate(LabelMap(labels, registered[FIXED_ROLE].grid), native, settings=bundle.settings.lesions)
        on_native = found.on(native)
    with _timed(seconds, "radiomics"):
        stock_study.extract(registered, found.lesion_map.array > 0, found.margin_map.array > 0)
    tumour = on_native.lesion_map.array > 0
    with _timed(seconds, "report"):
        stock_study.report(files, tumour, out)
    return Outcome(seconds, transforms, on_native.liver_map.array > 0, tumour, _peak_mb())


def bundle_of_today() -> ModelBundle:
    """Return the bundled model with the settings that the software gives to a model it trains today."""
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    registration = bundle.settings.registration.model_copy(update={"parameters": read_parameter_map()})
    segmentation = bundle.settings.segmentation.model_copy(update={"search": SegmentationSettings().search})
    settings = bundle.settings.model_copy(update={"registration": registration, "segmentation": segmentation})
    return replace(bundle, settings=settings)


def _warm() -> None:
    import itk  # noqa: PLC0415 - loaded before the clock starts, as in a worker

    itk.ParameterObject.New()


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begun


def _peak_mb() -> float:
    # Linux counts KiB (getrusage(2)); here as in the documents 1 MB is 1,000,000 bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(size_cm: int, folder: Path) -> tuple[Outcome, Outcome, PhantomCase, int]:
    """Write the phantom, and run ours and the baseline one after the other.

    Returns
    -------
    ours, baseline : Outcome
        Of the same files.
    case : PhantomCase
        With the truth.
    instances : int
        Number of files.
    """
    case = full_size_case(size_cm)
    truth: dict[str, Any] = write_phantom_study(case, folder)
    by_uid = {
        str(dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID): path
        for path in (folder / "dicom").rglob("*.dcm")
    }
    files = {role: [by_uid[uid] for uid in truth["roles"][role]["sop_instance_uids"]] for role in Role}
    ours = _in_own_process(product_run, folder / "dicom", folder / "ours")
    stock = _in_own_process(stock_run, files, folder / "stock")
    return ours, stock, case, len(by_uid)


def _in_own_process(run: Callable[[T, Path], Outcome], source: T, out: Path) -> Outcome:
    out.mkdir()
    # Spawned: the thread pools of ITK and torch do not survive a fork.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, source, out).result()


def error_of(transforms_lps_mm: Mapping[Role, npt.NDArray[np.float64]], case: PhantomCase) -> float:
    """Return the median target registration error over the liver, mean of the five sequences, mm."""
    labels = case.truth.label_map
    points = labels.grid.to_lps_mm(np.argwhere(labels.array > 0)[::EVERY_NTH_LIVER_VOXEL, ::-1])
    medians = []
    for role in MOVING_ROLES:
        wrong = (transforms_lps_mm[role] - case.truth.transforms_lps_mm[role])[:3]
        medians.append(np.median(np.linalg.norm(points @ wrong[:, :3].T + wrong[:, 3], axis=1)))
    return float(np.mean(medians))


def figures_of(size_cm: int) -> list[Figure]:
    """Measure one study and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "stages").mkdir()
        (Path(folder) / "node").mkdir()
        ours, stock, case, instances = measure(size_cm, Path(folder) / "stages")
        through_node = delivered_s(size_cm, Path(folder) / "node")["whole"]
    name, command = f"{size_cm} cm tumour, {instances} instances", f"{COMMAND} --sizes {size_cm}"
    figures = [
        Figure(f"{name}: {stage}", ours.seconds[stage], stock.seconds[stage], GOALS[stage], "s", command)
        for stage in STAGES
    ]
    liver, tumour = dice(ours.liver, stock.liver), dice(ours.tumour, stock.tumour)
    errors = error_of(ours.transforms_lps_mm, case), error_of(stock.transforms_lps_mm, case)
    return [
        *figures,
        Figure(f"{name}: sum of the stages", ours.whole_s, stock.whole_s, "ratio < 0.2, 25 s", "s", command),
        Figure(
            f"{name}: last image to delivered report, the node and its bundled model",
            *(through_node, stock.whole_s),
            *("ratio < 0.2, 25 s", "s", command),
        ),
        Figure(f"{name}: registration error", *errors, "ratio <= 1", "mm", command),
        Figure(f"{name}: liver Dice to the baseline", liver, 1.0, ">= 0.995", "Dice", command),
        Figure(f"{name}: tumour Dice to the baseline", tumour, 1.0, ">= 0.995", "Dice", command),
        Figure(f"{name}: peak memory", ours.peak_mb, stock.peak_mb, "< 3000 MB", "MB", command),
    ]


def figures() -> list[Figure]:
    """Return the figures for `make bench`."""
    return [figure for size_cm in DIAMETERS_MM for figure in figures_of(size_cm)]


def main() -> int:
    """Print each figure as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", choices=DIAMETERS_MM, default=list(DIAMETERS_MM))
    for size_cm in parser.parse_args().sizes:
        for figure in figures_of(size_cm):
            sys.stdout.write(f"{json.dumps(figure.document())}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
