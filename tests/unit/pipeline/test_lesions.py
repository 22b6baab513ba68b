"""Lesions, margins and sizes against balls and boxes of known measures."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial import cKDTree

from pipeline.geometry import Grid
from pipeline.lesions import LesionSettings, delineate, least_contact, measure
from pipeline.volume import LabelMap

SETTINGS = LesionSettings()
SHAPE = (40, 80, 80)
WORKING = Grid(SHAPE, np.array([2.0, 2.0, 2.5]), np.array([-80.0, -80.0, -50.0]), np.eye(3))
NATIVE = WORKING.with_spacing((1.6, 1.6, 5.0))

Bools = npt.NDArray[np.bool_]


def ball(centre_lps_mm: tuple[float, float, float], diameter_mm: float, grid: Grid = WORKING) -> Bools:
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps_mm(np.stack([i, j, k], axis=-1))
    inside: Bools = np.linalg.norm(points - np.array(centre_lps_mm), axis=-1) <= diameter_mm / 2
    return inside


def label_map(*tumours: Bools, liver: Bools | None = None) -> LabelMap:
    array = np.zeros(SHAPE, np.uint8)
    if liver is None:
        liver = ball((0, 0, 0), 95)
    array[liver] = 1
    for tumour in tumours:
        array[tumour] = 2
    return LabelMap(array, WORKING)


@pytest.mark.parametrize("diameter_mm", [10.0, 25.0, 60.0])
def test_measure_of_a_ball_gives_its_diameter_volume_and_centre(diameter_mm: float) -> None:
    fine = Grid((90, 90, 90), np.array([0.8, 0.8, 0.8]), np.array([-36.0, -30.0, -33.0]), np.eye(3))
    array = ball((1.0, 5.0, 2.0), diameter_mm, fine).astype(np.uint8)
    (lesion,) = measure(LabelMap(array, fine))
    assert lesion.longest_diameter_mm == pytest.approx(diameter_mm, abs=0.8)
    assert lesion.volume_cm3 == pytest.approx(np.pi / 6 * diameter_mm**3 / 1000, rel=0.03)
    np.testing.assert_allclose(lesion.centroid_lps_mm, (1.0, 5.0, 2.0), atol=0.1)


def test_measure_of_one_voxel_is_its_longer_side() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[3, 4, 5] = 1
    (lesion,) = measure(LabelMap(array, WORKING))
    assert lesion.longest_diameter_mm == pytest.approx(2.0)
    np.testing.assert_allclose(lesion.centroid_lps_mm, WORKING.to_lps_mm([5, 4, 3]))


def test_measure_of_a_column_is_not_longer_for_its_height() -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[2:30, 10:12, 20:23] = 1
    (lesion,) = measure(LabelMap(array, WORKING))
    assert lesion.longest_diameter_mm == pytest.approx(np.hypot(2 * 2, 3 * 2), abs=1.2)
    assert lesion.longest_diameter_mm < 7.3


def test_measure_on_a_rotated_grid_gives_the_same_size() -> None:
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    oblique = Grid(SHAPE, WORKING.spacing_xyz_mm, np.array([5.0, 1.0, -50.0]), turn)
    array = np.zeros(SHAPE, np.uint8)
    array[10:14, 10:20, 20:50] = 1
    (lesion,), (turned,) = measure(LabelMap(array, WORKING)), measure(LabelMap(array, oblique))
    assert turned.longest_diameter_mm == pytest.approx(lesion.longest_diameter_mm)
    np.testing.assert_allclose(turned.centroid_lps_mm, oblique.to_lps_mm([34.5, 14.5, 11.5]))


def test_lesions_are_numbered_by_falling_volume() -> None:
    labels = label_map(ball((-25, 0, 0), 10), ball((20, 0, 0), 30), ball((0, 30, 0), 18))
    found = delineate(labels, NATIVE, settings=SETTINGS)
    lesions = measure(found.on(NATIVE).lesion_map)
    assert [lesion.number for lesion in lesions] == [1, 2, 3]
    volumes = [lesion.volume_cm3 for lesion in lesions]
    assert volumes == sorted(volumes, reverse=True)
    np.testing.assert_allclose(lesions[0].centroid_lps_mm, (20, 0, 0), atol=1.5)


@pytest.mark.parametrize("margin_mm", [2.0, 5.0, 10.0])
def test_margin_is_every_liver_voxel_within_its_width_of_the_lesion(margin_mm: float) -> None:
    tumour, liver = ball((10, 0, 0), 30), ball((0, 0, 0), 95)
    settings = LesionSettings(margin_mm=margin_mm)
    found = delineate(label_map(tumour), NATIVE, settings=settings)
    spacing_kji = WORKING.spacing_xyz_mm[::-1]
    distance_mm, _ = cKDTree(np.argwhere(tumour) * spacing_kji).query(np.argwhere(liver) * spacing_kji)
    expected = np.zeros(SHAPE, bool)
    expected[liver] = (distance_mm > 0) & (distance_mm <= margin_mm)
    np.testing.assert_array_equal(found.margin_map.array == 1, expected)


def test_margin_at_the_capsule_stays_inside_the_liver() -> None:
    found = delineate(label_map(ball((44, 0, 0), 20)), NATIVE, settings=SETTINGS)
    liver = ball((0, 0, 0), 95) | ball((44, 0, 0), 20)
    assert found.margin_map.array.any()
    assert not found.margin_map.array[~liver].any()
    np.testing.assert_array_equal(found.liver_map.array.astype(bool), liver)


def test_margin_between_two_lesions_belongs_to_the_nearer_and_covers_neither() -> None:
    left, right = ball((-12, 0, 0), 18), ball((12, 0, 0), 20)
    found = delineate(label_map(left, right), NATIVE, settings=LesionSettings(margin_mm=8))
    k, j, i = np.indices(SHAPE)
    x_mm = WORKING.to_lps_mm(np.stack([i, j, k], axis=-1))[..., 0]
    # The surfaces, at -3 and 2 mm, are equally far from -0.5 mm; a voxel is 2 mm wide.
    assert -2.5 < x_mm[found.margin_map.array == 1].min() < 2
    assert -3 < x_mm[found.margin_map.array == 2].max() < 1.5
    assert not found.margin_map.array[left | right].any()


def test_margin_without_a_liver_label_is_not_bounded() -> None:
    labels = label_map(ball((0, 0, 0), 30), liver=np.zeros(SHAPE, bool))
    found = delineate(labels, NATIVE, settings=SETTINGS)
    inside = delineate(label_map(ball((0, 0, 0), 30)), NATIVE, settings=SETTINGS)
    np.testing.assert_array_equal(found.margin_map.array, inside.margin_map.array)


def test_tumour_outside_the_liver_or_too_small_is_dropped() -> None:
    crumb = np.zeros(SHAPE, bool)
    crumb[20, 30:32, 30:32] = True
    labels = label_map(ball((0, 0, 0), 20), ball((72, 72, 40), 10), crumb)
    found = delineate(labels, NATIVE, settings=SETTINGS)
    assert found.lesion_map.array.max() == 1
    assert found.liver_map.array[crumb].all()
    assert not found.liver_map.array[ball((72, 72, 40), 10)].any()


def test_lesion_free_liver_gives_empty_maps() -> None:
    found = delineate(label_map(), NATIVE, settings=SETTINGS)
    assert not found.lesion_map.array.any()
    assert not found.margin_map.array.any()
    assert measure(found.on(NATIVE).lesion_map) == ()


def test_nothing_segmented_gives_empty_maps() -> None:
    found = delineate(label_map(liver=np.zeros(SHAPE, bool)), NATIVE, settings=SETTINGS)
    assert not found.liver_map.array.any()
    assert not found.lesion_map.array.any()


def test_lesion_between_the_slices_of_the_native_grid_is_dropped() -> None:
    sheet = np.zeros(SHAPE, bool)
    sheet[24, 30:50, 30:50] = True  # One working slice, 2.5 mm.
    coarse = WORKING.with_spacing((1.6, 1.6, 20.0))
    found = delineate(label_map(sheet), coarse, settings=SETTINGS)
    assert not found.on(coarse).lesion_map.array.any()
    assert not found.lesion_map.array.any()


def test_maps_on_the_native_grid_are_disjoint_and_numbered_alike() -> None:
    found = delineate(label_map(ball((0, 0, 0), 20), ball((25, 10, 0), 14)), NATIVE, settings=SETTINGS).on(NATIVE)
    assert not (found.lesion_map.array.astype(bool) & found.margin_map.array.astype(bool)).any()
    assert set(np.unique(found.lesion_map.array)) == set(np.unique(found.margin_map.array)) == {0, 1, 2}


def test_component_that_only_touches_the_liver_is_set_aside_with_its_volume() -> None:
    beside = ball((0, 0, 45), 14) & ~ball((0, 0, 0), 85)
    found = delineate(label_map(ball((0, 0, 0), 20), beside, liver=ball((0, 0, 0), 85)), NATIVE, settings=SETTINGS)
    assert np.unique(found.lesion_map.array).tolist() == [0, 1]
    assert not (found.liver_map.array.astype(bool) & beside).any()
    assert found.set_aside_cm3 == pytest.approx((beside.sum() * 10 / 1000,))
    assert found.on(NATIVE).set_aside_cm3 == found.set_aside_cm3


def test_component_apart_from_the_liver_is_left_out_with_its_volume() -> None:
    liver = ball((-20, 0, 0), 70)
    far, near, speck = ball((55, 0, 0), 20), ball((55, 40, 0), 14), ball((60, -50, 0), 5)
    labels = label_map(ball((-20, 0, 0), 20), far, near, speck, liver=liver)
    found = delineate(labels, NATIVE, settings=SETTINGS)
    assert np.unique(found.lesion_map.array).tolist() == [0, 1]
    assert found.set_aside_cm3 == ()
    assert found.detached_cm3 == pytest.approx((far.sum() * 10 / 1000, near.sum() * 10 / 1000))
    assert found.on(NATIVE).detached_cm3 == found.detached_cm3
    whole = delineate(label_map(ball((0, 0, 0), 20)), NATIVE, settings=SETTINGS)
    assert whole.detached_cm3 == ()


def test_component_half_out_of_the_liver_is_kept() -> None:
    bulging = ball((0, 0, 34), 28)
    found = delineate(label_map(bulging, liver=ball((0, 0, 0), 85) | bulging), NATIVE, settings=SETTINGS)
    assert found.set_aside_cm3 == ()
    assert found.lesion_map.array.any()


def test_large_tumour_that_reaches_the_surface_all_around_is_kept() -> None:
    liver = ball((0, 0, 0), 85)
    large = ball((0, 0, 0), 80)
    found = delineate(
        label_map(large, liver=liver & (np.indices(SHAPE)[0] < 12) | large), NATIVE, settings=SETTINGS
    )
    assert found.lesion_map.array.any()
    assert found.set_aside_cm3 == ()


def test_component_that_only_touches_the_liver_is_kept_where_it_is_the_only_one() -> None:
    beside = ball((0, 0, 45), 14) & ~ball((0, 0, 0), 85)
    found = delineate(label_map(beside, liver=ball((0, 0, 0), 85)), NATIVE, settings=SETTINGS)
    assert found.lesion_map.array.any()
    assert found.set_aside_cm3 == ()


def test_contact_when_a_tumour_lies_in_the_liver_then_is_whole_and_beside_it_small() -> None:
    inside = delineate(label_map(ball((0, 0, 0), 20), liver=ball((0, 0, 0), 85)), NATIVE, settings=SETTINGS)
    assert least_contact(inside) == 1.0
    beside = ball((0, 0, 45), 14) & ~ball((0, 0, 0), 85)
    alone = delineate(label_map(beside, liver=ball((0, 0, 0), 85)), NATIVE, settings=SETTINGS)
    assert least_contact(alone) < SETTINGS.minimum_liver_contact
    none = delineate(label_map(np.zeros(SHAPE, bool), liver=ball((0, 0, 0), 85)), NATIVE, settings=SETTINGS)
    assert least_contact(none) == 1.0
