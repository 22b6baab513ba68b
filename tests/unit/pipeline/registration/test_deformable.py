"""The second step, against a deformation that is known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from scipy import ndimage

from config.parameter_maps import read_parameter_map
from pipeline.analysis import RegistrationOutcome
from pipeline.deformation import Deformation
from pipeline.geometry import FloatArray, Grid
from pipeline.registration import RegistrationSettings, register
from pipeline.resampling import _b_spline, resample
from pipeline.volume import Volume
from tests.unit.pipeline.registration.test_alignment import FIXED, OBLIQUE, TRUTH, TURN, fixed, tissue

DEFORMABLE = RegistrationSettings.model_validate({"deformable": True})


def bulge(points: FloatArray) -> FloatArray:
    """Push the middle 14 mm towards the head, as a breath not held alike would."""
    near = np.exp(-(points**2).sum(axis=-1) / (2 * 55.0**2))
    return np.asarray(points + near[..., None] * [0.0, 3.0, 14.0])


@cache
def moving() -> Volume:
    k, j, i = np.indices(OBLIQUE.shape)
    there = OBLIQUE.to_lps_mm(np.stack([i, j, k], axis=-1))
    back = np.linalg.inv(TRUTH)
    target = there @ back[:3, :3].T + back[:3, 3]
    points = target.copy()
    for _ in range(30):  # The bulge contracts, so that this finds its inverse.
        points -= bulge(points) - target
    noise = np.random.default_rng(1).normal(scale=5, size=OBLIQUE.shape)
    return Volume(np.abs(1000 * tissue(points) + noise).astype(np.float32), OBLIQUE)


@cache
def outcome() -> RegistrationOutcome:
    return register(fixed(), moving(), settings=DEFORMABLE, seed=3)


def errors_mm(found: RegistrationOutcome) -> FloatArray:
    points = np.random.default_rng(2).uniform(-60, 60, (500, 3))

    def to_moving(start: FloatArray, matrix: FloatArray) -> FloatArray:
        return np.asarray(start @ matrix[:3, :3].T + matrix[:3, 3])

    ours = to_moving(found.deformation.moved(points) if found.deformation else points, found.transform_lps_mm)
    return np.asarray(np.linalg.norm(ours - to_moving(bulge(points), TRUTH), axis=1))


def test_deformable_step_follows_a_bulge_that_the_rigid_one_cannot() -> None:
    deformed = outcome()
    assert deformed.deformation is not None
    rigid = replace(deformed, deformation=None)
    assert np.median(errors_mm(deformed)) < 0.6 * np.median(errors_mm(rigid))
    assert deformed.deformation.least_expansion(FIXED) > 0.3


def test_resampling_interpolates_once_at_the_deformed_points() -> None:
    found = outcome()
    assert found.deformation is not None
    k, j, i = np.indices(FIXED.shape)
    points = found.deformation.moved(FIXED.to_lps_mm(np.stack([i, j, k], axis=-1)).reshape(-1, 3))
    there = points @ found.transform_lps_mm[:3, :3].T + found.transform_lps_mm[:3, 3]
    index = OBLIQUE.to_index_ijk(there).T[::-1]
    expected = ndimage.map_coordinates(moving().array, index, order=1, mode="constant").reshape(FIXED.shape)
    image = resample(moving(), FIXED, found.transform_lps_mm, found.deformation).array
    inner = (slice(8, 22), slice(18, 54), slice(18, 54))
    np.testing.assert_allclose(image[inner], expected[inner], rtol=1e-4)


def test_settings_take_true_for_the_map_of_the_software_and_are_off_by_default() -> None:
    assert RegistrationSettings().deformable is None
    assert DEFORMABLE.deformable == read_parameter_map("bspline")
    assert RegistrationSettings.model_validate(DEFORMABLE.model_dump(mode="json")) == DEFORMABLE


@pytest.fixture
def deformation() -> Deformation:
    grid = Grid((6, 7, 8), np.array([30.0, 32.0, 35.0]), np.array([-90.0, -100.0, -80.0]), TURN)
    return Deformation(grid, np.random.default_rng(0).normal(scale=4, size=(3, 6, 7, 8)))


def test_displacement_is_that_of_itk_inside_and_outside_the_control_points(deformation: Deformation) -> None:
    points = np.random.default_rng(1).uniform(-160, 260, (400, 3))
    transform: sitk.Transform = _b_spline(deformation)
    expected = np.array([transform.TransformPoint(point) for point in points.tolist()])
    moved = deformation.moved(points)
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    assert 0.02 < np.mean(np.any(moved != points, axis=1)) < 0.9


def test_deformation_that_turns_tissue_inside_out_has_a_negative_expansion() -> None:
    grid = Grid((8, 8, 8), np.full(3, 20.0), np.full(3, -70.0), np.eye(3))
    inner = Grid((10, 10, 10), np.full(3, 8.0), np.full(3, -36.0), np.eye(3))
    folding, resting = np.zeros((3, 8, 8, 8)), np.zeros((3, 8, 8, 8))
    folding[0, :, :, ::2] = 60.0
    assert Deformation(grid, resting).least_expansion(inner) == pytest.approx(1.0)
    assert Deformation(grid, folding).least_expansion(inner) < 0
    with pytest.raises(ValueError, match="control points"):
        Deformation(grid, np.zeros((3, 2, 2, 2)))
