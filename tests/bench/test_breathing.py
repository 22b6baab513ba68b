"""The bent liver: what is known of it must hold."""

import numpy as np

from pipeline.geometry import Grid
from pipeline.volume import Volume
from tests.bench.breathing import REACH_MM, Breathing

CENTRE = np.array([10.0, -5.0, 20.0])


def test_breathing_when_undone_then_every_point_is_where_it_was() -> None:
    breathing = Breathing(12.0, CENTRE)
    points = np.random.default_rng(0).uniform(-120, 120, (500, 3))
    np.testing.assert_allclose(breathing.still(breathing.breathed(points)), points, atol=1e-9)
    np.testing.assert_allclose(breathing.still(CENTRE[None])[0] - CENTRE, [0, -3.6, 11.4])
    far = CENTRE + np.array([6 * REACH_MM, 0, 0])
    np.testing.assert_allclose(breathing.still(far[None])[0], far, atol=1e-6)


def test_breathing_when_seen_then_a_plane_of_tissue_lies_where_it_was_moved_to() -> None:
    grid = Grid((40, 40, 40), np.array([4.0, 4.0, 4.0]), np.array([-70.0, -80.0, -60.0]), np.eye(3))
    height = np.broadcast_to(np.arange(40, dtype=np.float32)[:, None, None], grid.shape)
    seen = Breathing(12.0, CENTRE).seen(Volume(np.ascontiguousarray(height), grid)).array
    # At the middle of the bell stands what had been 12 mm x 0.95 = 11.4 mm above it, in slices of 4 mm.
    i, j, k = grid.to_index_ijk(CENTRE).round().astype(int)
    assert abs(seen[k, j, i] - (k + 11.4 / 4)) < 0.05
