import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.segmentation.patches import FloatVolume, gaussian_weights, slide, starts, windows

PATCH = (4, 6, 6)
STRIDE = (2, 5, 5)


def first_two(patch: FloatVolume) -> FloatVolume:
    return patch[:2]


@given(st.integers(4, 60), st.integers(1, 4))
def test_starts_when_any_side_then_every_voxel_is_covered_and_nothing_beyond(side: int, stride: int) -> None:
    covered = np.zeros(side, dtype=int)
    for start in starts(side, 4, stride):
        assert 0 <= start <= side - 4
        covered[start : start + 4] += 1
    assert covered.min() >= 1


@settings(deadline=None, max_examples=30)
@given(st.tuples(st.integers(1, 11), st.integers(1, 17), st.integers(1, 17)), st.integers(0, 99))
def test_slide_when_the_prediction_is_the_patch_itself_then_the_volume_comes_back(
    shape: tuple[int, int, int], seed: int
) -> None:
    channels = np.random.default_rng(seed).random((3, *shape), dtype=np.float32)
    result = slide(channels, first_two, patch_kji=PATCH, stride_kji=STRIDE, wanted=np.ones(shape, bool))
    np.testing.assert_allclose(result, channels[:2], rtol=2e-6)


@pytest.mark.parametrize("uniform", [False, True])
def test_slide_when_patches_differ_then_the_blend_is_the_weighted_mean(uniform: bool) -> None:
    answers = iter([1.0, 3.0])

    def constant(patch: FloatVolume) -> FloatVolume:
        return np.full((1, *patch.shape[1:]), next(answers), dtype=np.float32)

    wanted = np.ones((6, 6, 6), bool)
    zeros = np.zeros((1, 6, 6, 6), np.float32)
    result = slide(zeros, constant, patch_kji=PATCH, stride_kji=STRIDE, wanted=wanted, uniform=uniform)
    weights = np.ones(PATCH[0]) if uniform else gaussian_weights(PATCH)[:, 0, 0]
    assert result[0, 0, 0, 0] == 1.0
    assert result[0, 5, 0, 0] == 3.0
    assert result[0, 2, 0, 0] == pytest.approx((weights[2] * 1 + weights[0] * 3) / (weights[2] + weights[0]))


def test_slide_when_patches_hold_no_wanted_voxel_then_they_are_skipped_and_the_wanted_ones_do_not_change() -> None:
    channels = np.random.default_rng(0).random((2, 12, 18, 18), dtype=np.float32)
    wanted = np.zeros((12, 18, 18), bool)
    wanted[:3, :4, :4] = True
    calls: list[int] = []

    def context_dependent(patch: FloatVolume) -> FloatVolume:
        calls.append(1)
        centred: FloatVolume = patch - patch.mean()
        return centred

    partial = slide(channels, context_dependent, patch_kji=PATCH, stride_kji=STRIDE, wanted=wanted)
    evaluated = len(calls)
    whole = slide(
        channels, context_dependent, patch_kji=PATCH, stride_kji=STRIDE, wanted=np.ones(wanted.shape, bool)
    )
    assert evaluated < len(calls) - evaluated
    np.testing.assert_array_equal(partial[:, wanted], whole[:, wanted])


def test_slide_when_nothing_is_wanted_then_it_says_so() -> None:
    with pytest.raises(ValueError, match="no voxel"):
        slide(
            np.zeros((1, 4, 6, 6), np.float32),
            first_two,
            patch_kji=PATCH,
            stride_kji=STRIDE,
            wanted=np.zeros((4, 6, 6), bool),
        )


def test_windows_when_the_paper_patch_covers_the_working_grid_then_there_are_eight() -> None:
    assert len(list(windows((88, 200, 200), (64, 128, 128), (32, 100, 100)))) == 8
