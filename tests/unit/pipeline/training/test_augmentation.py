from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import ValidationError

from pipeline.study import FIXED_ROLE, Role
from pipeline.training import augmentation
from pipeline.training.augmentation import augment
from pipeline.training.settings import AugmentationSettings

SPACING = np.array([2.5, 2.0, 2.0])
PATCH = np.random.default_rng(0).random((6, 10, 14, 14), dtype=np.float32)


USUAL = AugmentationSettings()
NONE = AugmentationSettings(change_probability=0, drop_probability=0)


def varied(seed: int, misregistration_mm: float = 2.0, settings: AugmentationSettings = USUAL) -> torch.Tensor:
    random = np.random.default_rng(seed)
    return augment(
        PATCH, spacing_kji_mm=SPACING, misregistration_mm=misregistration_mm, settings=settings, random=random
    )


def test_augment_when_done_then_the_margin_is_gone_and_values_stay_between_zero_and_one() -> None:
    for seed in range(10):
        result = varied(seed)
        assert result.shape == (6, 8, 12, 12)
        assert float(result.min()) >= 0
        assert float(result.max()) <= 1


def test_augment_when_repeated_with_the_same_generator_then_it_is_the_same() -> None:
    assert torch.equal(varied(3), varied(3))
    assert not torch.equal(varied(3), varied(4))


def test_augment_when_only_geometry_changes_then_the_fixed_sequence_stays_under_its_labels() -> None:
    result = varied(1, settings=NONE)
    inner = torch.from_numpy(PATCH[:, 1:-1, 1:-1, 1:-1])
    for role, channel, unshifted in zip(Role, result, inner, strict=True):
        assert torch.equal(channel, unshifted) is (role is FIXED_ROLE)


def test_augment_when_no_misregistration_is_wanted_then_nothing_moves() -> None:
    np.testing.assert_array_equal(varied(1, 0.0, NONE).numpy(), PATCH[:, 1:-1, 1:-1, 1:-1])


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ({"gamma": (2, 2)}, lambda patch: patch**2),
        ({"scale": (0.5, 0.5), "offset": (0.1, 0.1)}, lambda patch: 0.5 * patch + 0.1),
    ],
)
def test_augment_when_one_change_alone_is_certain_then_it_is_that_one(
    only: dict[str, object], expected: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
) -> None:
    still = {"gamma": (1, 1), "scale": (1, 1), "offset": (0, 0), "bias": 0, "noise": 0, "drop_probability": 0}
    settings = AugmentationSettings.model_validate({**still, "change_probability": 1, **only})
    result = varied(1, 0.0, settings).numpy()
    np.testing.assert_allclose(result, expected(PATCH[:, 1:-1, 1:-1, 1:-1]), atol=1e-6)


def test_augment_when_the_field_of_the_coils_is_strong_then_it_is_smooth_and_within_its_amplitude() -> None:
    still = {"gamma": (1, 1), "scale": (1, 1), "offset": (0, 0), "noise": 0, "drop_probability": 0}
    settings = AugmentationSettings.model_validate({**still, "change_probability": 1, "bias": 0.5})
    shown = varied(1, 0.0, settings).numpy()
    inner = PATCH[:, 1:-1, 1:-1, 1:-1]
    ratio = np.where((inner > 0.1) & (shown < 1), shown / inner, np.nan)
    assert 0.5 - 1e-5 <= np.nanmin(ratio) < 0.9
    assert 1.1 < np.nanmax(ratio) <= 1.5 + 1e-5
    assert np.nanmax(np.abs(np.diff(ratio, axis=3))) < 0.3


def test_augment_when_every_sequence_is_dropped_then_the_fixed_one_stays() -> None:
    dropped = AugmentationSettings(change_probability=0, drop_probability=1)
    result, inner = varied(1, 0.0, dropped).numpy(), PATCH[:, 1:-1, 1:-1, 1:-1]
    kept = [bool(np.array_equal(channel, before)) for channel, before in zip(result, inner, strict=True)]
    assert kept == [role is FIXED_ROLE for role in Role]
    assert result[:-1].max() <= 0.3


def test_augmentation_settings_when_a_range_falls_then_they_are_refused() -> None:
    with pytest.raises(ValidationError, match="gamma must be the smallest, then the largest"):
        AugmentationSettings(gamma=(1.3, 0.7))


@pytest.mark.parametrize("shift", [(0.25, 0.0, 0.0), (0.0, -0.5, 0.0), (0.75, -0.25, 1.0)])
def test_shift_when_the_image_is_a_plane_then_it_moves_by_the_wanted_distance(
    shift: tuple[float, float, float],
) -> None:
    k, j, i = np.indices((6, 6, 6)).astype(np.float32)
    plane = torch.from_numpy(2 * k - 3 * j + 5 * i)
    moved = augmentation._shift(plane, np.array(shift))
    expected = plane[1:-1, 1:-1, 1:-1] + 2 * shift[0] - 3 * shift[1] + 5 * shift[2]
    np.testing.assert_allclose(moved.numpy(), expected.numpy(), atol=1e-5)
