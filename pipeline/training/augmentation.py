"""Random variation of training patches that an abdomen and a scanner could have produced.

Mirroring is a setting (`flip_axes`), since a liver lies on the right. No rotation: the phantoms vary in anatomy,
and registration aligns the sequences.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.study import FIXED_ROLE, Role
from pipeline.training.settings import AugmentationSettings

MARGIN = 1
"""Voxels around a patch that a shifted sequence may draw from."""

BIAS_NODES = (2, 3, 3)
"""Of the field of the coils, over a patch."""


def augment(
    patch: npt.NDArray[np.float32],
    *,
    spacing_kji_mm: npt.NDArray[np.float64],
    misregistration_mm: float,
    settings: AugmentationSettings,
    random: np.random.Generator,
) -> Tensor:
    """Vary one patch.

    Parameters
    ----------
    patch
        (6, k + 2, j + 2, i + 2), 0 to 1: the patch with a margin of one voxel.
    spacing_kji_mm
        Voxel size, mm.
    misregistration_mm
        Largest shift of a moving sequence along each axis, mm; cut at one voxel.
    settings
        Of everything else.
    random
        Generator of this patch.

    Returns
    -------
    torch.Tensor
        (6, k, j, i), 0 to 1; the hepatobiliary phase is not shifted, so that the labels stay true.
    """
    largest_voxels = np.minimum(misregistration_mm / spacing_kji_mm, 1.0)
    rows = []
    for role, channel in zip(Role, torch.from_numpy(patch), strict=True):
        shift = np.zeros(3) if role is FIXED_ROLE else random.uniform(-largest_voxels, largest_voxels)
        row = _intensity(_shift(channel, shift), settings, random)
        if role is not FIXED_ROLE and random.random() < settings.drop_probability:
            row = torch.from_numpy(random.random(row.shape, dtype=np.float32)) * float(random.uniform(0, 0.3))
        rows.append(row)
    return torch.stack(rows)


def _shift(channel: Tensor, shift_voxels: npt.NDArray[np.float64]) -> Tensor:
    """Interpolate linearly at a distance of at most one voxel along each axis; the margin is used up."""
    for axis, distance in enumerate(shift_voxels):
        side = channel.shape[axis] - 2 * MARGIN
        centre = channel.narrow(axis, MARGIN, side)
        if distance:
            neighbour = channel.narrow(axis, MARGIN + int(np.sign(distance)), side)
            centre = torch.lerp(centre, neighbour, float(abs(distance)))
        channel = centre
    return channel


def _intensity(channel: Tensor, settings: AugmentationSettings, random: np.random.Generator) -> Tensor:
    chance = settings.change_probability
    if random.random() < chance:
        channel = channel.clamp(min=0) ** float(random.uniform(*settings.gamma))
    if random.random() < chance:
        channel = channel * float(random.uniform(*settings.scale)) + float(random.uniform(*settings.offset))
    if random.random() < chance:
        nodes = torch.from_numpy(random.uniform(-1, 1, BIAS_NODES).astype(np.float32))
        field = functional.interpolate(nodes[None, None], channel.shape, mode="trilinear", align_corners=True)[
            0, 0
        ]
        channel = channel * (1 + settings.bias * field)
    if random.random() < chance:
        noise = torch.from_numpy(random.standard_normal(channel.shape, dtype=np.float32))
        channel = channel + noise * float(random.uniform(0, settings.noise))
    return channel.clamp(0, 1)
