"""Registration against transforms that are known."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipeline.analysis import RegistrationOutcome
from pipeline.errors import QualityGateError
from pipeline.geometry import FloatArray, Grid
from pipeline.registration import RegistrationSettings, register
from pipeline.registration.elastix import _load
from pipeline.resampling import resample
from pipeline.volume import Volume

SETTINGS = RegistrationSettings()
FIXED = Grid((30, 72, 72), np.array([4.0, 4.0, 6.0]), np.array([-142.0, -142.0, -87.0]), np.eye(3))
TURN = np.asarray(Rotation.from_euler("xyz", [0.1, -0.06, 0.2]).as_matrix(), np.float64)
OBLIQUE = Grid((26, 80, 76), np.array([4.4, 3.9, 7.0]), np.array([-150.0, -165.0, -84.0]), TURN)
CENTRES, WIDTHS, HEIGHTS = (
    np.random.default_rng(5).uniform(low, high, size)
    for low, high, size in ((-80, 80, (60, 3)), (12, 35, 60), (0.3, 1.0, 60))
)


def tissue(points: FloatArray) -> FloatArray:
    """Give a smooth function of 60 blobs inside an ellipsoid, at LPS points, mm."""
    inside = 1 / (1 + np.exp((np.linalg.norm(points / [1.2, 1.0, 0.75], axis=-1) - 105) / 2))
    value = 0.3 * np.ones(points.shape[:-1])
    for centre, width, height in zip(CENTRES, WIDTHS, HEIGHTS, strict=True):
        value += height * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * width**2))
    return np.asarray(inside * value)


def scan(grid: Grid, fixed_to_here: FloatArray, contrast: Callable[[FloatArray], FloatArray]) -> Volume:
    k, j, i = np.indices(grid.shape)
    here = grid.to_lps_mm(np.stack([i, j, k], axis=-1))
    inverse = np.linalg.inv(fixed_to_here)
    noise = np.random.default_rng(1).normal(scale=5, size=grid.shape)
    signal = contrast(tissue(here @ inverse[:3, :3].T + inverse[:3, 3]))
    return Volume(np.abs(1000 * signal + noise).astype(np.float32), grid)


def rigid(angles_deg: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def error_mm(found: FloatArray, truth: FloatArray) -> float:
    points = np.random.default_rng(2).uniform(-70, 70, (500, 3))
    difference = (found - truth)[:3]
    return float(np.linalg.norm(points @ difference[:, :3].T + difference[:, 3], axis=1).max())


@cache
def fixed() -> Volume:
    return scan(FIXED, np.eye(4), lambda t: t)


TRUTH = rigid((2.0, -3.0, 4.0), (6.0, -4.0, 14.0))


@cache
def outcome(seed: int = 3) -> RegistrationOutcome:
    moving = scan(OBLIQUE, TRUTH, lambda t: np.where(t > 0.01, 1.2 - 0.9 * t / (0.5 + t), t))
    return register(fixed(), moving, settings=SETTINGS, seed=seed)


def test_register_of_another_contrast_on_an_oblique_grid_finds_the_transform() -> None:
    # At most a third of a voxel anywhere; voxels are 4 x 4 x 6 mm here, coarse to be quick.
    assert error_mm(outcome().transform_lps_mm, TRUTH) < 1.4
    assert outcome().metric < outcome().metric_before < 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_register_of_a_mirrored_sequence_says_that_its_mirror_image_fits_better(axis: int) -> None:
    straight = scan(FIXED, TRUTH, lambda t: 1 - t / 2)
    turned_over = Volume(np.flip(straight.array, axis), FIXED)
    good, bad = (register(fixed(), moving, settings=SETTINGS, seed=3) for moving in (straight, turned_over))
    assert good.metric_mirrored > 0.6 * good.metric
    assert bad.metric_mirrored < 1.2 * bad.metric


def test_register_of_another_patient_loses_less_by_a_further_shift_than_the_same_one() -> None:
    # The same outline, and within it nothing at the same place.
    inside_out = scan(FIXED, np.diag([-1.0, -1.0, 1.0, 1.0]), lambda t: t)
    other = register(fixed(), inside_out, settings=SETTINGS, seed=3)
    assert other.metric_displaced / other.metric > outcome().metric_displaced / outcome().metric + 0.1


def test_transform_maps_fixed_points_to_moving_points_and_not_back() -> None:
    assert error_mm(outcome().transform_lps_mm, np.asarray(np.linalg.inv(TRUTH), np.float64)) > 20
    moving = scan(OBLIQUE, TRUTH, lambda t: t)
    aligned = resample(moving, FIXED, outcome().transform_lps_mm).array
    assert np.corrcoef(aligned.ravel(), fixed().array.ravel())[0, 1] > 0.99


def test_translation_and_rotation_describe_the_transform() -> None:
    centre = FIXED.centre_lps_mm
    expected = TRUTH[:3, :3] @ centre + TRUTH[:3, 3] - centre
    np.testing.assert_allclose(outcome().translation_mm, expected, atol=0.6)
    np.testing.assert_allclose(outcome().rotation_deg, (2.0, -3.0, 4.0), atol=0.6)


def test_transform_is_rigid_and_read_only() -> None:
    matrix = outcome().transform_lps_mm
    np.testing.assert_allclose(matrix[:3, :3].T @ matrix[:3, :3], np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    assert not matrix.flags.writeable


def test_register_twice_with_one_seed_gives_the_same_bits() -> None:
    outcome.cache_clear()
    first = outcome().transform_lps_mm
    outcome.cache_clear()
    np.testing.assert_array_equal(outcome().transform_lps_mm, first)


def test_register_with_another_seed_gives_nearly_the_same() -> None:
    other = outcome(4).transform_lps_mm
    assert 0 < error_mm(other, outcome().transform_lps_mm) < 1.0


def test_register_to_itself_stays_put() -> None:
    result = register(fixed(), fixed(), settings=SETTINGS, seed=3)
    assert error_mm(result.transform_lps_mm, np.eye(4)) < 0.2
    assert result.metric <= result.metric_before


def test_register_from_far_away_uses_the_centres_of_the_grids() -> None:
    truth = rigid((1.0, 0.0, -1.0), (310.0, -5.0, 260.0))
    away = Grid(
        FIXED.shape, FIXED.spacing_xyz_mm, FIXED.origin_lps_mm + np.array([305.0, 0.0, 255.0]), FIXED.direction
    )
    result = register(fixed(), scan(away, truth, lambda t: t), settings=SETTINGS, seed=3)
    assert error_mm(result.transform_lps_mm, truth) < 1.0
    assert result.metric_before == 0


def test_register_without_overlap_is_refused() -> None:
    away = Grid(
        FIXED.shape, FIXED.spacing_xyz_mm, FIXED.origin_lps_mm + np.array([900.0, 0.0, 0.0]), FIXED.direction
    )
    settings = RegistrationSettings(initialisation="identity")
    with pytest.raises(QualityGateError, match="REG-OVERLAP: DWI and the hepatobiliary phase"):
        register(fixed(), Volume(fixed().array, away), settings=settings, seed=3, name="DWI")


def test_register_refuses_less_overlap_than_the_model_states_and_tells_what_there_is() -> None:
    half = Volume(
        fixed().array[:15], Grid((15, *FIXED.shape[1:]), FIXED.spacing_xyz_mm, FIXED.origin_lps_mm, np.eye(3))
    )
    settings = RegistrationSettings(initialisation="identity")
    assert 0.4 < register(fixed(), half, settings=settings, seed=3).overlap < 0.6
    with pytest.raises(QualityGateError, match="REG-OVERLAP"):
        register(fixed(), half, settings=settings, seed=3, minimum_overlap=0.7)


def test_register_of_an_empty_volume_is_refused_by_its_name() -> None:
    empty = Volume(np.zeros(FIXED.shape, np.float32), FIXED)
    with pytest.raises(QualityGateError, match="REG-CONSTANT: DWI has one value everywhere"):
        register(fixed(), empty, settings=SETTINGS, seed=3, name="DWI")
    with pytest.raises(QualityGateError, match="REG-CONSTANT: The hepatobiliary phase has one value"):
        register(empty, fixed(), settings=SETTINGS, seed=3, name="DWI")


def test_failure_inside_elastix_is_translated_once(capfd: pytest.CaptureFixture[str]) -> None:
    broken = RegistrationSettings(parameters={**SETTINGS.parameters, "Metric": ("NoSuchMetric",)})
    with pytest.raises(QualityGateError, match="REG-FAILED: T2 could not be aligned") as caught:
        register(fixed(), fixed(), settings=broken, seed=3, name="T2")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.stage == "register"
    assert capfd.readouterr() == ("", "")


def test_register_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    register(fixed(), fixed(), settings=SETTINGS, seed=3)
    assert capfd.readouterr() == ("", "")


def test_register_keeps_the_scanner_coordinates_where_elastix_finds_nothing_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    astray = rigid((0.0, 0.0, 8.0), (30.0, 0.0, 0.0)), (0.0, 0.0, 8.0)
    monkeypatch.setattr("pipeline.registration.alignment.euler_registration", lambda *_, **__: astray)
    result = register(fixed(), fixed(), settings=SETTINGS, seed=3)
    np.testing.assert_array_equal(result.transform_lps_mm, np.eye(4))
    assert result.metric == result.metric_before
    assert result.rotation_deg == (0.0, 0.0, 0.0)


def test_modules_of_itk_are_those_of_the_public_package() -> None:
    loaded = _load()
    assert loaded.Registration.__name__ == "itkElastixRegistrationMethodIF3IF3"
    assert loaded.ParameterObject.__name__ == "elastixParameterObject"


@pytest.mark.parametrize(
    ("key", "transform"), [("parameters", "AffineTransform"), ("deformable", "EulerTransform")]
)
def test_settings_when_the_map_has_another_transform_then_they_are_refused(key: str, transform: str) -> None:
    spoilt = {**SETTINGS.parameters, "Transform": (transform,)}
    with pytest.raises(ValueError, match=f"Transform is {transform}; this step reads"):
        RegistrationSettings.model_validate({key: spoilt})
