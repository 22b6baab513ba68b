"""The network on a GPU, where one is to be had."""

import torch
from torch import nn

from pipeline.segmentation.patches import FloatVolume, Predictor

CUDA = "cuda"


class DeviceError(Exception):
    """A GPU is not there, is busy, or has no memory left; the processor can do the same."""


def gpu_name() -> str:
    """Return the name of the GPU that torch would use; empty where it sees none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def cuda_predictor(model: nn.Module) -> Predictor:
    """Move a module that gives probabilities to the GPU, and wrap it.

    What it returns raises `DeviceError` as well: memory may be there now and gone with the next patch.

    Raises
    ------
    DeviceError
        torch sees no GPU, or cannot use it.
    """
    try:
        moved = model.to(CUDA)
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA.
        raise _unavailable(error) from error

    def predict(patch: FloatVolume) -> FloatVolume:
        # float32 and not TF32, which the masks of another machine would differ from.
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        try:
            with torch.inference_mode(), exact:
                answer: FloatVolume = moved(torch.from_numpy(patch)[None].to(CUDA))[0].float().cpu().numpy()
        except (RuntimeError, AssertionError) as error:
            # Out of memory, busy, gone; where it is a mistake of ours, the processor meets it as well and says so.
            raise _unavailable(error) from error
        return answer

    return predict


def release() -> None:
    """Give the memory back that torch keeps for the next patch: another process may be waiting for it."""
    torch.cuda.empty_cache()


def _unavailable(error: Exception) -> DeviceError:
    # Two sentences of the first line: the rest is advice for whoever debugs CUDA, half a page of it.
    first = ". ".join((str(error) or type(error).__name__).splitlines()[0].split(". ")[:2])
    return DeviceError(f"{type(error).__name__}: {first}")
