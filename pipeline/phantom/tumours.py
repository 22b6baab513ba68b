"""Tumours: random-star shapes inside the liver and what they look like."""

from dataclasses import dataclass

import numpy as np

from pipeline.geometry import FloatArray
from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.canvas import Array
from pipeline.phantom.latent import Latents, diameter_mm, uniform
from pipeline.phantom.settings import PhantomSettings

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
        level = self.surface_mm(direction) - distance
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
        return np.float32(self.radius_mm) * modulation


@dataclass(frozen=True)
class TumourAppearance:
    """What the latents make of a tumour.

    Parameters
    ----------
    blur_mm
        Width of the transition to liver, mm.
    rim_gain
        Extra arterial enhancement of the outer shell, relative to the body.
    body_gain
        Enhancement of the body relative to the table.
    peritumoural_loss
        Share of hepatocyte uptake lost next to the tumour.
    peritumoural_mm
        Width of that zone, mm.
    heterogeneity
        Standard deviation of the tissue's enhancement and T2, relative.
    capsule
        0 without, 1 with a complete capsule.
    adc_factor
        Of the apparent diffusion coefficient.
    necrosis
        Share of the radius that is necrotic in the centre.
    """

    blur_mm: float
    rim_gain: float
    body_gain: float
    peritumoural_loss: float
    peritumoural_mm: float
    heterogeneity: float
    capsule: float
    adc_factor: float
    necrosis: float


@dataclass(frozen=True, eq=False)
class Tumour:
    """One tumour."""

    shape: TumourShape
    appearance: TumourAppearance


def draw_tumours(
    rng: np.random.Generator, anatomy: Anatomy, latents: Latents, settings: PhantomSettings
) -> tuple[Tumour, ...]:
    """Draw the main tumour and, by chance or request, smaller ones apart from it."""
    drawn = int(rng.choice([1, 2, 3], p=[0.85, 0.12, 0.03]))
    count = drawn if settings.tumour_count is None else settings.tumour_count
    smallest, _ = settings.tumour_diameter_mm
    diameter = diameter_mm(latents, settings)
    tumours: list[Tumour] = []
    for _ in range(count):
        centre = _place(rng, anatomy, diameter / 2, tumours)
        if centre is not None:
            tumours.append(Tumour(_shape(rng, centre, diameter / 2, latents), _appearance(diameter, latents)))
        diameter = max(smallest, min(diameter, 40.0) * float(rng.uniform(0.35, 0.8)))
    return tuple(tumours)


def _place(rng: np.random.Generator, anatomy: Anatomy, radius: float, others: list[Tumour]) -> FloatArray | None:
    """Choose a centre where the tumour fits; the first one gets the deepest place if it fits nowhere."""
    stride = (3, 5, 5)
    level = anatomy.liver_level_mm[:: stride[0], :: stride[1], :: stride[2]]
    index = np.argwhere(level > min(radius + 2.0, 12.0))
    points = anatomy.grid.to_lps_mm(index[:, ::-1] * np.array(stride[::-1]))
    room = level[tuple(index.T)] - radius
    apart = np.full(len(points), np.inf)
    for other in others:
        gap = np.linalg.norm(points - other.shape.centre_lps_mm, axis=1) - other.shape.reach_mm - radius
        apart = np.minimum(apart, gap)
    # A tumour may touch the capsule of the liver: 15 % of its radius may be cut off.
    fits = np.flatnonzero((room > -0.15 * radius) & (apart > 8))
    if len(fits):
        return np.asarray(points[rng.choice(fits)], np.float64)
    return None if others else np.asarray(points[int(np.argmax(room))], np.float64)


def _shape(rng: np.random.Generator, centre: FloatArray, radius: float, latents: Latents) -> TumourShape:
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


def _appearance(diameter: float, latents: Latents) -> TumourAppearance:
    seen = {name: uniform(value) for name, value in latents.imaging.items()}
    large = np.clip((diameter - 25) / 50, 0, 1)
    return TumourAppearance(
        blur_mm=1.0 + 5.0 * seen["margin_blur"],
        rim_gain=1.6 * seen["arterial_rim"],
        body_gain=0.65 + 0.7 * seen["hyperenhancement"],
        peritumoural_loss=0.75 * float(np.clip(1.3 * seen["peritumoural_hypointensity"] - 0.3, 0, 1)),
        peritumoural_mm=4.0 + 8.0 * seen["peritumoural_hypointensity"],
        heterogeneity=0.04 + 0.29 * seen["heterogeneity"],
        capsule=float(np.clip(1.2 * (1 - seen["capsule_loss"]), 0, 1)),
        adc_factor=1.25 - 0.5 * seen["diffusion_restriction"],
        necrosis=float(large * 0.65 * seen["necrosis"]),
    )
