"""The network on a GPU: the paper's training on phantoms, and a study beside the processors of the same machine.

``python -m tests.bench.bench_gpu --work DIR [--steps N] [--cases N] [--held-out N] [--budget-s S]``, or
``make bench-gpu``. Where torch sees no GPU it says so and measures nothing. It prints JSON lines, and writes the
log of the training and the weights, in half precision, into DIR.

- ``served``: one study of full size, seconds of `segment` on the processors and on the GPU (first call, median of
  the next), and the Dice of the two masks.
- ``full``: another process takes the whole memory of the GPU: the study must come out of the processors, with a
  warning.
- ``made``: phantoms of the training and others that it never sees, aligned by their true transforms.
- ``trained``: the paper's settings (patches of 64 x 128 x 128, 2000 steps, 2e-4) on the widths of `NETWORK`, in
  bfloat16; stopped between two checkpoints at `STOP` of the steps and resumed, so that the steps in between are
  done twice. Where 2000 steps do not fit into the budget, as many as fit.
- ``held_out``: Dice of the others, on the working grid, patches over the whole body.
"""

import argparse
import json
import logging
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipeline.aligned import working_grid
from pipeline.bundle_manifest import BUNDLED_FOLDER
from pipeline.model_bundle import PipelineSettings, load_bundle
from pipeline.overlap import dice
from pipeline.phantom import PhantomSettings, make_case
from pipeline.resampling import resample
from pipeline.segmentation import backends, gpu
from pipeline.segmentation.backends import Backend
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.segmentation.stage import DEVICE, segment
from pipeline.study import FIXED_ROLE, Role
from pipeline.training.case_writing import write_training_case
from pipeline.training.checkpoint import LOG
from pipeline.training.segmentation import Progress, train
from pipeline.training.settings import SegmentationTrainingSettings
from pipeline.training.sources import PhantomSource
from pipeline.volume import Volume

NETWORK = SegmentationSettings(channels=(32, 64, 128, 256))
"""The paper states no widths; twice those of the bundled model."""
TRAINING = SegmentationTrainingSettings(precision="bfloat16", validate_every=100_000)
FIRST_SEED, FIRST_HELD_OUT_SEED, PREVALENCE = 60_000, 65_000, 0.4
STUDY_SEED, TUMOUR_MM = 880_004, (29.0, 31.0)
"""The study of `tests.bench.bench_study --sizes 3`."""
STOP = 0.52
WARM_STEPS, TIMED_STEPS = 10, 20
WARM_CALLS = 5
MIB = 2**20
Weights = Mapping[str, npt.NDArray[np.generic]]
Labels = npt.NDArray[np.uint8]
Say = Callable[..., None]


class StoppedError(Exception):
    """Stands for a power cut."""


def make_cases(work: Path, count: int, held_out: int) -> tuple[list[Path], list[Path]]:
    """Write the phantoms, on all processors."""
    sources = [PhantomSource(FIRST_SEED + n, PREVALENCE) for n in range(count)]
    others = [PhantomSource(FIRST_HELD_OUT_SEED + n, PREVALENCE) for n in range(held_out)]
    folders = [work / "cases" / source.name for source in (*sources, *others)]
    # Spawned: the thread pools of SimpleITK do not survive a fork.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        settings = [PipelineSettings()] * len(folders)
        list(pool.map(write_training_case, folders, (*sources, *others), settings))
    return folders[:count], folders[count:]


def train_on(
    cases: Sequence[Path],
    others: Sequence[Path],
    work: Path,
    *,
    network: SegmentationSettings,
    settings: SegmentationTrainingSettings,
    device: torch.device,
    budget_s: float,
    say: Say,
) -> dict[str, npt.NDArray[np.float32]]:
    """Train, stop, resume, and evaluate."""
    times: list[float] = []

    def run(folder: Path, wanted: SegmentationTrainingSettings, report: Callable[[Progress], None]) -> Any:
        held_out = others if wanted is settings or wanted.steps == settings.steps else ()
        return train(
            cases,
            held_out,
            network=network,
            settings=wanted,
            work=folder,
            clock=time.perf_counter,
            wait_for=lambda _folder: None,
            report=report,
            device=device,
        )

    first = settings.model_copy(update={"steps": WARM_STEPS + TIMED_STEPS})
    run(work / "timed", first, lambda progress: times.append(progress.elapsed_s))
    step_s = (times[-2] - times[WARM_STEPS - 1]) / (TIMED_STEPS - 1)
    steps = min(settings.steps, int(budget_s / step_s))
    stop = round(STOP * steps)
    settings = settings.model_copy(update={"steps": steps, "checkpoint_every": min(200, max(1, steps // 4))})
    say("timed", step_s=step_s, steps=steps, of=TRAINING.steps)
    before: dict[int, float] = {}
    after: dict[int, float] = {}
    took: list[Progress] = []

    def cut(progress: Progress) -> None:
        before[progress.step] = progress.loss
        if progress.step % 100 == 0:
            say("step", step=progress.step, loss=progress.loss, elapsed_s=progress.elapsed_s)
        if progress.step == stop:
            took.append(progress)
            raise StoppedError

    def go_on(progress: Progress) -> None:
        after[progress.step] = progress.loss
        took.append(progress)
        if progress.step % 100 == 0:
            say("step", step=progress.step, loss=progress.loss, elapsed_s=progress.elapsed_s)

    try:
        run(work / "training", settings, cut)
    except StoppedError:
        say("stopped", step=stop)
    weights: dict[str, npt.NDArray[np.float32]] = run(work / "training", settings, go_on)
    twice = sorted(before.keys() & after.keys())
    last = took[-2] if len(took) > 2 else took[-1]
    say(
        "trained",
        steps=steps,
        resumed_after=min(after) - 1,
        largest_difference_of_loss=max((abs(before[n] - after[n]) for n in twice), default=None),
        steps_done_twice=len(twice),
        steps_a_second=(last.step - min(after) + 1) / last.elapsed_s,
        seconds=took[0].elapsed_s + last.elapsed_s,
        first_losses=statistics.mean([before[n] for n in sorted(before)[:50]]),
        last_losses=statistics.mean([after[n] for n in sorted(after)[-50:]]),
    )
    held_out = took[-1].held_out
    for name, values in zip(("liver", "tumour"), zip(*held_out, strict=True), strict=True):
        resampled = np.random.default_rng(0).choice(np.array(values), (5000, len(values))).mean(axis=1)
        low, high = np.percentile(resampled, [2.5, 97.5])
        say(
            "held_out",
            of=name,
            cases=len(values),
            mean=statistics.mean(values),
            low_95=float(low),
            high_95=float(high),
            median=statistics.median(values),
            least=min(values),
            each=[round(value, 3) for value in values],
        )
    return weights


def study_of_full_size() -> dict[Role, Volume]:
    """Make the study, on the working grid, aligned by its true transforms."""
    case = make_case(
        STUDY_SEED,
        settings=PhantomSettings(
            thin_slices=True, tumour_count=1, tumour_diameter_mm=TUMOUR_MM, with_distractors=False
        ),
    )
    volumes = case.study.volumes
    grid = working_grid(volumes[FIXED_ROLE].grid, PipelineSettings())
    moves = case.truth.transforms_lps_mm
    return {role: resample(volume, grid, moves.get(role)) for role, volume in volumes.items()}


def serve(
    channels: Mapping[Role, Volume], weights: Weights, settings: SegmentationSettings, *, name: str, say: Say
) -> Labels:
    """Segment on the processors and on the GPU; return the mask of the processors."""

    def timed(backend: Backend, chosen: SegmentationSettings = settings) -> tuple[float, Labels]:
        begin = time.perf_counter()
        labels = segment(channels, weights=weights, settings=chosen, backend=backend).array
        return time.perf_counter() - begin, labels

    # The first builds the engine; the baseline is eager torch over the whole body, as in issue and bench_study.
    timed(Backend.TORCH)
    slow_s, slow = timed(Backend.TORCH)
    whole_s, _ = timed(Backend.TORCH, settings.model_copy(update={"search": "body"}))
    with _warnings() as warned:
        first_s, _ = timed(Backend.CUDA)
        quick = [timed(Backend.CUDA) for _ in range(WARM_CALLS)]
    fast_s, fast = statistics.median(seconds for seconds, _ in quick), quick[-1][1]
    say(
        "served",
        model=name,
        grid=list(fast.shape),
        cpu_whole_body_s=whole_s,
        cpu_s=slow_s,
        gpu_first_s=first_s,
        gpu_s=fast_s,
        gpu_calls_s=[round(seconds, 3) for seconds, _ in quick],
        times_cpu=slow_s / fast_s,
        times_cpu_whole_body=whole_s / fast_s,
        liver_dice=dice(fast > 0, slow > 0),
        tumour_dice=dice(fast == 2, slow == 2),
        differing_voxels=int((fast != slow).sum()),
        same_each_time=all(np.array_equal(fast, labels) for _, labels in quick),
        warnings=warned,
    )
    return slow


def serve_full(
    channels: Mapping[Role, Volume],
    weights: Weights,
    settings: SegmentationSettings,
    expected: Labels,
    *,
    say: Say,
) -> None:
    """Take all memory of the GPU away, first from an engine that is there, then before it is."""
    context = multiprocessing.get_context("spawn")
    for state in ("engine ready", "no engine yet", "free again"):
        taken, done = context.Event(), context.Event()
        if state == "no engine yet":
            backends._ready.clear()
        gpu.release()
        thief = context.Process(target=take_memory, args=(taken, done))
        if state != "free again":
            thief.start()
            taken.wait(120)
        begin = time.perf_counter()
        with _warnings() as warned:
            labels = segment(channels, weights=weights, settings=settings, backend=Backend.CUDA).array
        seconds = time.perf_counter() - begin
        done.set()
        if state != "free again":
            thief.join(60)
        same = bool(np.array_equal(labels, expected))
        say("full", state=state, seconds=seconds, warnings=warned, same_mask_as_the_processors=same)


def take_memory(taken: Event, done: Event) -> None:
    """Allocate until nothing is left, plainly, and hold it."""
    held: list[torch.Tensor] = []
    size = 1024 * MIB
    while size >= MIB:
        try:
            held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except RuntimeError:
            size //= 2
    taken.set()
    done.wait(300)
    held.clear()


@contextmanager
def _warnings() -> Iterator[list[str]]:
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith(DEVICE):
                said.append(record.getMessage())

    listener = Listener()
    logging.getLogger("pipeline.segmentation").addHandler(listener)
    yield said
    logging.getLogger("pipeline.segmentation").removeHandler(listener)


def main() -> int:
    """Measure, one JSON line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=TRAINING.steps)
    parser.add_argument("--cases", type=int, default=80)
    parser.add_argument("--held-out", type=int, default=40)
    parser.add_argument("--budget-s", type=float, default=3600.0, help="of the training, seconds")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.stdout.write("bench_gpu: torch sees no GPU here; nothing measured\n")
        return 0
    begin = time.perf_counter()
    options.work.mkdir(parents=True, exist_ok=True)

    def say(what: str, **facts: Any) -> None:
        rounded = {key: round(item, 4) if isinstance(item, float) else item for key, item in facts.items()}
        line = json.dumps({"figure": what, "at_s": round(time.perf_counter() - begin, 1), **rounded})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        with (options.work / "figures.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    say("machine", gpu=torch.cuda.get_device_name(), torch=torch.__version__, processors=os.cpu_count())
    channels = study_of_full_size()
    bundle = load_bundle(BUNDLED_FOLDER / "phantom-demo")
    bundled, seg = bundle.segmentation_weights, bundle.settings.segmentation
    say("threads", torch=torch.get_num_threads())
    expected = serve(channels, bundled, seg, name=f"phantom-demo, {seg.channels[0]} channels", say=say)
    serve_full(channels, bundled, seg, expected, say=say)
    made = time.perf_counter()
    cases, others = make_cases(options.work, options.cases, options.held_out)
    say("made", phantoms=len(cases) + len(others), seconds=time.perf_counter() - made)
    settings = TRAINING.model_copy(update={"steps": options.steps})
    weights = train_on(
        cases,
        others,
        options.work,
        network=NETWORK,
        settings=settings,
        device=torch.device("cuda"),
        budget_s=options.budget_s,
        say=say,
    )
    say("memory", training_peak_mib=torch.cuda.max_memory_allocated() / MIB)
    halved = {name: array.astype(np.float16) for name, array in weights.items()}
    np.savez(options.work / "weights.npz", allow_pickle=False, **halved)
    say("log", path=str(options.work / "training" / LOG))
    serve(channels, halved, NETWORK, name=f"this training, {NETWORK.channels[0]} channels", say=say)
    return 0


if __name__ == "__main__":
    sys.exit(main())
