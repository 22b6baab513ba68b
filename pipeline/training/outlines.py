"""What extraction measures beside the features: agreement with manual outlines, and the tumour outlined again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.analysis import RegistrationOutcome
from pipeline.geometry import FloatArray, Grid, read_only
from pipeline.lesions import TUMOUR_LABEL, Delineation, margin_around
from pipeline.model_bundle import PipelineSettings
from pipeline.overlap import dice
from pipeline.radiomics import Outline
from pipeline.resampling import resample
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role
from pipeline.training.sources import LoadedCase
from pipeline.volume import LabelMap, Volume

MANUAL, REPEAT, AGREEMENT, OUTLINE = ".manual.npz", ".repeat-{}.npz", ".agreement.json", ".outline.npz"
DRAWN_ROLES: Final = (FIXED_ROLE, Role.T1_PRE, Role.T2, *MOVING_ROLES)
"""Whose outline counts as that of the hepatobiliary phase, the first that there is."""
SHIFT_VOXELS: Final = 0.5
"""Standard deviation of the displacement of an outline that is drawn again."""
SMOOTH_VOXELS: Final = 2.0
"""Width of the Gaussian that smooths the displacement: a hand errs over a stretch, not voxel by voxel."""
REACH_VOXELS: Final = 8

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Outlines by hand, and how well those of the software agree.

    Parameters
    ----------
    tumour, liver
        On the grid of the hepatobiliary series as acquired; None where nobody drew them.
    registration
        By moving sequence with an outline of its own: Dice with that of the hepatobiliary phase, without and with
        the registration.
    segmentation, liver_dice
        Dice of the automatic outline with the manual one in the hepatobiliary phase.
    """

    tumour: LabelMap | None = None
    liver: LabelMap | None = None
    registration: Mapping[Role, tuple[float, float]] = field(default_factory=dict)
    segmentation: Mapping[Role, float] = field(default_factory=dict)
    liver_dice: Mapping[Role, float] = field(default_factory=dict)


def compare(case: LoadedCase, outcomes: Mapping[Role, RegistrationOutcome], native: Delineation) -> Drawn:
    """Compare the outlines of a case with those of the software.

    Parameters
    ----------
    case
        With or without outlines.
    outcomes
        Of its registration.
    native
        Automatic outlines on the grid of the hepatobiliary series.
    """
    masks, grid = drawn_masks(case), native.lesion_map.grid
    if not masks:
        return Drawn()
    after = {
        role: _carried(mask, grid, None if role is FIXED_ROLE else outcomes[role]) for role, mask in masks.items()
    }
    reference = next(after[role] for role in DRAWN_ROLES if role in after)
    liver = None if case.label_map is None else case.label_map.array > 0
    if FIXED_ROLE not in masks:
        return Drawn(_label_map(reference, grid))
    # Of a liver without a tumour there is no overlap to measure: 1 for finding nothing would flatter.
    has_tumour = bool(reference.any())
    return Drawn(
        _label_map(reference, grid),
        None if liver is None else _label_map(liver, grid),
        {
            role: (dice(_carried(masks[role], grid, None), reference), dice(after[role], reference))
            for role in MOVING_ROLES
            if role in masks and has_tumour
        },
        {FIXED_ROLE: dice(native.lesion_map.array > 0, reference)} if has_tumour else {},
        {} if liver is None else {FIXED_ROLE: dice(native.liver_map.array > 0, liver)},
    )


def drawn_masks(case: LoadedCase) -> dict[Role, LabelMap]:
    """Return the outlines of the tumour by sequence, each on the grid of its sequence as acquired.

    Those of a phantom are what a reader without error would draw on each sequence: the truth, carried there by the
    true motion.
    """
    masks = dict(case.tumour_masks)
    if case.label_map is not None:
        masks.setdefault(FIXED_ROLE, _label_map(case.label_map.array == TUMOUR_LABEL, case.label_map.grid))
        for role in MOVING_ROLES if case.transforms_lps_mm is not None else ():
            back = read_only(np.linalg.inv((case.transforms_lps_mm or {})[role]))
            grid = case.study.volumes[role].grid
            masks.setdefault(role, _label_map(_on(masks[FIXED_ROLE], grid, back), grid))
    return masks


def further_outlines(
    drawn: Drawn, found: Delineation, settings: PipelineSettings, name: str, repeats: int
) -> dict[str, Outline]:
    """Return tumour and margin of the manual outline and of repeated ones, by the end of their file's name.

    Parameters
    ----------
    drawn
        Outlines by hand; their margin lies in the manual liver, or in the automatic one where nobody drew it.
    found
        Automatic outlines on the working grid.
    settings
        Width of the margin, and a seed.
    name
        Of the case: with the seed and the number of the repetition it determines a repeated outline.
    repeats
        How many.
    """
    grid, automatic = found.lesion_map.grid, found.liver_map.array > 0
    outlines: dict[str, Outline] = {}
    if drawn.tumour is not None:
        liver = automatic if drawn.liver is None else _on(drawn.liver, grid)
        outlines[MANUAL] = _with_margin(_on(drawn.tumour, grid), liver, grid, settings)
    case = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    for n in range(1, repeats + 1):
        tumour = redrawn(found.lesion_map.array > 0, np.random.default_rng([settings.seed, case, n]))
        outlines[REPEAT.format(n)] = _with_margin(tumour, automatic, grid, settings)
    return outlines


def redrawn(mask: Mask, random: np.random.Generator) -> Mask:
    """Draw an outline again: move it in and out by a smooth random displacement of `SHIFT_VOXELS`.

    Parameters
    ----------
    mask
        (k, j, i).
    random
        Determines the displacement.

    Notes
    -----
    The mask becomes the distance to its boundary in voxels, positive inside, to which the displacement is added:
    white noise, smoothed by `SMOOTH_VOXELS` and scaled to the standard deviation. The displacement has mean 0, so
    that the volume stays about the same.
    """
    if not mask.any():
        return mask.copy()
    hit = np.argwhere(mask)
    low = np.maximum(hit.min(axis=0) - REACH_VOXELS, 0)
    high = np.minimum(hit.max(axis=0) + REACH_VOXELS + 1, mask.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    inside = mask[box]
    # The boundary runs half a voxel beyond the centres of the outermost voxels.
    depth = np.where(
        inside,
        ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1, 1:-1] - 0.5,
        0.5 - ndimage.distance_transform_edt(~inside),
    )
    shift = ndimage.gaussian_filter(random.standard_normal(inside.shape), SMOOTH_VOXELS)
    result = np.zeros_like(mask)
    result[box] = depth + (shift - shift.mean()) * (SHIFT_VOXELS / shift.std()) > 0
    return result


@dataclass(frozen=True)
class Files:
    """Where the comparison of one case is kept, in the form that `pipeline.evaluation.reading` documents."""

    folder: Path
    name: str

    def write_agreement(self, drawn: Drawn) -> None:
        """Write the Dice; nothing where nobody drew an outline."""
        if drawn.tumour is None:
            return
        document = {
            "registration": {role.value: list(pair) for role, pair in drawn.registration.items()},
            "segmentation": {role.value: value for role, value in drawn.segmentation.items()},
            "liver": {role.value: value for role, value in drawn.liver_dice.items()},
        }
        (self.folder / f"{self.name}{AGREEMENT}").write_text(json.dumps(document) + "\n", encoding="utf-8")

    def write_outline(self, drawn: Drawn, fixed: Volume, native: Delineation) -> None:
        """Write the slice with the largest manual outline; nothing where there is none."""
        if drawn.tumour is None or not drawn.tumour.array.any():
            return
        k = int(np.argmax((drawn.tumour.array > 0).sum(axis=(1, 2))))
        with (self.folder / f"{self.name}{OUTLINE}").open("wb") as file:
            np.savez_compressed(
                file,
                image=fixed.array[k].astype(np.float32),
                automatic=native.lesion_map.array[k] > 0,
                manual=drawn.tumour.array[k] > 0,
                spacing_ji_mm=fixed.grid.spacing_xyz_mm[1::-1],
            )


def _with_margin(tumour: Mask, liver: Mask, grid: Grid, settings: PipelineSettings) -> Outline:
    return tumour, margin_around(tumour, liver, grid, settings.lesions.margin_mm)


def _carried(mask: LabelMap, grid: Grid, outcome: RegistrationOutcome | None) -> Mask:
    """Take an outline to the grid of the hepatobiliary series, by the registration of its sequence."""
    volume = Volume((mask.array > 0).astype(np.float32), mask.grid)
    if outcome is None:
        return resample(volume, grid).array > 0.5
    return resample(volume, grid, outcome.transform_lps_mm, outcome.deformation).array > 0.5


def _on(mask: LabelMap, grid: Grid, transform_lps_mm: FloatArray | None = None) -> Mask:
    return resample(Volume((mask.array > 0).astype(np.float32), mask.grid), grid, transform_lps_mm).array > 0.5


def _label_map(mask: Mask, grid: Grid) -> LabelMap:
    return LabelMap(mask.astype(np.uint8), grid)
