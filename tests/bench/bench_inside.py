"""Where the time of segmentation and of radiomics goes: `python -m tests.bench.bench_inside --sizes 3`.

One phantom of `bench_study`, its sequences aligned by their true transforms, is analysed by the stages of the
product in this process, once to load everything and once with a clock around each part. A table says the seconds
of each part, how often it ran, and the share of its stage; what threads do beside the stage is told apart.
"""

import argparse
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock

from rich.console import Console
from rich.table import Table

import pipeline.run
import pipeline.segmentation.stage
from pipeline.aligned import Aligned, working_grid
from pipeline.lesions import Delineation
from pipeline.model_bundle import ModelBundle
from pipeline.phantom import PhantomCase
from pipeline.radiomics import ahead, extraction, filters
from pipeline.radiomics.regions import Region
from pipeline.resampling import resample
from pipeline.segmentation import search
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role
from tests.bench.bench_study import bundle_of_today
from tests.bench.full_size import DIAMETERS_MM, full_size_case

SEGMENTATION: Final = "segmentation"
RADIOMICS: Final = "radiomics"
RUN: Final[Any] = pipeline.run
SEGMENT: Final[Any] = pipeline.segmentation.stage
"""Modules whose names are replaced, also those that they import."""


@dataclass
class Clock:
    """Adds up what parts took; a part inside another is taken off the outer one.

    Parameters
    ----------
    seconds
        By stage, part and whether it ran in a thread beside the stage: own time, s.
    calls
        By the same.
    """

    seconds: defaultdict[tuple[str, str, bool], float] = field(default_factory=lambda: defaultdict(float))
    calls: defaultdict[tuple[str, str, bool], int] = field(default_factory=lambda: defaultdict(int))
    _local: threading.local = field(default_factory=threading.local)

    @contextmanager
    def part(self, stage: str, name: str) -> Iterator[None]:
        """Measure a block."""
        inner: list[float] = self._local.__dict__.setdefault("inner", [])
        inner.append(0.0)
        begun = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - begun
            own = taken - inner.pop()
            if inner:
                inner[-1] += taken
            key = stage, name, threading.current_thread() is not threading.main_thread()
            self.seconds[key] += own
            self.calls[key] += 1

    def around(self, stage: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function` with a clock around it."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            with self.part(stage, name):
                return function(*arguments, **keywords)

        return timed


def clocked(clock: Clock) -> ExitStack:
    """Put the clock around the parts until the stack is closed."""
    stack = ExitStack()

    def put(owner: Any, name: str, stage: str, title: str) -> None:
        original = getattr(owner, name)
        stack.enter_context(mock.patch.object(owner, name, clock.around(stage, title, original)))

    put(SEGMENT, "normalise", SEGMENTATION, "normalise, find the body")
    put(search, "_first_look", SEGMENTATION, "first look: reduce, label")
    put(search, "slide", SEGMENTATION, "cut and blend patches")
    put(search, "keep_organ", SEGMENTATION, "largest connected organ")
    ready = SEGMENT.ready_predictor

    def predictor(*arguments: Any) -> Any:
        with clock.part(SEGMENTATION, "find the engine of the weights"):
            found = ready(*arguments)
        return clock.around(SEGMENTATION, "network, one patch", found)

    stack.enter_context(mock.patch.object(SEGMENT, "ready_predictor", predictor))
    put(RUN, "delineate", SEGMENTATION, "delineate, margin")
    put(Delineation, "on", SEGMENTATION, "masks on the acquired grid")
    put(RUN, "measure", SEGMENTATION, "measure lesions")
    put(RUN, "_anatomy_gates", SEGMENTATION, "gates of anatomy")
    put(ahead, "normalised", RADIOMICS, "normalise a sequence")
    put(ahead, "_intensities", RADIOMICS, "mean, least, largest")
    put(filters, "_wavelet_bands", RADIOMICS, "wavelets of a sequence")
    put(filters, "_laplacian_of_gaussian", RADIOMICS, "Laplacian of Gaussian, one width")
    put(extraction, "_prepared", RADIOMICS, "shape")
    execute = Region._execute

    def classes(self: Region, name: str, feature_class: str, *rest: Any) -> Any:
        with clock.part(RADIOMICS, f"features: {feature_class}"):
            return execute(self, name, feature_class, *rest)

    stack.enter_context(mock.patch.object(Region, "_execute", classes))
    return stack


def stages(case: PhantomCase, aligned: Aligned, bundle: ModelBundle, clock: Clock) -> None:
    """Run segmentation and radiomics as `pipeline.run.analyse` does."""
    settings, native = bundle.settings, case.study.volumes[FIXED_ROLE].grid
    with clock.part(SEGMENTATION, "the rest"):
        labels = RUN.segment(
            aligned.registered, weights=bundle.segmentation_weights, settings=settings.segmentation
        )
        found = RUN.delineate(labels, native, settings=settings.lesions)
        on_native = found.on(native)
        lesions = RUN.measure(on_native.lesion_map)
        RUN._anatomy_gates(case.study, aligned, found, on_native, lesions, settings)
    with clock.part(RADIOMICS, "waiting for the filters, and the rest"):
        RUN.tumour_features(aligned, found, settings)


def measured(size_cm: int) -> Clock:
    """Run one phantom twice, and return the clock of the second."""
    case, bundle = full_size_case(size_cm), bundle_of_today()
    aligned = align_truly(case, bundle)
    for _ in range(2):
        clock = Clock()
        with clocked(clock):
            stages(case, aligned, bundle, clock)
    return clock


def align_truly(case: PhantomCase, bundle: ModelBundle) -> Aligned:
    """Resample by the true transforms, which no registration stands in the way of."""
    volumes = case.study.volumes
    grid = working_grid(volumes[FIXED_ROLE].grid, bundle.settings)
    moved = {role: resample(volumes[role], grid, case.truth.transforms_lps_mm[role]) for role in MOVING_ROLES}
    moved[FIXED_ROLE] = resample(volumes[FIXED_ROLE], grid)
    outcomes = {role: mock.Mock(transform_lps_mm=case.truth.transforms_lps_mm[role]) for role in MOVING_ROLES}
    return Aligned({role: moved[role] for role in Role}, outcomes)


def table_of(size_cm: int, clock: Clock) -> Table:
    """Return the parts of each stage, the longest first."""
    table = Table("stage", "part", "times", "s", "of the stage", title=f"{size_cm} cm tumour")
    for stage in (SEGMENTATION, RADIOMICS):
        parts = [(name, beside, s) for (of, name, beside), s in clock.seconds.items() if of == stage]
        whole = sum(s for _, beside, s in parts if not beside)
        table.add_row(stage, "whole", "", f"{whole:.2f}", "")
        for name, beside, s in sorted(parts, key=lambda part: (part[1], -part[2])):
            share = "beside it" if beside else f"{s / whole:.0%}"
            table.add_row("", name, str(clock.calls[stage, name, beside]), f"{s:.2f}", share)
    return table


def main() -> int:
    """Print one table a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", choices=DIAMETERS_MM, default=list(DIAMETERS_MM))
    for size_cm in parser.parse_args().sizes:
        Console(width=100).print(table_of(size_cm, measured(size_cm)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
