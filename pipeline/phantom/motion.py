"""Where the patient is in each sequence, relative to the hepatobiliary phase."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pipeline.geometry import FloatArray
from pipeline.phantom.settings import PhantomSettings
from pipeline.phantom.shapes import rotation_matrix
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role

IN_PLANE_SHARE = 0.3
"""Left-right and front-back displacement, relative to craniocaudal: breathing moves the liver mostly along z."""


def rigid(angles_xyz_deg: FloatArray, shift_mm: FloatArray, centre_lps_mm: FloatArray) -> FloatArray:
    """Return the 4 x 4 matrix that turns about `centre_lps_mm` and then shifts, LPS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(angles_xyz_deg)
    matrix[:3, 3] = centre_lps_mm + shift_mm - matrix[:3, :3] @ centre_lps_mm
    return matrix


def draw_motion(rng: np.random.Generator, settings: PhantomSettings) -> Mapping[Role, FloatArray]:
    """Draw one rigid transform a sequence.

    Returns
    -------
    Mapping[Role, FloatArray]
        4 x 4; maps a point of the hepatobiliary phase to the same tissue in the sequence. Read-only.
    """
    transforms = {FIXED_ROLE: np.eye(4)}
    for role in MOVING_ROLES:
        # Triangular: small displacements are more frequent than the limit.
        angles = settings.max_rotation_deg * _triangular(rng)
        shift = settings.max_shift_mm * _triangular(rng) * [IN_PLANE_SHARE, IN_PLANE_SHARE, 1.0]
        centre = np.array([0.0, 30.0, 0.0]) + rng.uniform(-15, 15, 3)
        transforms[role] = rigid(angles, shift, centre)
    for matrix in transforms.values():
        matrix.setflags(write=False)
    return MappingProxyType({role: transforms[role] for role in Role})


def _triangular(rng: np.random.Generator) -> FloatArray:
    return np.asarray(rng.triangular(-1.0, 0.0, 1.0, 3), np.float64)
