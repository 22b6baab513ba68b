"""Mirrored patches: what they are asked, and that the answers come back the right way round."""

import numpy as np
import pytest

from pipeline.segmentation.flips import with_flips
from pipeline.segmentation.patches import FloatVolume
from pipeline.segmentation.settings import Axis, SegmentationSettings

PATCH = np.random.default_rng(0).random((6, 4, 6, 8), dtype=np.float32)


@pytest.mark.parametrize(("axes", "asked"), [((), 1), (("i",), 2), (("k", "i"), 4), (("k", "j", "i"), 8)])
def test_flips_when_the_network_knows_no_side_then_its_answer_stays(axes: tuple[Axis, ...], asked: int) -> None:
    seen = []

    def double(patch: FloatVolume) -> FloatVolume:
        assert patch.flags.c_contiguous
        seen.append(patch)
        return 2 * patch[:3]

    np.testing.assert_allclose(with_flips(double, axes)(PATCH), 2 * PATCH[:3], rtol=1e-6)
    assert len(seen) == asked
    assert len({patch.tobytes() for patch in seen}) == asked


def test_flips_when_the_network_leans_to_one_side_then_the_mean_does_not() -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (3, 4, 6, 8))
    answer = with_flips(lambda _: ramp, ("i",))(PATCH)
    np.testing.assert_array_equal(answer, np.full((3, 4, 6, 8), 3.5))


def test_settings_when_an_axis_is_named_twice_then_they_are_refused() -> None:
    with pytest.raises(ValueError, match="flip_axes names an axis twice"):
        SegmentationSettings(flip_axes=("i", "i"))
