"""Grids: index and patient space, extent, orientation."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pipeline.geometry import Grid
from pipeline.resampling import grid_of, resample, resample_labels, to_sitk
from pipeline.volume import LabelMap, Volume

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


def _grid(angles_deg: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Grid:
    direction = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    return Grid((4, 6, 8), np.array([1.5, 2.0, 5.0]), np.array([-10.0, 20.0, 30.0]), direction)


@given(ANGLES, st.tuples(*[st.floats(-50, 50)] * 3))
def test_to_index_when_given_a_mapped_index_then_returns_it(
    angles: tuple[float, ...], index: tuple[float, ...]
) -> None:
    grid = _grid(angles)
    np.testing.assert_allclose(grid.to_index_ijk(grid.to_lps_mm(index)), index, atol=1e-9)


@given(ANGLES)
def test_with_spacing_when_extent_divides_then_covers_the_same_edges(angles: tuple[float, ...]) -> None:
    grid = _grid(angles)
    finer = grid.with_spacing((0.75, 1.0, 2.5))
    assert finer.shape == (8, 12, 16)
    np.testing.assert_allclose(finer.centre_lps_mm, grid.centre_lps_mm, atol=1e-9)
    np.testing.assert_allclose(finer.extent_mm, grid.extent_mm)


def test_affine_when_axis_aligned_then_follows_dicom_plane_equation() -> None:
    # PS3.3 C.7.6.2.1.1, with row direction x and column direction y.
    np.testing.assert_allclose(_grid().to_lps_mm((2, 3, 1)), [-10 + 3.0, 20 + 6.0, 30 + 5.0])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spacing_xyz_mm", np.array([1.0, 0.0, 1.0])),
        ("direction", np.diag([1.0, 1.0, 2.0])),
        ("direction", np.full((3, 3), np.nan)),
        ("shape", (0, 2, 2)),
        ("origin_lps_mm", np.zeros(2)),
    ],
)
def test_grid_when_a_part_is_wrong_then_raises(field: str, value: object) -> None:
    parts: dict[str, object] = {
        "shape": (2, 2, 2), "spacing_xyz_mm": np.ones(3), "origin_lps_mm": np.zeros(3), "direction": np.eye(3)
    }  # fmt: skip
    with pytest.raises(ValueError, match=field.split("_", maxsplit=1)[0]):
        Grid(**(parts | {field: value}))  # type: ignore[arg-type] # the point of the test


def test_grid_when_left_handed_then_accepted_and_survives_sitk() -> None:
    grid = Grid((3, 4, 5), np.ones(3), np.zeros(3), np.diag([1.0, 1.0, -1.0]))
    assert grid_of(to_sitk(np.zeros(grid.shape, np.float32), grid)).is_close(grid)


@example((0.0, 44.0, 2.2250738585072014e-308))
@given(ANGLES)
def test_resample_when_intensity_is_linear_then_interpolation_is_exact(angles: tuple[float, ...]) -> None:
    grid = _grid(angles)
    points = grid.to_lps_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)[..., ::-1])
    slope = np.array([0.5, -0.25, 0.125])
    volume = Volume((points @ slope).astype(np.float32), grid)
    inner = Grid((2, 3, 4), grid.spacing_xyz_mm, grid.to_lps_mm((1.5, 1.5, 1.5)), grid.direction)
    transform = np.eye(4)
    transform[:3, 3] = grid.direction @ np.array([0.3, 0.4, 1.0])
    wanted = inner.to_lps_mm(
        np.stack(np.meshgrid(*map(np.arange, inner.shape), indexing="ij"), axis=-1)[..., ::-1]
    )
    wanted = (wanted + transform[:3, 3]) @ slope
    np.testing.assert_allclose(resample(volume, inner, transform).array, wanted, atol=1e-3)


def test_resample_labels_when_grid_is_finer_then_takes_the_voxel_that_holds_the_point() -> None:
    grid = Grid((2, 2, 2), np.full(3, 2.0), np.zeros(3), np.eye(3))
    labels = LabelMap(np.arange(8).reshape(2, 2, 2).astype(np.uint8), grid)
    finer = resample_labels(labels, grid.with_spacing((1.0, 1.0, 1.0)))
    np.testing.assert_array_equal(
        finer.array, np.arange(8).reshape(2, 2, 2).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    )


def test_volume_when_given_an_array_then_it_is_copied_and_read_only() -> None:
    array = np.zeros((2, 2, 2), np.float32)
    volume = Volume(array, Grid((2, 2, 2), np.ones(3), np.zeros(3), np.eye(3)))
    array[0, 0, 0] = 1
    assert volume.array[0, 0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1


def test_volume_when_values_are_not_finite_then_raises() -> None:
    with pytest.raises(ValueError, match="finite"):
        Volume(np.full((1, 1, 1), np.nan, np.float32), Grid((1, 1, 1), np.ones(3), np.zeros(3), np.eye(3)))


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_canonical_when_axes_are_permuted_and_flipped_then_gives_the_upright_grid_back(
    axes: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    upright = _grid((4.0, -7.0, 3.0))
    size = np.array(upright.shape[::-1])
    corner = np.array([0 if sign > 0 else count - 1 for sign, count in zip(signs, size, strict=True)])
    order = list(axes)
    i, j, k = (int(count) for count in size[order])
    turned = Grid(
        (k, j, i),
        upright.spacing_xyz_mm[order],
        upright.to_lps_mm(corner),
        (upright.direction * np.array(signs))[:, order],
    )
    assert turned.canonical().is_close(upright)
    np.testing.assert_allclose(turned.canonical().direction, upright.direction, atol=1e-12)


def test_canonical_when_already_upright_then_bit_identical() -> None:
    grid = _grid((12.0, 7.0, 0.0))
    same = grid.canonical()
    assert same.shape == grid.shape
    np.testing.assert_array_equal(same.affine, grid.affine)
