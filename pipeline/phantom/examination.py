"""The examination: every sequence of the protocol acquired from one anatomy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.canvas import Array
from pipeline.phantom.coil import Coil
from pipeline.phantom.echo_planar import distort
from pipeline.phantom.physiology import Physiology, reference_signal
from pipeline.phantom.protocol import (
    CORONAL_SLAB,
    DWI_B0,
    LOCALIZER_SLAB,
    SEQUENCES,
    TRANSITIONAL_S,
    Sequence,
    Slab,
)
from pipeline.phantom.scanner import acquire, sample
from pipeline.phantom.tissue_maps import signal_map
from pipeline.phantom.tissues import Tissue
from pipeline.phantom.tumour_fields import TumourFields
from pipeline.phantom.tumours import Tumour
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import Volume

AIR_BLUR_MM = 9.0
"""Reach of the susceptibility of lung and bowel gas."""
LEAST_B0 = 120.0
"""Stored b = 0 value below which no diffusion coefficient is computed."""
LARGEST_ADC = 4000.0
CORONAL_TILT_DEG = (-90.0, 0.0, 0.0)
SAGITTAL_TILT_DEG = (-90.0, 0.0, 90.0)


@dataclass(frozen=True, eq=False)
class Examination:
    """A patient in the scanner.

    Parameters
    ----------
    tumours
        Each with its fields on the fine lattice.
    slabs, grids, transforms
        By role: the coverage of each sequence, where it lies, and where the patient is in it.
    """

    anatomy: Anatomy
    tumours: tuple[tuple[Tumour, TumourFields], ...]
    physiology: Physiology
    coil: Coil
    slabs: Mapping[Role, Slab]
    grids: Mapping[Role, Grid]
    transforms: Mapping[Role, FloatArray]


def acquire_roles(examination: Examination, rng: np.random.Generator) -> dict[Role, Volume]:
    """Acquire the six sequences."""
    return {
        role: _acquire(
            examination,
            SEQUENCES[role],
            examination.slabs[role],
            examination.grids[role],
            examination.transforms[role],
            rng,
        )
        for role in Role
    }


def acquire_distractors(
    examination: Examination, volumes: Mapping[Role, Volume], rng: np.random.Generator
) -> dict[str, Volume]:
    """Acquire or derive what a real study holds besides the six roles."""
    dwi_grid, dwi_transform = examination.grids[Role.DWI], examination.transforms[Role.DWI]
    b0 = _acquire(examination, DWI_B0, examination.slabs[Role.DWI], dwi_grid, dwi_transform, rng)
    arterial, pre = volumes[Role.T1_ARTERIAL], volumes[Role.T1_PRE]
    result = {
        "DWI_B0": b0,
        "ADC": _diffusion_coefficient(b0, volumes[Role.DWI]),
        "T1_SUBTRACTION": Volume(np.maximum(arterial.array - pre.array, 0), arterial.grid),
    }
    still = examination.transforms[FIXED_ROLE]
    coronal = CORONAL_SLAB.grid(np.array([0.0, 0.0, 5.0]), CORONAL_TILT_DEG)
    result["T1_CORONAL"] = _acquire(examination, SEQUENCES[FIXED_ROLE], CORONAL_SLAB, coronal, still, rng)
    scout = replace(SEQUENCES[Role.T2], te_ms=70.0, fat_residual=0.8, after_injection_s=None)
    for plane, tilt in (
        ("AXIAL", (0.0, 0.0, 0.0)),
        ("CORONAL", CORONAL_TILT_DEG),
        ("SAGITTAL", SAGITTAL_TILT_DEG),
    ):
        grid = LOCALIZER_SLAB.grid(np.zeros(3), tilt)
        result[f"LOCALIZER_{plane}"] = _acquire(examination, scout, LOCALIZER_SLAB, grid, still, rng)
    transitional = replace(SEQUENCES[Role.T1_PORTAL], after_injection_s=TRANSITIONAL_S)
    portal_transform = examination.transforms[Role.T1_PORTAL]
    grid = examination.grids[Role.T1_PORTAL]
    result["T1_TRANSITIONAL"] = _acquire(
        examination, transitional, examination.slabs[Role.T1_PORTAL], grid, portal_transform, rng
    )
    return result


def _acquire(
    examination: Examination,
    sequence: Sequence,
    slab: Slab,
    grid: Grid,
    transform: FloatArray,
    rng: np.random.Generator,
) -> Volume:
    physiology = examination.physiology
    fine = signal_map(examination.anatomy, examination.tumours, sequence, physiology)
    fine_grid = examination.anatomy.grid
    acquired = grid
    if slab.acquired != slab.matrix:
        step = slab.field_of_view_mm / slab.acquired
        acquired = grid.with_spacing([step, step, slab.slice_mm])
    clean = sample(fine, fine_grid, acquired, slab, transform)
    if acquired is not grid:
        air = sample(_air(examination.anatomy), fine_grid, acquired, replace(slab, oversampling=1), transform)
        clean = distort(clean, air, float(acquired.spacing_xyz_mm[1]))
    weighting = replace(sequence, b_s_per_mm2=0.0, after_injection_s=None)
    sigma = reference_signal(weighting, physiology) / sequence.signal_to_noise
    return acquire(clean, grid, examination.coil, gain=sequence.gain, sigma=sigma, rng=rng)


def _air(anatomy: Anatomy) -> Array:
    """Return the share of gas inside the body around each voxel."""
    gas = (anatomy.labels == Tissue.LUNG).astype(np.float32)
    stomach = anatomy.labels == Tissue.AIR
    inside = ndimage.binary_erosion(np.ones(anatomy.labels.shape[1:], bool), iterations=25)
    gas[:, inside] += stomach[:, inside]
    sigma = AIR_BLUR_MM / anatomy.grid.spacing_xyz_mm[::-1]
    return np.asarray(ndimage.gaussian_filter(gas, sigma, truncate=2.0), np.float32)


def _diffusion_coefficient(b0: Volume, b800: Volume) -> Volume:
    """Fit a mono-exponential, 1e-6 mm2/s; 0 where b = 0 is noise."""
    ratio = np.maximum(b0.array, 1) / np.maximum(b800.array, 1)
    adc = np.log(ratio) / np.float32(SEQUENCES[Role.DWI].b_s_per_mm2) * np.float32(1e6)
    adc[b0.array < LEAST_B0] = 0
    return Volume(np.rint(np.clip(adc, 0, LARGEST_ADC)), b0.grid)
