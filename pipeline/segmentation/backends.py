"""Engines that run the network: OpenVINO where it is installed, PyTorch otherwise, or a GPU."""

import hashlib
import sys
import warnings
from collections.abc import Mapping
from enum import StrEnum
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from pipeline.segmentation.gpu import cuda_predictor
from pipeline.segmentation.network import ResUNet, load_weights
from pipeline.segmentation.patches import FloatVolume, Predictor
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.segmentation.shapes import CLASSES
from pipeline.study import Role


class Backend(StrEnum):
    """Inference engines; all compute in float32 and give the same mask."""

    AUTOMATIC = "automatic"
    OPENVINO = "openvino"
    TORCH = "torch"
    CUDA = "cuda"


def build_network(settings: SegmentationSettings) -> ResUNet:
    """Make the network of `settings`, with random weights."""
    return ResUNet(len(Role), CLASSES, settings.channels)


def ready_predictor(
    weights: Mapping[str, npt.NDArray[np.generic]],
    settings: SegmentationSettings,
    backend: Backend = Backend.AUTOMATIC,
) -> Predictor:
    """Return the engine of `build_predictor`, built once for the same weights.

    Building takes as long as two patches. The engines of one model are kept: a process serves one at a time.
    """
    model = (_digest(weights), settings.model_dump_json())
    key = (model, backend)
    if key not in _ready:
        for other in [kept for kept in _ready if kept[0] != model]:
            del _ready[other]
        _ready[key] = build_predictor(weights, settings, backend)
    return _ready[key]


_ready: dict[tuple[tuple[str, str], Backend], Predictor] = {}


def _digest(weights: Mapping[str, npt.NDArray[np.generic]]) -> str:
    # A bundle arrives in a worker anew with every study; what it holds says whether it is the same.
    digest = hashlib.sha256()
    for name, array in sorted(weights.items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def build_predictor(
    weights: Mapping[str, npt.NDArray[np.generic]],
    settings: SegmentationSettings,
    backend: Backend = Backend.AUTOMATIC,
) -> Predictor:
    """Prepare an engine for patches of `settings.patch_kji`.

    Parameters
    ----------
    weights
        Parameters of the network by name; any precision, computed in float32.
    settings
        Widths and patch.
    backend
        Engine; automatic takes OpenVINO where it is installed (2 to 3 times the speed of eager PyTorch).

    Raises
    ------
    DeviceError
        There is no GPU to be had, and one was asked for.
    ValueError
        The weights do not fit the network.
    """
    network = build_network(settings)
    load_weights(network, weights)
    model = nn.Sequential(network, nn.Softmax(dim=1)).eval()
    if backend is Backend.CUDA:
        return cuda_predictor(model)
    if backend is Backend.AUTOMATIC:
        backend = Backend.OPENVINO if find_spec("openvino") else Backend.TORCH
    if backend is Backend.OPENVINO:
        return _openvino_predictor(model, settings)
    return torch_predictor(model)


def torch_predictor(model: nn.Module) -> Predictor:
    """Wrap a module that gives probabilities."""

    def predict(patch: FloatVolume) -> FloatVolume:
        with torch.inference_mode():
            answer: FloatVolume = model(torch.from_numpy(patch)[None])[0].float().numpy()
        return answer

    return predict


def _openvino_predictor(model: nn.Module, settings: SegmentationSettings) -> Predictor:
    # OpenVINO reports its use to its maker over the internet, from the import on, unless this package is absent.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is "not to be found"
    import openvino as ov  # noqa: PLC0415 - heavy, and optional at run time

    example = torch.zeros((1, len(Role), *settings.patch_kji))
    with warnings.catch_warnings(), torch.no_grad():
        # torch warns about its own internals while exporting.
        warnings.simplefilter("ignore")
        converted = ov.convert_model(torch.export.export(model, (example,)))
    # Without the hint OpenVINO takes bfloat16 where the processor has it, and masks would depend on the machine.
    compiled = ov.Core().compile_model(
        converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    )

    def predict(patch: FloatVolume) -> FloatVolume:
        # A request of its own: two threads may segment at once, and a request serves one.
        answer: FloatVolume = compiled.create_infer_request().infer({0: patch[None]})[0][0].copy()
        return answer

    return predict
