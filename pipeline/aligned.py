"""Six sequences of a study on one grid."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.analysis import RegistrationOutcome
from pipeline.geometry import Grid
from pipeline.model_bundle import PipelineSettings
from pipeline.registration import FixedPoints, register
from pipeline.resampling import resample
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role, Study
from pipeline.volume import Volume


@dataclass(frozen=True, eq=False)
class Aligned:
    """Six sequences on one grid.

    Parameters
    ----------
    registered
        On the working grid.
    outcomes
        Of the five moving sequences.
    """

    registered: Mapping[Role, Volume]
    outcomes: Mapping[Role, RegistrationOutcome]


def align(study: Study, settings: PipelineSettings) -> Aligned:
    """Register five sequences to the sixth and interpolate all six once, on the working grid.

    Parameters
    ----------
    study
        As acquired.
    settings
        Of the registration, its gates and the grid.

    Raises
    ------
    StudyError
        A sequence cannot be registered.
    """
    fixed, seed = study.volumes[FIXED_ROLE], settings.seed
    points = FixedPoints(fixed, seed=seed)
    outcomes = {
        role: register(
            fixed,
            study.volumes[role],
            settings=settings.registration,
            seed=seed,
            name=role,
            points=points,
            minimum_overlap=settings.gates.minimum_overlap,
        )
        for role in MOVING_ROLES
    }
    grid = working_grid(fixed.grid, settings)
    moved = {
        role: resample(study.volumes[role], grid, outcome.transform_lps_mm, outcome.deformation)
        for role, outcome in outcomes.items()
    }
    moved[FIXED_ROLE] = resample(fixed, grid)
    return Aligned({role: moved[role] for role in Role}, outcomes)


def working_grid(native: Grid, settings: PipelineSettings) -> Grid:
    """Return the grid of network and features: upright, and as wide as the hepatobiliary series."""
    return native.canonical().with_spacing(settings.working_spacing_xyz_mm)
