"""Smooth receive sensitivity."""

from dataclasses import dataclass

import numpy as np

from pipeline.geometry import Grid
from pipeline.phantom.canvas import Array


@dataclass(frozen=True)
class Coil:
    """Smooth receive sensitivity left after the scanner's normalisation, bound to space.

    Parameters
    ----------
    depth
        Relative loss from the surface to the centre of the body.
    tilt_per_m
        Relative slope along x, y, z, 1/m.
    """

    depth: float
    tilt_per_m: tuple[float, float, float]

    def sensitivity(self, grid: Grid) -> Array:
        """Return the sensitivity on `grid`, about 1, (k, j, i)."""
        affine = grid.affine.astype(np.float32)
        k, j, i = (np.arange(n, dtype=np.float32) for n in grid.shape)
        x, y, z = (
            affine[r, 0] * i[None, None, :]
            + affine[r, 1] * j[None, :, None]
            + affine[r, 2] * k[:, None, None]
            + affine[r, 3]
            for r in range(3)
        )
        tilt = np.asarray(self.tilt_per_m, np.float32) * np.float32(1e-3)
        near = np.clip((x / 165) ** 2 + (y / 115) ** 2, 0, 1.3)
        field = 1 + self.depth * (near - 0.5) + tilt[0] * x + tilt[1] * y + tilt[2] * z
        return np.asarray(np.clip(field, 0.3, 2), np.float32)


def draw_coil(rng: np.random.Generator) -> Coil:
    """Draw a sensitivity."""
    tilt = rng.uniform(-0.5, 0.5, 3)
    return Coil(float(rng.uniform(0.1, 0.35)), (float(tilt[0]), float(tilt[1]), float(tilt[2])))
