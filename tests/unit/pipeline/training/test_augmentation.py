import numpy as np
import pytest
import torch

from pipeline.study import FIXED_ROLE, Role
from pipeline.training import augmentation
from pipeline.training.augmentation import augment

SPACING = np.array([2.5, 2.0, 2.0])
PATCH = np.random.default_rng(0).random((6, 10, 14, 14), dtype=np.float32)


@pytest.fixture
def geometry_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "CHANGE_PROBABILITY", 0.0)
    monkeypatch.setattr(augmentation, "DROP_PROBABILITY", 0.0)


def varied(seed: int, misregistration_mm: float = 2.0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    return augment(PATCH, spacing_kji_mm=SPACING, misregistration_mm=misregistration_mm, random=random)


def test_augment_when_done_then_the_margin_is_gone_and_values_stay_between_zero_and_one() -> None:
    for seed in range(10):
        result = varied(seed)
        assert result.shape == (6, 8, 12, 12)
        assert float(result.min()) >= 0
        assert float(result.max()) <= 1


def test_augment_when_repeated_with_the_same_generator_then_it_is_the_same() -> None:
    assert torch.equal(varied(3), varied(3))
    assert not torch.equal(varied(3), varied(4))


@pytest.mark.usefixtures("geometry_only")
def test_augment_when_only_geometry_changes_then_the_fixed_sequence_stays_under_its_labels() -> None:
    result = varied(1)
    inner = torch.from_numpy(PATCH[:, 1:-1, 1:-1, 1:-1])
    for role, channel, unshifted in zip(Role, result, inner, strict=True):
        assert torch.equal(channel, unshifted) is (role is FIXED_ROLE)


@pytest.mark.usefixtures("geometry_only")
def test_augment_when_no_misregistration_is_wanted_then_nothing_moves() -> None:
    np.testing.assert_array_equal(varied(1, 0.0).numpy(), PATCH[:, 1:-1, 1:-1, 1:-1])


@pytest.mark.parametrize("shift", [(0.25, 0.0, 0.0), (0.0, -0.5, 0.0), (0.75, -0.25, 1.0)])
def test_shift_when_the_image_is_a_plane_then_it_moves_by_the_wanted_distance(
    shift: tuple[float, float, float],
) -> None:
    k, j, i = np.indices((6, 6, 6)).astype(np.float32)
    plane = torch.from_numpy(2 * k - 3 * j + 5 * i)
    moved = augmentation._shift(plane, np.array(shift))
    expected = plane[1:-1, 1:-1, 1:-1] + 2 * shift[0] - 3 * shift[1] + 5 * shift[2]
    np.testing.assert_allclose(moved.numpy(), expected.numpy(), atol=1e-5)
