"""One phantom study: six volumes as acquired, and the truth about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.anatomy import make_anatomy
from pipeline.phantom.canvas import SPACING_XYZ_MM
from pipeline.phantom.coil import draw_coil
from pipeline.phantom.examination import Examination, acquire_distractors, acquire_roles
from pipeline.phantom.latent import Latents, clinical_values, draw_latents
from pipeline.phantom.motion import draw_motion
from pipeline.phantom.noise import periodic_field
from pipeline.phantom.physiology import draw_physiology
from pipeline.phantom.protocol import place_slabs, slabs
from pipeline.phantom.settings import PhantomSettings
from pipeline.phantom.truth import TumourTruth, label_map, measure_tumours
from pipeline.phantom.tumour_fields import tumour_fields
from pipeline.phantom.tumours import draw_tumours
from pipeline.study import FIXED_ROLE, GADOXETATE, Role, Study
from pipeline.volume import LabelMap, Volume

STREAMS = ("latents", "anatomy", "tumours", "motion", "physiology", "noise", "texture")
"""Independent random streams of a seed: a change in one part leaves the others as they were."""


@dataclass(frozen=True, eq=False)
class PhantomTruth:
    """What no scanner tells.

    Parameters
    ----------
    seed
        Of the case.
    mvi
        Microvascular invasion.
    label_map
        0 elsewhere, 1 liver, 2 tumour, at the voxel centres of the original hepatobiliary series.
    transforms_lps_mm
        By role, 4 x 4; maps a point of the hepatobiliary phase to the same tissue in the sequence.
    tumours
        By falling volume.
    imaging_log_odds, clinical_log_odds
        Log-likelihood ratios of invasion that were planted in the images and in the laboratory values; their
        sum ranks cases as well as anything can.
    """

    seed: int
    mvi: bool
    label_map: LabelMap
    transforms_lps_mm: Mapping[Role, FloatArray]
    tumours: tuple[TumourTruth, ...]
    imaging_log_odds: float
    clinical_log_odds: float


@dataclass(frozen=True, eq=False)
class PhantomCase:
    """A study and its truth.

    Parameters
    ----------
    study
        Six volumes as acquired, motion included, whole numbers as stored; laboratory values.
    distractors
        Volumes that fill no role: ``DWI_B0``, ``ADC`` (1e-6 mm2/s), ``T1_SUBTRACTION`` (arterial less pre),
        ``T1_CORONAL`` (hepatobiliary), ``LOCALIZER_AXIAL``, ``LOCALIZER_CORONAL``, ``LOCALIZER_SAGITTAL``,
        ``T1_TRANSITIONAL`` (3 min); empty where the settings say so.
    truth
        See `PhantomTruth`.
    """

    study: Study
    distractors: Mapping[str, Volume]
    truth: PhantomTruth


def make_case(seed: int, *, settings: PhantomSettings = PhantomSettings()) -> PhantomCase:  # noqa: B008 - frozen
    """Draw, place and scan one patient.

    Parameters
    ----------
    seed
        Not negative; the same seed and settings give the same case to the last bit.
    settings
        See `PhantomSettings`.

    Raises
    ------
    ValueError
        The seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    rng = _streams(seed)
    latents = draw_latents(rng["latents"], settings)
    slab_of = slabs(thin_slices=settings.thin_slices)
    grids = place_slabs(rng["motion"], slab_of, settings.oblique_deg)
    transforms = draw_motion(rng["motion"], settings)
    anatomy = make_anatomy(rng["anatomy"], half_height_mm=_half_height_mm(grids, settings))
    tumours = draw_tumours(rng["tumours"], anatomy, latents, settings)
    noise = periodic_field(rng["texture"], SPACING_XYZ_MM, 3.0)
    fields = tuple((tumour, tumour_fields(anatomy, tumour, rng["texture"], noise)) for tumour in tumours)
    physiology = draw_physiology(rng["physiology"], settings.field_strength_t)
    coil = draw_coil(rng["physiology"])
    examination = Examination(anatomy, fields, physiology, coil, slab_of, grids, transforms)
    volumes = acquire_roles(examination, rng["noise"])
    distractors = acquire_distractors(examination, volumes, rng["noise"]) if settings.with_distractors else {}
    study = Study(volumes, clinical_values(latents), settings.field_strength_t, contrast_agents=(GADOXETATE,))
    labels = label_map(grids[FIXED_ROLE], anatomy, tumours)
    truth = PhantomTruth(
        seed,
        latents.mvi,
        labels,
        transforms,
        measure_tumours(anatomy, tumours),
        latents.imaging_log_odds,
        latents.clinical_log_odds,
    )
    return PhantomCase(study, MappingProxyType(distractors), truth)


def latents_of_seed(seed: int, mvi_prevalence: float) -> Latents:
    """Return what `make_case` plants for a seed, without making any image.

    Parameters
    ----------
    seed
        Of the case.
    mvi_prevalence
        As in its settings.
    """
    return draw_latents(_streams(seed)["latents"], PhantomSettings(mvi_prevalence=mvi_prevalence))


def _streams(seed: int) -> dict[str, np.random.Generator]:
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    return {name: np.random.default_rng(child) for name, child in zip(STREAMS, children, strict=True)}


def _half_height_mm(grids: Mapping[Role, Grid], settings: PhantomSettings) -> float:
    """Return how far the anatomy must reach so that no slice of a moved or tilted slab leaves it."""
    body = np.array([[x, y, z] for x in (-170.0, 170.0) for y in (-120.0, 120.0) for z in (0.0,)])
    motion = settings.max_shift_mm + 200 * np.sin(np.deg2rad(settings.max_rotation_deg))
    reach = 0.0
    for grid in grids.values():
        normal = grid.direction[:, 2]
        tilted = np.abs((body - grid.centre_lps_mm) @ normal - body[:, 2]).max()
        reach = max(reach, grid.extent_mm[2] / 2 + tilted + abs(float(grid.centre_lps_mm[2])))
    return float(reach + motion)
