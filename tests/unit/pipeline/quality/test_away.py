import numpy as np
import pytest
from scipy import ndimage

from pipeline.geometry import Grid
from pipeline.quality.anatomy import away_from

SHAPE = (14, 26, 30)


@pytest.mark.parametrize("seed", range(6))
def test_away_when_computed_near_the_mask_alone_then_is_what_the_whole_volume_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    spacing = random.uniform(1.0, 5.0, 3)
    grid = Grid(SHAPE, spacing, np.zeros(3), np.eye(3))
    mask = np.zeros(SHAPE, bool)
    # Scattered voxels, also at the border of the volume.
    mask[tuple(random.integers(0, side, 4) for side in SHAPE)] = True
    far_mm = ndimage.distance_transform_edt(~mask, sampling=spacing[::-1].tolist())
    # A whole number of voxels, too: where the distance is met exactly, a voxel is not away.
    for distance_mm in (7.5, 15.0, 2 * float(spacing[0])):
        np.testing.assert_array_equal(away_from(mask, grid, distance_mm), far_mm > distance_mm)


def test_away_when_the_mask_is_empty_then_everything_is() -> None:
    assert away_from(np.zeros(SHAPE, bool), Grid(SHAPE, np.ones(3), np.zeros(3), np.eye(3)), 15.0).all()
