"""Where a network is trained: on a GPU where there is one, on the processor otherwise."""

from enum import StrEnum

import torch

from pipeline.training.errors import TrainingError


class Device(StrEnum):
    """What may be asked for."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def choose_device(wanted: Device) -> torch.device:
    """Return the device to train on.

    Raises
    ------
    TrainingError
        A GPU is asked for, and torch sees none.
    """
    present = torch.cuda.is_available()
    if wanted is Device.CUDA and not present:
        raise TrainingError(
            "no CUDA device is to be seen; check the driver and that torch was installed with CUDA, or leave "
            "--device out"
        )
    return torch.device("cpu" if wanted is Device.CPU or not present else "cuda")
