import numpy as np
import pytest
from scipy.integrate import dblquad

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.latent import IMAGING_EFFECT, Latents
from pipeline.phantom.tumour_shape import TumourShape, draw_shape

NONE = np.zeros((0, 4))


def _ball(radius: float, nodules: FloatArray = NONE) -> TumourShape:
    return TumourShape(np.array([3.0, -2.0, 5.0]), radius, np.ones((1, 3)), np.zeros(1), np.zeros(1), nodules)


def _voxel_volume(shape: TumourShape, step: float = 0.5) -> float:
    n = int(2 * (shape.reach_mm + 1) / step)
    grid = Grid((n, n, n), np.full(3, step), shape.centre_lps_mm - (n - 1) / 2 * step, np.eye(3))
    index = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1)
    return float((shape.level(grid.to_lps_mm(index).astype(np.float32)) > 0).sum()) * step**3


def test_level_without_waves_is_the_distance_to_a_sphere() -> None:
    points = np.array([[3.0, -2.0, 5.0], [13.0, -2.0, 5.0], [3.0, 10.0, 5.0]], np.float32)
    assert _ball(10.0).level(points) == pytest.approx([10.0, 0.0, -2.0], abs=1e-4)


def test_volume_without_waves_is_that_of_a_ball() -> None:
    assert _voxel_volume(_ball(12.0)) == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.005)


def test_volume_with_a_separate_nodule_is_the_sum_of_two_balls() -> None:
    nodule = np.array([[3.0 + 20.0, -2.0, 5.0, 5.0]])
    assert _voxel_volume(_ball(12.0, nodule)) == pytest.approx(4 / 3 * np.pi * (12**3 + 5**3), rel=0.005)


def test_volume_with_waves_is_the_integral_of_the_cubed_radius_over_the_sphere() -> None:
    imaging = dict.fromkeys(IMAGING_EFFECT, 0.0) | {"irregularity": 0.8}
    drawn = draw_shape(np.random.default_rng(4), np.zeros(3), 15.0, Latents(True, imaging, {}))
    shape = TumourShape(drawn.centre_lps_mm, 15.0, drawn.wave_vectors, drawn.phases, drawn.amplitudes, NONE)

    def cone(polar: float, azimuth: float) -> float:
        direction = [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
        return float(shape.surface_mm(np.array([direction], np.float32))[0]) ** 3 / 3 * float(np.sin(polar))

    exact, _ = dblquad(cone, 0, 2 * np.pi, 0, np.pi, epsabs=1.0, epsrel=1e-3)
    assert _voxel_volume(shape) == pytest.approx(exact, rel=0.01)


def test_irregularity_latent_roughens_the_surface() -> None:
    direction = np.random.default_rng(0).standard_normal((2000, 3)).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)

    def roughness(latent: float) -> float:
        imaging = dict.fromkeys(IMAGING_EFFECT, 0.0) | {"irregularity": latent}
        shapes = [
            draw_shape(np.random.default_rng(seed), np.zeros(3), 20.0, Latents(False, imaging, {}))
            for seed in range(20)
        ]
        return float(np.mean([shape.surface_mm(direction).std() for shape in shapes]))

    assert roughness(-1.5) < roughness(0.0) < roughness(1.5)
