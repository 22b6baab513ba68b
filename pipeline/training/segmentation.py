"""Fit the segmentation network: resumable, reproducible by seed, with a log."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from pipeline.overlap import dice
from pipeline.segmentation.backends import build_network
from pipeline.segmentation.network import ResUNet, weights_of
from pipeline.segmentation.patches import FloatVolume
from pipeline.segmentation.search import label_body
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.training.case_store import LIVER, TUMOUR, TrainingCase, read_case
from pipeline.training.checkpoint import CHECKPOINT, LOG, TrainingState, append_log, resume, save
from pipeline.training.drawing import Batch, batches, threads_for
from pipeline.training.errors import TrainingError
from pipeline.training.loss import LOSSES
from pipeline.training.patch_sampling import cases_in_play
from pipeline.training.settings import SegmentationTrainingSettings

LARGEST_GRADIENT_NORM = 12.0
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Progress:
    """State of a training, for whoever watches it."""

    step: int
    steps: int
    loss: float
    elapsed_s: float
    left_s: float
    held_out: tuple[tuple[float, float], ...] = ()
    """(liver, tumour) Dice of each held-out case; empty between evaluations."""


def train(  # noqa: PLR0913 - cases, settings, and what the caller lends
    case_folders: Sequence[Path],
    held_out_folders: Sequence[Path],
    *,
    network: SegmentationSettings,
    settings: SegmentationTrainingSettings,
    work: Path,
    clock: Callable[[], float],
    wait_for: Callable[[Path], None],
    report: Callable[[Progress], None],
    device: torch.device = CPU,
) -> dict[str, npt.NDArray[np.float32]]:
    """Train from scratch, or go on from the checkpoint in `work`.

    Parameters
    ----------
    case_folders, held_out_folders
        Written by `write_case`; a folder that is not there yet is waited for when its turn comes.
    network
        Architecture, and the patches of the evaluation.
    settings
        Optimisation.
    work
        Holds the checkpoint and the log.
    clock
        Monotonic seconds.
    wait_for
        Returns when the folder exists, or raises.
    report
        Called after every step.
    device
        Computes the steps and the evaluations. A checkpoint goes on on any other.

    Returns
    -------
    dict
        Running average of the weights, by name.

    Raises
    ------
    TrainingError
        The checkpoint belongs to other settings, or the loss is no number.
    """
    work.mkdir(parents=True, exist_ok=True)
    state = _start(network, settings, device)
    resume(state, work / CHECKPOINT, settings)
    cases: list[TrainingCase] = []
    begin, first_step = clock(), state.step

    def cases_at(step: int) -> tuple[TrainingCase, ...]:
        for folder in case_folders[len(cases) : cases_in_play(step, len(case_folders), settings)]:
            wait_for(folder)
            cases.append(read_case(folder))
        return tuple(cases)

    # Closed before we leave: a training that is stopped leaves no threads behind that draw for nobody.
    with closing(batches(first_step, settings, cases_at, threads_for(device))) as drawn:
        for batch in drawn:
            loss = _step(state, batch, settings, device)
            state.losses.append(loss)
            done = state.step == settings.steps
            held_out: tuple[tuple[float, float], ...] = ()
            if done or state.step % settings.validate_every == 0:
                held_out = _evaluate(state.average, held_out_folders, network, wait_for, settings)
            if done or state.step % settings.checkpoint_every == 0 or held_out:
                save(state, work / CHECKPOINT, settings)
                rate = learning_rate_at(state.step - 1, settings)
                append_log(work / LOG, state, rate, held_out, clock() - begin)
            elapsed_s = clock() - begin
            left_s = elapsed_s / (state.step - first_step) * (settings.steps - state.step)
            report(Progress(state.step, settings.steps, loss, elapsed_s, left_s, held_out))
    return weights_of(state.average)


def learning_rate_at(step: int, settings: SegmentationTrainingSettings) -> float:
    """Linear warm-up, then a half cosine that reaches zero after the last step."""
    warm_up = min(1.0, (step + 1) / (settings.warm_up_steps + 1))
    return settings.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def _start(
    network: SegmentationSettings, settings: SegmentationTrainingSettings, device: torch.device
) -> TrainingState:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        # The same start on every device: drawn on the processor.
        fresh = build_network(network).to(device)
    optimiser = torch.optim.AdamW(fresh.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    return TrainingState(fresh, deepcopy(fresh).requires_grad_(False), optimiser)


def _step(
    state: TrainingState, batch: Batch, settings: SegmentationTrainingSettings, device: torch.device
) -> float:
    channels, labels = (part.to(device) for part in batch)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate_at(state.step, settings)
    loss = _loss(state.network, channels, labels, settings)
    if not torch.isfinite(loss):
        raise TrainingError(f"the loss of step {state.step + 1} is not a number; lower the learning rate")
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    nn.utils.clip_grad_norm_(state.network.parameters(), LARGEST_GRADIENT_NORM)
    state.optimiser.step()
    state.step += 1
    _average(state, settings)
    return float(loss.detach())


def _loss(network: ResUNet, channels: Tensor, labels: Tensor, settings: SegmentationTrainingSettings) -> Tensor:
    with torch.autocast(channels.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
        logits = network(channels)
    return LOSSES[settings.loss](logits.float(), labels)


def _average(state: TrainingState, settings: SegmentationTrainingSettings) -> None:
    # A young average follows quickly: the random start must not linger in it.
    decay = min(settings.average_decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for kept, new in zip(state.average.parameters(), state.network.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)


def _evaluate(
    network: ResUNet,
    folders: Sequence[Path],
    settings: SegmentationSettings,
    wait_for: Callable[[Path], None],
    training: SegmentationTrainingSettings,
) -> tuple[tuple[float, float], ...]:
    device = next(network.parameters()).device
    model = nn.Sequential(network, nn.Softmax(dim=1))

    def predict(patch: FloatVolume) -> FloatVolume:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            answer: FloatVolume = model(torch.from_numpy(patch)[None].to(device))[0].float().cpu().numpy()
        return answer

    bfloat16 = training.precision == "bfloat16"
    results = []
    for folder in folders:
        wait_for(folder)
        case = read_case(folder)
        channels = case.channels.astype(np.float32)
        labels = label_body(channels, np.array(case.body), predict, settings)
        liver = dice(labels >= LIVER, case.labels >= LIVER)
        results.append((liver, dice(labels == TUMOUR, case.labels == TUMOUR)))
    return tuple(results)
