"""A GPU that is not there, is busy or is full; none is needed for that."""

import logging
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from pipeline.segmentation import backends, gpu
from pipeline.segmentation.backends import Backend
from pipeline.segmentation.gpu import DeviceError, cuda_predictor
from pipeline.segmentation.network import ResUNet
from pipeline.segmentation.stage import segment
from tests.unit.pipeline.segmentation.test_segment import SETTINGS, channels_of_a_ball, random_weights

BUSY = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might be reported later"

FULL = (
    "CUDA out of memory. Tried to allocate 24.00 MiB. GPU 0 has a total capacity of 79.18 GiB of which 2.62 "
    "MiB is free. Including non-PyTorch memory, this process has 646.00 MiB memory in use. See documentation."
)
"""As torch 2.11 says it, shortened."""


@pytest.fixture(autouse=True)
def quick_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # OpenVINO takes seconds to build, and is not what is tested.
    monkeypatch.setattr(backends, "find_spec", lambda _name: None)
    monkeypatch.setattr(backends, "_ready", {})
    threads = torch.get_num_threads()
    # Patches are so small that threads wait for one another longer than they compute.
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_segment_when_there_is_no_gpu_then_the_processor_gives_the_mask_and_the_log_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channels, weights = channels_of_a_ball(), random_weights()
    asked = segment(channels, weights=weights, settings=SETTINGS, backend=Backend.CUDA)
    np.testing.assert_array_equal(asked.array, segment(channels, weights=weights, settings=SETTINGS).array)
    (warning,) = warnings_of(caplog)
    assert warning.startswith("SEG-DEVICE: the GPU cannot be used (")
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            torch.cuda.OutOfMemoryError(FULL),
            "(OutOfMemoryError: CUDA out of memory. Tried to allocate 24.00 MiB);",
        ),
        (torch.AcceleratorError(BUSY), "busy or unavailable)"),
    ],
)
def test_segment_when_the_gpu_fails_at_the_second_patch_then_the_whole_study_is_of_the_processor(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    channels, weights = channels_of_a_ball(), random_weights()
    expected = segment(channels, weights=weights, settings=SETTINGS, backend=Backend.AUTOMATIC).array
    # A processor in the place of the GPU: everything but the device is what runs there.
    monkeypatch.setattr(gpu, "CUDA", "cpu")
    forward, patches = ResUNet.forward, [0]

    def failing(network: ResUNet, image: torch.Tensor) -> torch.Tensor:
        patches[0] += 1
        if patches[0] == 2:
            raise error
        return forward(network, image)

    monkeypatch.setattr(ResUNet, "forward", failing)
    labels = segment(channels, weights=weights, settings=SETTINGS, backend=Backend.CUDA).array
    np.testing.assert_array_equal(labels, expected)
    (warning,) = warnings_of(caplog)
    assert warning.startswith("SEG-DEVICE: ")
    assert said in warning

    # The next study tries the GPU again, and has it.
    done = patches[0]
    again = segment(channels, weights=weights, settings=SETTINGS, backend=Backend.CUDA).array
    assert patches[0] > done
    assert len(warnings_of(caplog)) == 1
    np.testing.assert_array_equal(again, expected)


def test_predictor_when_a_patch_has_the_wrong_shape_then_it_is_an_error_of_the_device_and_of_the_processor() -> (
    None
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "CUDA", "cpu")
        with pytest.raises(DeviceError, match="RuntimeError"):
            cuda_predictor(torch.nn.Linear(3, 3))(np.zeros((2, 2), np.float32))
