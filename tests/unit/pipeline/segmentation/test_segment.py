import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from pipeline.geometry import Grid
from pipeline.segmentation import backends
from pipeline.segmentation.backends import Backend, build_network, build_predictor
from pipeline.segmentation.network import weights_of
from pipeline.segmentation.normalisation import body_mask, normalise, rescale
from pipeline.segmentation.patches import Predictor
from pipeline.segmentation.search import keep_organ
from pipeline.segmentation.settings import NormalisationSettings, SegmentationSettings
from pipeline.segmentation.stage import segment
from pipeline.study import Role
from pipeline.volume import Volume

SHAPE = (20, 40, 40)
GRID = Grid(SHAPE, np.array([2.0, 2.0, 2.5]), np.zeros(3), np.eye(3))
SETTINGS = SegmentationSettings(channels=(4, 8, 16), patch_kji=(16, 32, 32), stride_kji=(8, 24, 24))
NORMALISATION = NormalisationSettings()


def channels_of_a_ball(scale: float = 1.0) -> dict[Role, Volume]:
    random = np.random.default_rng(5)
    k, j, i = np.indices(SHAPE)
    ball = (k - 10) ** 2 * 2 + (j - 20) ** 2 + (i - 20) ** 2 < 17**2
    textures = {role: ball * (50 + 30 * np.sin(0.3 * (i + 7 * n))) for n, role in enumerate(Role)}
    return {role: Volume(scale * (image + random.random(SHAPE)), GRID) for role, image in textures.items()}


def random_weights() -> Mapping[str, npt.NDArray[np.float32]]:
    torch.manual_seed(11)
    return weights_of(build_network(SETTINGS))


def test_segment_when_run_by_openvino_and_by_torch_then_the_masks_are_the_same() -> None:
    channels, weights = channels_of_a_ball(), random_weights()
    by_torch = segment(channels, weights=weights, settings=SETTINGS, backend=Backend.TORCH).array
    by_openvino = segment(channels, weights=weights, settings=SETTINGS, backend=Backend.OPENVINO).array
    for label in np.unique(by_torch):
        first, second = by_torch == label, by_openvino == label
        assert 2 * (first & second).sum() / (first.sum() + second.sum()) >= 0.999
    assert len(np.unique(by_torch)) > 1


def test_segment_when_the_weights_come_again_then_the_engine_is_built_once_and_others_get_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = []

    def counting(*arguments: Any) -> Predictor:
        built.append(arguments)
        return build_predictor(*arguments)

    monkeypatch.setattr(backends, "build_predictor", counting)
    # The engines of another test are of the same weights.
    monkeypatch.setattr(backends, "_ready", {})
    channels, weights = channels_of_a_ball(), random_weights()

    def labels(of: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.uint8]:
        return segment(channels, weights=of, settings=SETTINGS, backend=Backend.TORCH).array

    first = labels(weights)
    # A copy, as it arrives in a worker with the next study.
    again = labels({name: array.copy() for name, array in weights.items()})
    assert len(built) == 1
    np.testing.assert_array_equal(first, again)
    other = labels({name: -array for name, array in weights.items()})
    assert len(built) == 2
    assert (other != first).any()


def test_segment_when_the_unit_of_the_intensities_changes_then_the_labels_do_not() -> None:
    weights = random_weights()
    first = segment(channels_of_a_ball(), weights=weights, settings=SETTINGS, backend=Backend.TORCH)
    second = segment(channels_of_a_ball(8.0), weights=weights, settings=SETTINGS, backend=Backend.TORCH)
    np.testing.assert_array_equal(first.array, second.array)


def test_segment_when_done_then_the_air_is_background() -> None:
    labels = segment(channels_of_a_ball(), weights=random_weights(), settings=SETTINGS, backend=Backend.TORCH)
    assert labels.grid.is_close(GRID)
    assert not labels.array[:, :2, :2].any()


def test_normalise_when_a_sequence_is_missing_then_it_is_named() -> None:
    channels = channels_of_a_ball()
    del channels[Role.DWI]
    with pytest.raises(ValueError, match="without DWI"):
        normalise(channels, NORMALISATION)


def test_normalise_when_a_grid_differs_then_the_sequence_is_named() -> None:
    channels = channels_of_a_ball()
    shifted = Grid(SHAPE, GRID.spacing_xyz_mm, np.array([5.0, 0, 0]), np.eye(3))
    channels[Role.T2] = Volume(channels[Role.T2].array, shifted)
    with pytest.raises(ValueError, match="T2 is not on the grid"):
        normalise(channels, NORMALISATION)


def test_rescale_when_percentiles_are_known_then_they_become_zero_and_one() -> None:
    ramp = np.linspace(0, 200, 201, dtype=np.float32).reshape(1, 1, 201)
    scaled = rescale(ramp, np.ones(ramp.shape, bool), NORMALISATION)
    assert scaled[0, 0, 2] == 0.0
    assert scaled[0, 0, 199] == 1.0
    assert scaled[0, 0, 100] == pytest.approx((100 - 2) / (199 - 2), abs=1e-6)


def test_rescale_when_the_image_is_constant_then_it_is_zero() -> None:
    constant = np.full((2, 2, 2), 7, np.float32)
    assert not rescale(constant, np.ones(constant.shape, bool), NORMALISATION).any()


def test_body_when_a_dark_hole_lies_inside_then_it_belongs_to_the_body_and_an_island_does_not() -> None:
    image = np.zeros((6, 40, 60), np.float32)
    image[:, 5:35, 5:35] = 100
    image[:, 15:22, 15:22] = 0
    image[:, 18:22, 50:54] = 100
    body = body_mask(image, NORMALISATION)
    assert body[3, 18, 18]
    assert not body[3, 20, 52]
    assert not body[3, 2, 45]


def test_keep_organ_when_an_island_lies_apart_then_it_goes_and_the_tumour_at_the_rim_stays() -> None:
    labels = np.zeros((4, 10, 10), np.uint8)
    labels[:, 1:5, 1:5] = 1
    labels[:, 5, 1:5] = 2
    labels[0, 8:, 8:] = 2
    kept = keep_organ(labels)
    assert (kept[:, 5, 1:5] == 2).all()
    assert not kept[0, 8:, 8:].any()
    np.testing.assert_array_equal(keep_organ(np.zeros((2, 2, 2), np.uint8)), 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"patch_kji": (10, 32, 32)}, "multiples of 8"), ({"stride_kji": (65, 100, 100)}, "must not exceed")],
)
def test_settings_when_they_contradict_each_other_then_they_are_refused(
    change: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        SegmentationSettings(**change)


def test_openvino_when_a_model_is_converted_then_nothing_is_reported_over_the_network() -> None:
    # In a process of its own: what another test imported would stay.
    program = (
        "import numpy as np; from pipeline.segmentation.backends import *;"
        "from pipeline.segmentation.network import weights_of;"
        "s = SegmentationSettings(channels=(4, 8), patch_kji=(8, 16, 16), stride_kji=(8, 16, 16));"
        "predict = build_predictor(weights_of(build_network(s)), s, Backend.OPENVINO);"
        "predict(np.zeros((6, 8, 16, 16), np.float32));"
        "from openvino.tools.ovc import telemetry_utils;"
        "assert telemetry_utils.tm.__name__.endswith('telemetry_stub'), telemetry_utils.tm"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
