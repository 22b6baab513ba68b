import numpy as np
import pytest

from pipeline.phantom import PhantomSettings
from pipeline.phantom.motion import draw_motion, rigid
from pipeline.study import FIXED_ROLE, MOVING_ROLES


def test_rigid_moves_its_centre_by_the_shift_alone() -> None:
    centre, shift = np.array([5.0, 30.0, -7.0]), np.array([1.0, -2.0, 8.0])
    matrix = rigid(np.array([4.0, 5.0, -6.0]), shift, centre)
    assert matrix[:3, :3] @ centre + matrix[:3, 3] == pytest.approx(centre + shift)
    assert matrix[:3, :3] @ matrix[:3, :3].T == pytest.approx(np.eye(3))


def test_motion_stays_within_the_limits_and_leaves_the_fixed_sequence() -> None:
    settings = PhantomSettings(max_rotation_deg=2.0, max_shift_mm=8.0)
    for seed in range(30):
        motion = draw_motion(np.random.default_rng(seed), settings)
        assert (motion[FIXED_ROLE] == np.eye(4)).all()
        for role in MOVING_ROLES:
            rotation = motion[role][:3, :3]
            angle_deg = np.degrees(np.arccos((np.trace(rotation) - 1) / 2))
            assert angle_deg <= 2.0 * np.sqrt(3) + 1e-6
            assert not motion[role].flags.writeable


def test_motion_with_limits_of_zero_is_the_identity() -> None:
    motion = draw_motion(np.random.default_rng(3), PhantomSettings(max_rotation_deg=0.0, max_shift_mm=0.0))
    for matrix in motion.values():
        assert matrix == pytest.approx(np.eye(4), abs=1e-12)
