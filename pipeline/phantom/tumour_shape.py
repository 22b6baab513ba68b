"""Random-star shapes with satellite nodules, as implicit functions."""

from dataclasses import dataclass

import numpy as np

from pipeline.geometry import FloatArray
from pipeline.phantom.canvas import Array
from pipeline.phantom.latent import Latents, uniform

LOBES = 7
"""Waves that modulate the radius over the sphere."""
BULGE_MM = 1.0
"""How far a tumour may stand out of the liver surface."""


@dataclass(frozen=True, eq=False)
class TumourShape:
    """Star-shaped body and satellite nodules.

    Parameters
    ----------
    centre_lps_mm
        In the position of the hepatobiliary phase.
    radius_mm
        Mean radius of the main body.
    wave_vectors
        (n, 3); with `phases` and `amplitudes`, r(u) = R (1 + sum a cos(w.u + p)) for the unit direction u.
    nodules
        (m, 4): centre and radius of small spheres that grow out of the surface, LPS mm.
    """

    centre_lps_mm: FloatArray
    radius_mm: float
    wave_vectors: FloatArray
    phases: FloatArray
    amplitudes: FloatArray
    nodules: FloatArray

    @property
    def reach_mm(self) -> float:
        """Radius of a sphere around the centre that holds everything."""
        body = self.radius_mm * (1 + float(np.abs(self.amplitudes).sum()))
        if not len(self.nodules):
            return body
        distance = np.linalg.norm(self.nodules[:, :3] - self.centre_lps_mm, axis=1) + self.nodules[:, 3]
        return max(body, float(distance.max()))

    def level(self, points_lps_mm: Array) -> Array:
        """Return about the distance to the surface, mm, positive inside, for points (..., 3)."""
        offset = points_lps_mm.astype(np.float32) - self.centre_lps_mm.astype(np.float32)
        distance = np.sqrt((offset * offset).sum(-1))
        direction = offset / np.maximum(distance, np.float32(1e-3))[..., None]
        level = np.asarray(self.surface_mm(direction) - distance, np.float32)
        for nodule in self.nodules.astype(np.float32):
            apart = points_lps_mm.astype(np.float32) - nodule[:3]
            np.maximum(level, nodule[3] - np.sqrt((apart * apart).sum(-1)), out=level)
        return level

    def surface_mm(self, direction: Array) -> Array:
        """Return the radius of the main body along unit directions (..., 3), mm."""
        modulation = np.ones(direction.shape[:-1], np.float32)
        for wave, phase, amplitude in zip(self.wave_vectors, self.phases, self.amplitudes, strict=True):
            angle = direction @ wave.astype(np.float32) + np.float32(phase)
            modulation += np.float32(amplitude) * np.cos(angle)
        return np.asarray(np.float32(self.radius_mm) * modulation, np.float32)


def draw_shape(rng: np.random.Generator, centre: FloatArray, radius: float, latents: Latents) -> TumourShape:
    """Draw a shape around `centre`; the irregularity latent sets waves and nodules."""
    irregular = uniform(latents.imaging["irregularity"])
    wave = rng.standard_normal((LOBES, 3))
    wave *= (rng.uniform(1.5, 2.5, LOBES) * (1 + 1.6 * irregular) / np.linalg.norm(wave, axis=1))[:, None]
    amplitudes = rng.uniform(0.4, 1.0, LOBES) * (0.02 + 0.075 * irregular) * np.sqrt(3 / LOBES) * 1.3
    count = int(rng.binomial(5, max(0.0, irregular - 0.35)))
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    size = radius * rng.uniform(0.18, 0.34, (count, 1))
    nodules = np.hstack([centre + direction * (radius + 0.15 * size), size])
    return TumourShape(centre, radius, wave, rng.uniform(0, 2 * np.pi, LOBES), amplitudes, nodules)
