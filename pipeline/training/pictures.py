"""What an end-to-end network looks at: the six registered sequences of a case, reduced to a fixed size.

Radiomics needs the volumes as they are and keeps only numbers; networks that are compared with it need pictures,
of every case the same size, and small enough that a cohort of hundreds fits on a laptop.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from pipeline.segmentation.normalisation import normalise
from pipeline.segmentation.settings import NormalisationSettings
from pipeline.study import Role
from pipeline.training.errors import TrainingError
from pipeline.volume import LabelMap, Volume

PICTURES = ".pictures.npz"
"""End of the file's name, beside the features."""
VOLUME_KJI, BOX_KJI = (24, 64, 64), (16, 32, 32)
SLICE_JI, SLICE_BOX_JI = (96, 96), (48, 48)
WHITE = 255

UInt8Array = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class View(StrEnum):
    """Two dimensions are the axial slice with most tumour; three the volume."""

    SLICE = "slice"
    SLICE_MASKED = "slice_masked"
    SLICE_CROPPED = "slice_cropped"
    VOLUME = "volume"
    VOLUME_MASKED = "volume_masked"
    VOLUME_CROPPED = "volume_cropped"


def shape_of(view: View) -> tuple[int, ...]:
    """Return (channels, j, i) or (channels, k, j, i) of a view."""
    sizes = {View.SLICE_CROPPED: SLICE_BOX_JI, View.VOLUME: VOLUME_KJI, View.VOLUME_MASKED: VOLUME_KJI}
    return len(Role), *(BOX_KJI if view is View.VOLUME_CROPPED else sizes.get(view, SLICE_JI))


def make_pictures(
    registered: Mapping[Role, Volume], lesion_map: LabelMap, settings: NormalisationSettings
) -> dict[str, UInt8Array | Mask]:
    """Reduce one case.

    Parameters
    ----------
    registered
        The six sequences on the working grid.
    lesion_map
        On the same grid: n inside lesion n, the largest first; with at least one lesion.
    settings
        How intensities become 0 to 1, as for the segmentation.

    Returns
    -------
    dict[str, numpy.ndarray]
        ``volume`` (6, k, j, i) and ``slice`` (6, j, i), 0 to 255 by means over what a smaller voxel covers;
        ``volume_tumour`` and ``slice_tumour``, where any of that is tumour; ``volume_cropped`` and
        ``slice_cropped``, interpolated in the bounding box of the largest lesion, so that a box of any proportions
        fills its picture.
    """
    channels, _ = normalise(registered, settings)
    tumour, largest = lesion_map.array > 0, lesion_map.array == 1
    thickest = int(np.argmax(tumour.sum(axis=(1, 2))))
    # The largest lesion need not be in the slice with most tumour.
    within = _box(largest[thickest] if largest[thickest].any() else tumour[thickest])
    images, inside = torch.from_numpy(channels), torch.from_numpy(tumour.astype(np.float32))
    return {
        "volume": _grey(functional.adaptive_avg_pool3d(images, VOLUME_KJI)),
        "volume_tumour": _any(functional.adaptive_max_pool3d(inside[None], VOLUME_KJI)),
        "volume_cropped": _fill(channels[_every(_box(largest))], BOX_KJI, "trilinear"),
        "slice": _grey(functional.adaptive_avg_pool2d(images[:, thickest], SLICE_JI)),
        "slice_tumour": _any(functional.adaptive_max_pool2d(inside[None, thickest], SLICE_JI)),
        "slice_cropped": _fill(channels[:, thickest][_every(within)], SLICE_BOX_JI, "bilinear"),
    }


def write_pictures(path: Path, pictures: Mapping[str, UInt8Array | Mask]) -> None:
    """Write so that the file appears only when complete."""
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        np.savez_compressed(file, **pictures)  # type: ignore[arg-type]  # the stub takes `allow_pickle` for one
    draft.rename(path)


def read_view(path: Path, view: View) -> npt.NDArray[np.float32]:
    """Read one view of a case, 0 to 1, of `shape_of` it; ``masked``: 0 outside the tumour.

    Raises
    ------
    TrainingError
        The file is damaged, or of another version.
    """
    kind = "slice" if view in {View.SLICE, View.SLICE_MASKED} else "volume"
    try:
        # numpy leaves a file open that is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if view in {View.SLICE_CROPPED, View.VOLUME_CROPPED}:
                picture = stored[view.value]
            elif view in {View.SLICE_MASKED, View.VOLUME_MASKED}:
                picture = stored[kind] * stored[f"{kind}_tumour"]
            else:
                picture = stored[kind]
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise TrainingError(f"{path} cannot be read; remove it and extract the case again") from error
    if picture.shape != shape_of(view):
        raise TrainingError(f"{path} is of another version of the software; remove it and extract the case again")
    scaled: npt.NDArray[np.float32] = picture.astype(np.float32) / WHITE
    return scaled


def _box(mask: Mask) -> tuple[slice, ...]:
    places = np.argwhere(mask)
    return tuple(slice(int(a), int(b) + 1) for a, b in zip(places.min(axis=0), places.max(axis=0), strict=True))


def _every(box: tuple[slice, ...]) -> tuple[slice, ...]:
    return slice(None), *box


def _fill(image: npt.NDArray[np.float32], shape: tuple[int, ...], mode: str) -> UInt8Array:
    return _grey(functional.interpolate(torch.from_numpy(image)[None], shape, mode=mode, align_corners=False)[0])


def _grey(image: torch.Tensor) -> UInt8Array:
    grey: UInt8Array = (image.clamp(0, 1) * WHITE).round().numpy().astype(np.uint8)
    return grey


def _any(share: torch.Tensor) -> Mask:
    inside: Mask = share[0].numpy() > 0
    return inside
