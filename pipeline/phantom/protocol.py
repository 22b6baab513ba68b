"""The examination after the paper: what each sequence measures and on which grid.

Lin et al., J Cancer 15(19), 2024, doi:10.7150/jca.93712: repetition and echo times, field of view, matrix and
voxel sizes. The flip angle is not given there: 12 degrees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.shapes import rotation_matrix
from pipeline.study import FIXED_ROLE, Role

ARTERIAL_S = 25.0
PORTAL_S = 65.0
TRANSITIONAL_S = 180.0
HEPATOBILIARY_S = 1200.0
T2_S = 330.0
DWI_S = 660.0
"""T2 and diffusion fill the wait between the portal and the hepatobiliary phase."""


class Kind(Enum):
    """Signal equation."""

    GRADIENT_ECHO = "gradient echo"
    SPIN_ECHO = "turbo spin echo"
    DIFFUSION = "diffusion"


@dataclass(frozen=True)
class Sequence:
    """One acquisition.

    Parameters
    ----------
    after_injection_s
        Centre of k-space relative to the start of injection, s; None is before it.
    b_s_per_mm2
        Diffusion weighting, s/mm2.
    fat_residual
        Share of the fat signal that spectral suppression leaves.
    signal_to_noise
        Of unenhanced liver at the sequence's mean coil sensitivity; sigma follows from it.
    gain
        Stored value of a signal equal to one.
    """

    kind: Kind
    tr_ms: float
    te_ms: float
    flip_deg: float
    after_injection_s: float | None
    b_s_per_mm2: float
    fat_residual: float
    signal_to_noise: float
    gain: float


@dataclass(frozen=True)
class Slab:
    """Nominal coverage: in-plane field of view and matrix, slices, and the centre's height.

    Parameters
    ----------
    acquired
        In-plane matrix before zero filling; equal to `matrix` where none is done.
    oversampling
        Points along the slice profile at which the anatomy is integrated.
    """

    field_of_view_mm: float
    matrix: int
    acquired: int
    slice_mm: float
    slices: int
    oversampling: int

    def grid(self, centre_lps_mm: FloatArray, tilt_deg: tuple[float, float, float]) -> Grid:
        """Place the slab."""
        step = self.field_of_view_mm / self.matrix
        spacing = np.array([step, step, self.slice_mm])
        direction = rotation_matrix(tilt_deg)
        half = (np.array([self.matrix, self.matrix, self.slices]) - 1) / 2 * spacing
        # Scanners write positions to a micrometre or so; a short decimal survives the DS value representation.
        origin = np.round(centre_lps_mm - direction @ half, 3)
        return Grid((self.slices, self.matrix, self.matrix), spacing, origin, direction)


_DYNAMIC = {
    "te_ms": 1.3,
    "flip_deg": 12.0,
    "b_s_per_mm2": 0.0,
    "fat_residual": 0.14,
    "signal_to_noise": 22.0,
    "gain": 26000.0,
}
SEQUENCES: dict[Role, Sequence] = {
    Role.T2: Sequence(Kind.SPIN_ECHO, 12000.0, 90.0, 90.0, T2_S, 0.0, 0.16, 14.0, 2600.0),
    Role.DWI: Sequence(Kind.DIFFUSION, 5000.0, 56.1, 90.0, DWI_S, 800.0, 0.05, 30.0, 3200.0),
    Role.T1_PRE: Sequence(Kind.GRADIENT_ECHO, tr_ms=3.7, after_injection_s=None, **{**_DYNAMIC, "te_ms": 1.1}),
    Role.T1_ARTERIAL: Sequence(Kind.GRADIENT_ECHO, tr_ms=2.8, after_injection_s=ARTERIAL_S, **_DYNAMIC),
    Role.T1_PORTAL: Sequence(Kind.GRADIENT_ECHO, tr_ms=2.8, after_injection_s=PORTAL_S, **_DYNAMIC),
    Role.T1_HEPATOBILIARY: Sequence(Kind.GRADIENT_ECHO, tr_ms=2.8, after_injection_s=HEPATOBILIARY_S, **_DYNAMIC),
}
DWI_B0 = Sequence(Kind.DIFFUSION, 5000.0, 56.1, 90.0, DWI_S, 0.0, 0.05, 30.0, 3200.0)

DYNAMIC_SLAB = Slab(400.0, 256, 256, 5.0, 44, 2)
THIN_DYNAMIC_SLAB = Slab(384.0, 256, 256, 3.0, 72, 2)
"""Of a recent scanner, not of the paper."""
T2_SLAB = Slab(380.0, 256, 256, 7.0, 32, 3)
DWI_SLAB = Slab(380.0, 256, 128, 7.0, 32, 3)
"""2.97 mm acquired, interpolated to 256 x 256 by zero filling."""
CORONAL_SLAB = Slab(400.0, 256, 256, 6.0, 28, 1)
LOCALIZER_SLAB = Slab(440.0, 128, 128, 8.0, 5, 1)


def slabs(*, thin_slices: bool) -> dict[Role, Slab]:
    """Return the slab of each role."""
    dynamic = THIN_DYNAMIC_SLAB if thin_slices else DYNAMIC_SLAB
    return {role: {Role.T2: T2_SLAB, Role.DWI: DWI_SLAB}.get(role, dynamic) for role in Role}


def place_slabs(rng: np.random.Generator, slab_of: Mapping[Role, Slab], oblique_deg: float) -> dict[Role, Grid]:
    """Place every slab; the dynamic phases share one grid, T2 and diffusion start elsewhere."""
    tilt = (oblique_deg, 0.6 * oblique_deg, 0.0)
    centre = np.array([0.0, 0.0, 5.0])
    dynamic = slab_of[FIXED_ROLE].grid(centre + rng.uniform(-4, 4, 3), tilt)
    grids = dict.fromkeys(Role, dynamic)
    for role in (Role.T2, Role.DWI):
        grids[role] = slab_of[role].grid(centre + rng.uniform(-6, 6, 3), tilt)
    return grids
