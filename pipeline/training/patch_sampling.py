"""Which patch of which case a training step sees: a function of seed and step alone."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipeline.segmentation.flips import AXES
from pipeline.training.augmentation import MARGIN, augment
from pipeline.training.case_store import TrainingCase
from pipeline.training.settings import SegmentationTrainingSettings


def cases_in_play(step: int, total: int, settings: SegmentationTrainingSettings) -> int:
    """Number of cases that `step` may draw from; grows with the step so that training may start early."""
    if settings.steps_per_case == 0:
        return total
    return min(total, settings.first_cases + step // settings.steps_per_case)


def patch_at(step: int, settings: SegmentationTrainingSettings) -> npt.NDArray[np.int64]:
    """Patch (k, j, i) of `step`, voxels."""
    late = step >= round(settings.steps * (1 - settings.final_fraction))
    return np.array(settings.final_patch_kji if late and settings.final_patch_kji else settings.patch_kji)


def step_random(seed: int, step: int) -> np.random.Generator:
    """Make the generator of one step; a resumed run needs no stored generator state."""
    return np.random.default_rng([seed, step])


def sample(
    case: TrainingCase,
    patch_kji: npt.NDArray[np.int64],
    settings: SegmentationTrainingSettings,
    random: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Cut and vary one patch of `patch_kji` voxels.

    Returns
    -------
    channels
        (6, k, j, i) float32.
    labels
        (k, j, i) int64.
    """
    start = _start(case, patch_kji, settings, random)
    patch = _cut(case.channels, start - MARGIN, patch_kji + 2 * MARGIN)
    labels = _cut(case.labels[None], start, patch_kji)[0]
    channels = augment(
        patch.astype(np.float32),
        spacing_kji_mm=case.spacing_kji_mm,
        misregistration_mm=settings.misregistration_mm,
        settings=settings.augmentation,
        random=random,
    )
    truth = torch.from_numpy(labels.astype(np.int64))
    for axis in settings.flip_axes:
        if random.random() < 0.5:
            channels, truth = channels.flip(AXES[axis]), truth.flip(AXES[axis] - 1)
    return channels, truth


def _start(
    case: TrainingCase,
    patch_kji: npt.NDArray[np.int64],
    settings: SegmentationTrainingSettings,
    random: np.random.Generator,
) -> npt.NDArray[np.int64]:
    room = np.maximum(np.array(case.labels.shape) - patch_kji, 0)
    kind = random.random()
    points = case.tumour_points if kind < settings.tumour_fraction else case.liver_points
    if kind >= settings.tumour_fraction + settings.liver_fraction or len(points) == 0:
        return _on_lattice(random.integers(0, room + 1), settings, room)
    centre = points[random.integers(len(points))] + random.integers(-patch_kji // 4, patch_kji // 4 + 1)
    return _on_lattice(np.clip(centre - patch_kji // 2, 0, room), settings, room)


def _on_lattice(
    start: npt.NDArray[np.int64], settings: SegmentationTrainingSettings, room: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    stride = np.array(settings.stride_kji)
    place = np.minimum((start + stride // 2) // stride * stride, room)
    # The last place ends with the volume: else its rim would be in no patch.
    nearest: npt.NDArray[np.int64] = np.where(room - start < np.abs(place - start), room, place)
    return nearest


def _cut(
    array: npt.NDArray[np.generic], start: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> npt.NDArray[np.generic]:
    """Copy a block of (channels, k, j, i); zeros beyond the borders."""
    block = np.zeros((array.shape[0], *size), dtype=array.dtype)
    low = np.maximum(start, 0)
    high = np.minimum(start + size, array.shape[1:])
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    target = tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))
    block[(slice(None), *target)] = array[(slice(None), *source)]
    return block
