"""What a folder of intermediate results was made with, so that nothing is reused under other settings."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.training.errors import TrainingError

RECORD = "made_with.json"


Completion = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def require_same_making(
    folder: Path, making: Mapping[str, Any], complete: Completion = lambda stored: stored
) -> None:
    """Record what `folder` is made with, or check that it was made with the same.

    Parameters
    ----------
    folder
        Made where absent.
    making
        Settings and digests, as JSON.
    complete
        Gives a record of earlier software the settings that it did not know, at the values that change nothing.

    Raises
    ------
    TrainingError
        The folder holds results of other settings, or results without a record; the message names the settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, wanted = folder / RECORD, json.loads(json.dumps(making))
    if path.is_file():
        stored = complete(json.loads(path.read_text(encoding="utf-8")))
        differing = sorted(key for key in wanted.keys() | stored.keys() if wanted.get(key) != stored.get(key))
        if differing:
            raise TrainingError(
                f"{folder} was made with another {', '.join(differing)}; restore them, or name an empty folder"
            )
        return
    if any(folder.iterdir()):
        raise TrainingError(f"{folder} does not say what it was made with; name an empty folder")
    path.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def digest(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return the SHA-256 over names, types, shapes and values, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()
