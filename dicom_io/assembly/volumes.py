"""Chosen instances to volumes: order, spacing, orientation, rescaling. The only place that decodes pixels."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dicom_io.assembly.examination import when_examined
from dicom_io.assembly.frame_pixels import DecodedFrame, OpenFiles, decode_frames
from dicom_io.assembly.match_result import MatchResult, RoleMatch
from dicom_io.assembly.refusals import ROLE_WORDS
from dicom_io.assembly.stacks import spacing_of
from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import FloatArray, Grid
from pipeline.study import FIXED_ROLE, GADOXETATE, Analyte, ClinicalValue, Role, Study
from pipeline.volume import Volume

STAGE = "assemble"

PARALLEL_TOLERANCE = 1e-3
"""Largest difference of direction cosines within one stack."""

ORTHOGONAL_TOLERANCE = 1e-3
"""Largest product of row and column direction; what is within it is rounding and is removed."""

_MOST_EMPTY = 0.25
"""Largest share of empty slices: some scanners fill up the ends of a slab."""

IN_PLANE_TOLERANCE_MM = 0.5
"""Largest sideways shift of a slice from the line through the stack."""


@dataclass(frozen=True, eq=False)
class AssembledRole:
    """A volume and the field strength that its images give, T."""

    volume: Volume
    field_strength_t: float | None


def assemble(match: MatchResult, *, clinical: Mapping[Analyte, ClinicalValue]) -> Study:
    """Decode the six sub-volumes of an accepted match.

    Parameters
    ----------
    match
        Accepted series matching; its files must still lie where they were scanned.
    clinical
        Laboratory values; handed on.

    Returns
    -------
    Study
        Slice k of each volume is instance k (or frame k) of the role.

    Raises
    ------
    UnsuitableStudyError
        The match was refused (its own code); a file is gone or changed, pixels cannot be decoded or are too many
        (``SM-PIXEL``), a slice is missing (``SM-INCOMPLETE``), the stack is no regular grid (``SM-GEOM``), or the
        compression lost information (``SM-LOSSY``).
    """
    if match.code is not None or len(match.roles) < len(Role):
        raise UnsuitableStudyError(match.code or "SM-MISSING", match.message, remedy=match.remedy, stage=STAGE)
    with warnings.catch_warnings():
        # Breaches of the standard that do not touch pixels or geometry are not this stage's business.
        warnings.simplefilter("ignore")
        files = OpenFiles()
        roles = {role: assemble_role(match.roles[role], files) for role in Role}
        examined = when_examined(match)
    return Study(
        volumes={role: found.volume for role, found in roles.items()},
        clinical=clinical,
        field_strength_t=roles[FIXED_ROLE].field_strength_t,
        examined_on=examined.on,
        began_at=examined.began,
        # Another one is refused by the matching (SM-AGENT).
        contrast_agents=(GADOXETATE,) if any(one.agent == GADOXETATE for one in match.roles.values()) else (),
    )


def assemble_role(chosen: RoleMatch, files: OpenFiles | None = None) -> AssembledRole:
    """Decode the sub-volume of one role.

    Parameters
    ----------
    chosen
        Its instances are ordered along the slice normal.
    files
        Shared by the roles of a study; None: this role is the only one.

    Raises
    ------
    UnsuitableStudyError
        See `assemble`.
    """
    frames = decode_frames(chosen, files or OpenFiles())
    grid = _grid(frames, chosen.role)
    array = np.stack([frame.values for frame in frames])
    if not np.isfinite(array).all():
        raise _unsuitable("SM-PIXEL", chosen.role, "holds values that are no numbers")
    if array.min() == array.max():
        raise _unsuitable("SM-PIXEL", chosen.role, "is empty: every pixel has the same value")
    empty = array.min(axis=(1, 2)) == array.max(axis=(1, 2))
    if empty.sum() > _MOST_EMPTY * len(array):
        raise _unsuitable("SM-PIXEL", chosen.role, f"has {empty.sum()} empty slices of {len(array)}")
    # A scanner may leave the ends of a slab empty, and never a slice between others.
    filled = np.flatnonzero(~empty)
    if between := int(empty[filled[0] : filled[-1]].sum()):
        raise _unsuitable("SM-PIXEL", chosen.role, f"has {between} empty slices between the others")
    return AssembledRole(Volume(array, grid), frames[0].field_strength_t)


def _grid(frames: list[DecodedFrame], role: Role) -> Grid:
    """Return the lattice of ordered slices (PS3.3 C.7.6.2.1.1), k along row x column.

    Columns of the direction are: along a row (i), down a column (j), from slice to slice (k).
    """
    direction = _direction(frames, role)
    positions = np.array([frame.position_lps_mm for frame in frames], dtype=np.float64)
    along = positions @ direction[:, 2]
    spacing = spacing_of([float(value) for value in along])
    if spacing.missing:
        raise _unsuitable("SM-INCOMPLETE", role, f"lacks {spacing.missing} slice(s)")
    if spacing.step_mm <= 0 or not spacing.regular:
        steps = np.diff(along)
        raise _unsuitable(
            "SM-GEOM",
            role,
            f"is not equally spaced: its slices are {steps.min():.2f} to {steps.max():.2f} mm apart, and a step "
            f"may differ from the middle one by {spacing.tolerance_mm:.2f} mm",
        )
    sideways = np.abs((positions - positions[0]) @ direction[:, :2]).max()
    if sideways > IN_PLANE_TOLERANCE_MM:
        raise _unsuitable(
            "SM-GEOM",
            role,
            f"is sheared: its slices lie up to {sideways:.2f} mm beside the first one's axis, and "
            f"{IN_PLANE_TOLERANCE_MM} mm is allowed",
        )
    rows_mm, columns_mm = frames[0].pixel_spacing_mm
    step_mm = float(along[-1] - along[0]) / (len(frames) - 1)
    rows, columns = frames[0].values.shape
    # Pixel Spacing is (between rows, between columns) = (j, i), PS3.3 10.7.1.3.
    return Grid((len(frames), rows, columns), np.array([columns_mm, rows_mm, step_mm]), positions[0], direction)


def _direction(frames: list[DecodedFrame], role: Role) -> FloatArray:
    cosines = np.array([frame.orientation for frame in frames], dtype=np.float64)
    if np.abs(cosines - cosines[0]).max() > PARALLEL_TOLERANCE:
        raise _unsuitable("SM-GEOM", role, "holds slices that are not parallel")
    if len({(frame.values.shape, frame.pixel_spacing_mm) for frame in frames}) > 1:
        raise _unsuitable("SM-GEOM", role, "holds slices of different matrix or pixel size")
    row, column = _unit(cosines[0, :3]), _unit(cosines[0, 3:])
    if abs(slant := float(row @ column)) > ORTHOGONAL_TOLERANCE:
        raise _unsuitable(
            "SM-GEOM",
            role,
            f"has row and column directions that are not at right angles: {np.degrees(np.arccos(slant)):.2f} "
            f"degrees, and {np.degrees(np.arcsin(ORTHOGONAL_TOLERANCE)):.2f} more or less than 90 are allowed",
        )
    column = _unit(column - (row @ column) * row)
    return np.column_stack([row, column, np.cross(row, column)])


def _unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _unsuitable(code: str, role: Role, what: str) -> UnsuitableStudyError:
    return UnsuitableStudyError(
        code, f"The {ROLE_WORDS[role]} {what}.", remedy="Send the series again from the scanner.", stage=STAGE
    )
