"""Tumours: where in the liver they lie and what the latents make of them."""

from dataclasses import dataclass

import numpy as np

from pipeline.geometry import FloatArray
from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.latent import Latents, diameter_mm, uniform
from pipeline.phantom.settings import PhantomSettings
from pipeline.phantom.tumour_shape import TumourShape, draw_shape


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
            tumours.append(Tumour(draw_shape(rng, centre, diameter / 2, latents), _appearance(diameter, latents)))
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
