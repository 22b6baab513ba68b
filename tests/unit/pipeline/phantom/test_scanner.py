import numpy as np
import pytest

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.canvas import Array
from pipeline.phantom.coil import Coil
from pipeline.phantom.echo_planar import distort, zero_fill
from pipeline.phantom.motion import rigid
from pipeline.phantom.protocol import Slab
from pipeline.phantom.scanner import acquire, sample

FINE = Grid((80, 90, 100), np.array([1.6, 1.6, 2.5]), np.array([-79.2, -71.2, -98.75]), np.eye(3))
SLAB = Slab(200.0, 100, 100, 5.0, 30, 2)


def _blob(centre: FloatArray) -> Array:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in FINE.shape], indexing="ij"), axis=-1)[..., ::-1]
    distance = np.linalg.norm(FINE.to_lps_mm(index) - centre, axis=-1)
    return np.asarray(np.exp(-(distance**2) / (2 * 8.0**2)), np.float32)


def _centroid(values: Array, grid: Grid) -> FloatArray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)[..., ::-1]
    return np.asarray(np.average(grid.to_lps_mm(index).reshape(-1, 3), axis=0, weights=values.ravel()))


@pytest.mark.parametrize("tilt_deg", [(0.0, 0.0, 0.0), (12.0, 7.0, 0.0)])
def test_sample_with_motion_moves_a_landmark_as_the_transform_says(tilt_deg: tuple[float, float, float]) -> None:
    centre = np.array([10.0, -8.0, 6.0])
    transform = rigid(np.array([3.0, -4.0, 5.0]), np.array([2.0, -3.0, 9.0]), np.array([0.0, 20.0, 0.0]))
    grid = SLAB.grid(np.array([1.0, 2.0, 3.0]), tilt_deg)
    seen = sample(_blob(centre), FINE, grid, SLAB, transform)
    expected = transform[:3, :3] @ centre + transform[:3, 3]
    assert _centroid(seen, grid) == pytest.approx(expected, abs=0.15)


def test_sample_integrates_over_the_slice() -> None:
    # A layer of 5 mm between two slices of 5 mm is seen half in each.
    layer = np.zeros(FINE.shape, np.float32)
    z = FINE.origin_lps_mm[2] + np.arange(FINE.shape[0]) * 2.5
    layer[np.abs(z) < 2.5] = 1
    grid = SLAB.grid(np.zeros(3), (0.0, 0.0, 0.0))
    column = sample(layer, FINE, grid, SLAB, np.eye(4))[:, 50, 50]
    assert column.max() == pytest.approx(0.5, abs=0.15)
    assert column.sum() * 5.0 == pytest.approx(layer[:, 0, 0].sum() * 2.5, rel=0.02)


def test_acquire_stores_whole_numbers_with_the_noise_of_sigma() -> None:
    grid = Grid((4, 64, 64), np.array([2.0, 2.0, 5.0]), np.array([-64.0, -64.0, 0.0]), np.eye(3))
    flat = Coil(0.0, (0.0, 0.0, 0.0))
    stored = acquire(
        np.ones(grid.shape, np.float32), grid, flat, gain=1000.0, sigma=0.05, rng=np.random.default_rng(2)
    )
    assert (stored.array == np.rint(stored.array)).all()
    assert stored.array.mean() == pytest.approx(1000 * np.sqrt(1 + 0.05**2), rel=0.005)
    assert stored.array.std() == pytest.approx(50.0, rel=0.05)


def test_coil_is_bound_to_space_not_to_the_grid() -> None:
    coil = Coil(0.2, (0.3, -0.2, 0.4))
    axial = Grid((5, 6, 7), np.array([10.0, 10.0, 10.0]), np.array([-30.0, -20.0, -20.0]), np.eye(3))
    turned = Grid(
        (7, 6, 5), np.array([10.0, 10.0, 10.0]), np.array([-30.0, -20.0, -20.0]), np.eye(3)[:, [2, 1, 0]]
    )
    assert coil.sensitivity(turned) == pytest.approx(coil.sensitivity(axial).transpose(2, 1, 0), abs=1e-6)


def test_zero_fill_interpolates_a_band_limited_picture_exactly() -> None:
    # cos(2 pi 3 x / L) on pixel centres of 32 and of 64 pixels over the same length L.
    def wave(n: int) -> FloatArray:
        centres = (np.arange(n) + 0.5) / n
        return np.asarray((2 + np.cos(2 * np.pi * 3 * centres))[None, None, :] * np.ones((1, n, 1)))

    assert np.abs(zero_fill(wave(32), (64, 64))) == pytest.approx(wave(64), abs=1e-4)


def test_distort_without_air_changes_nothing_and_near_air_moves_signal() -> None:
    clean = np.zeros((1, 40, 10), np.float32)
    clean[:, 20:23] = 1
    assert distort(clean, np.zeros_like(clean), 2.5) == pytest.approx(clean, abs=1e-5)
    moved = distort(clean, np.ones_like(clean), 2.5)
    assert (moved.argmax(axis=1) - clean.argmax(axis=1) == 2).all()
