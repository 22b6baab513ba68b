"""Checkpoint and log of the segmentation training."""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.segmentation.network import ResUNet
from pipeline.training.errors import TrainingError
from pipeline.training.settings import SegmentationTrainingSettings

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"
LOG_COLUMNS = ("step", "loss", "learning_rate", "held_out_liver_dice", "held_out_tumour_dice", "elapsed_s")
FREE_SETTINGS = frozenset({"steps", "checkpoint_every", "validate_every"})
"""May differ between the runs of one training: they set the length of the whole."""


@dataclass(eq=False)
class TrainingState:
    """Everything that a resumed training needs; the random numbers follow from seed and step."""

    network: ResUNet
    average: ResUNet
    optimiser: torch.optim.Optimizer
    step: int = 0
    losses: list[float] = field(default_factory=list)


def save(state: TrainingState, path: Path, settings: SegmentationTrainingSettings) -> None:
    """Write a checkpoint so that the old one stays until the new one is complete."""
    draft = path.with_suffix(".draft")
    torch.save(
        {
            "settings": settings.model_dump(mode="json"),
            "step": state.step,
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
        },
        draft,
    )
    os.replace(draft, path)  # noqa: PTH105 - atomic by contract


def resume(state: TrainingState, path: Path, settings: SegmentationTrainingSettings) -> None:
    """Put a checkpoint into a fresh state; nothing where there is none.

    Raises
    ------
    TrainingError
        The checkpoint is of other settings or of another network.
    """
    if not path.is_file():
        return
    stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    wanted = settings.model_dump(mode="json")
    # A setting that came later is off by default, as the software was that wrote the checkpoint.
    defaults = SegmentationTrainingSettings().model_dump(mode="json")
    made = {**defaults, **stored["settings"]}
    differing = [key for key in wanted if key not in FREE_SETTINGS and wanted[key] != made[key]]
    if differing:
        raise TrainingError(
            f"{path} was made with another {', '.join(differing)}; restore the settings or remove the file"
        )
    try:
        state.network.load_state_dict(stored["network"])
    except RuntimeError as error:
        raise TrainingError(f"{path} holds another network; restore the settings or remove the file") from error
    state.average.load_state_dict(stored["average"])
    state.optimiser.load_state_dict(stored["optimiser"])
    state.step = stored["step"]


def append_log(
    path: Path,
    state: TrainingState,
    learning_rate: float,
    held_out: tuple[tuple[float, float], ...],
    elapsed_s: float,
) -> None:
    """Add a line with the mean loss since the last one, and forget the losses."""
    fresh = not path.exists()
    liver, tumour = np.mean(held_out, axis=0).round(4).tolist() if held_out else ("", "")
    loss = round(float(np.mean(state.losses)), 5)
    state.losses.clear()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(LOG_COLUMNS)
        writer.writerow((state.step, loss, f"{learning_rate:.3e}", liver, tumour, round(elapsed_s, 1)))
