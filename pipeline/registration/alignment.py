"""Alignment of one sequence to the hepatobiliary phase: rigid, and deformable after it where that is set."""

import numpy as np

from pipeline.analysis import RegistrationOutcome
from pipeline.deformation import Deformation
from pipeline.errors import QualityGateError
from pipeline.geometry import FloatArray, Grid, read_only
from pipeline.registration.elastix import b_spline_registration, euler_registration
from pipeline.registration.settings import RegistrationSettings
from pipeline.registration.similarity import MINIMUM_OVERLAP, FixedPoints, Similarity
from pipeline.volume import Volume


def register(
    fixed: Volume,
    moving: Volume,
    *,
    settings: RegistrationSettings,
    seed: int,
    name: str = "A sequence",
    points: FixedPoints | None = None,
    minimum_overlap: float = MINIMUM_OVERLAP,
) -> RegistrationOutcome:
    """Align `moving` to `fixed`, rigidly unless `settings.deformable` adds a second step.

    Parameters
    ----------
    fixed
        Hepatobiliary phase as acquired, LPS mm.
    moving
        Any other sequence of the same study as acquired; any spacing.
    settings
        Parameter map and start.
    seed
        Of the elastix sampler and of the points at which the metric is measured.
    name
        Of `moving`, for messages.
    points
        Of `fixed`, where several sequences are aligned to it; drawn here where absent.
    minimum_overlap
        Least share of the body in `fixed` that `moving` must cover at the start, as the model states it.

    Returns
    -------
    RegistrationOutcome
        The transform and what it gained. Where elastix found nothing better than the scanner coordinates, these
        are kept: no study is worse aligned than it came.

    Raises
    ------
    QualityGateError
        ``REG-CONSTANT``, ``REG-OVERLAP``, ``REG-FAILED``.
    TransientError
        ``REG-MEMORY``.

    References
    ----------
    .. [1] Klein et al., IEEE TMI 29(1), 2010. doi:10.1109/TMI.2009.2035616
    """
    similarity = Similarity(
        points or FixedPoints(fixed, seed=seed), moving, name=name, minimum_overlap=minimum_overlap
    )
    identity = np.eye(4)
    before = similarity(identity)
    start = _start(fixed.grid, moving.grid, settings, similarity)
    if similarity.overlap(start) < minimum_overlap:
        raise QualityGateError(
            "REG-OVERLAP",
            f"{name} and the hepatobiliary phase have too little in common.",
            remedy="Check that both cover the liver, and that both are of one examination.",
            stage="register",
        )
    # elastix starts at the identity; the start is made by moving the patient, not by its own initialisation.
    shifted = Volume(moving.array, _shifted(moving.grid, -start[:3, 3]))
    found, angles_deg = euler_registration(
        fixed, shifted, parameters=settings.parameters, seed=seed, threads=settings.threads, name=name
    )
    transform = start @ found
    after = similarity(transform)
    if after >= before:
        transform, angles_deg, after = identity, (0.0, 0.0, 0.0), before
    deformation = None
    if settings.deformable is not None:
        deformation = _deformation(fixed, moving, transform, settings, seed, name)
        deformed = similarity(transform, deformation)
        # Only what fits better and turns nothing inside out is kept.
        if deformed < after and deformation.least_expansion(fixed.grid) > 0:
            after = deformed
        else:
            deformation = None
    centre = fixed.grid.centre_lps_mm
    dx, dy, dz = (transform[:3, :3] @ centre + transform[:3, 3] - centre).tolist()
    return RegistrationOutcome(
        transform_lps_mm=read_only(transform),
        translation_mm=(dx, dy, dz),
        rotation_deg=angles_deg,
        metric=after,
        metric_before=before,
        metric_mirrored=similarity.mirrored(transform),
        metric_displaced=similarity.displaced(transform),
        overlap=similarity.overlap(transform),
        deformation=deformation,
    )


def _deformation(
    fixed: Volume, moving: Volume, transform: FloatArray, settings: RegistrationSettings, seed: int, name: str
) -> Deformation:
    """Deform what the rigid step left; the moving grid is placed anew and nothing is interpolated yet."""
    back, grid = np.linalg.inv(transform), moving.grid
    origin = back[:3, :3] @ grid.origin_lps_mm + back[:3, 3]
    placed = Volume(moving.array, Grid(grid.shape, grid.spacing_xyz_mm, origin, back[:3, :3] @ grid.direction))
    return b_spline_registration(
        fixed, placed, parameters=settings.deformable or {}, seed=seed, threads=settings.threads, name=name
    )


def _start(fixed: Grid, moving: Grid, settings: RegistrationSettings, similarity: Similarity) -> FloatArray:
    """Return a shift from fixed to moving points."""
    identity, geometry = np.eye(4), np.eye(4)
    geometry[:3, 3] = moving.centre_lps_mm - fixed.centre_lps_mm
    if settings.initialisation == "identity":
        return identity
    if settings.initialisation == "geometry" or similarity(geometry) < similarity(identity):
        return geometry
    return identity


def _shifted(grid: Grid, shift_mm: FloatArray) -> Grid:
    return Grid(grid.shape, grid.spacing_xyz_mm, grid.origin_lps_mm + shift_mm, grid.direction)
