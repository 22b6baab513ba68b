"""Smaller and turned images show the same tissue in the same place."""

from collections.abc import Callable

import numpy as np
import pytest

from dicom_io.phantom.miniature import BINNING, COARSE_BINNING, coarse
from dicom_io.phantom.poses import from_above, on_the_side, prone
from pipeline.phantom import PhantomCase
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import LabelMap, Volume


def value_at(image: Volume | LabelMap, place_lps_mm: np.ndarray) -> float:
    i, j, k = np.rint(image.grid.to_index_ijk(place_lps_mm)).astype(int)
    return float(image.array[k, j, i])


@pytest.mark.parametrize("role", Role)
def test_a_small_voxel_is_the_mean_of_those_it_covers(
    phantom_case: PhantomCase, small_case: PhantomCase, role: Role
) -> None:
    large, small = phantom_case.study.volumes[role], small_case.study.volumes[role]
    centre = small.grid.to_lps_mm([20, 30, 5])
    half = (BINNING - 1) / 2
    i, j, k = large.grid.to_index_ijk(centre)
    first_i, first_j = round(i - half), round(j - half)
    block = large.array[round(k), first_j : first_j + BINNING, first_i : first_i + BINNING]
    assert abs(k - round(k)) < 1e-3
    assert value_at(small, centre) == pytest.approx(block.mean(), abs=0.51)


def test_a_coarse_study_has_every_slice_and_the_tumour_in_its_place(phantom_case: PhantomCase) -> None:
    before, after = phantom_case.truth.label_map, coarse(phantom_case).truth.label_map
    assert after.grid.shape == (before.grid.shape[0], *(edge // COARSE_BINNING for edge in before.grid.shape[1:]))
    places = [
        labels.grid.to_lps_mm(np.argwhere(labels.array == 2).mean(axis=0)[::-1]) for labels in (before, after)
    ]
    assert np.linalg.norm(places[0] - places[1]) < after.grid.spacing_xyz_mm[0]
    volumes = [float((labels.array == 2).sum()) * labels.grid.voxel_volume_mm3 for labels in (before, after)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.1)


def test_liver_and_label_map_stay_together_in_small(small_case: PhantomCase) -> None:
    labels, late = small_case.truth.label_map, small_case.study.volumes[FIXED_ROLE]
    assert labels.grid.is_close(late.grid)
    liver = labels.array == 1
    assert liver.any(axis=(1, 2)).all()
    # In the hepatobiliary phase the liver is the brightest organ.
    assert np.median(late.array[liver]) > 2 * np.median(late.array[labels.array == 0])


def test_contrast_of_the_phases_survives_in_small(small_case: PhantomCase) -> None:
    volumes, liver = small_case.study.volumes, small_case.truth.label_map.array == 1
    medians = {role: float(np.median(volumes[role].array[liver])) for role in Role if role.value.startswith("T1")}
    # The phase before contrast has a longer repetition time (the paper's), so that only the others compare.
    assert medians[Role.T1_ARTERIAL] < medians[Role.T1_PORTAL] < medians[Role.T1_HEPATOBILIARY]
    brightest = {role: float(np.percentile(volumes[role].array, 99.9)) for role in medians}
    assert max(brightest, key=lambda role: brightest[role]) is Role.T1_ARTERIAL


@pytest.mark.parametrize("pose", [on_the_side, prone, from_above])
def test_a_pose_moves_no_tissue(small_case: PhantomCase, pose: Callable[[PhantomCase], PhantomCase]) -> None:
    posed = pose(small_case)
    rng = np.random.default_rng(1)
    for role in Role:
        before, after = small_case.study.volumes[role], posed.study.volumes[role]
        assert not after.grid.is_close(before.grid)
        assert np.linalg.det(after.grid.direction) == pytest.approx(1)
        for _ in range(20):
            place = before.grid.to_lps_mm([rng.integers(n) for n in before.grid.shape[::-1]])
            assert value_at(after, place) == value_at(before, place)
    place = small_case.truth.label_map.grid.to_lps_mm(np.argwhere(small_case.truth.label_map.array == 1)[0][::-1])
    assert value_at(posed.truth.label_map, place) == 1
