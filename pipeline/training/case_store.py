"""Training cases on disk, read patch by patch through memory maps."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.geometry import FloatArray

LIVER = 1
TUMOUR = 2
POINTS = 4000
"""Voxels of each label remembered as centres of patches."""


@dataclass(frozen=True, eq=False)
class TrainingCase:
    """One case of a store; the arrays are memory maps.

    Parameters
    ----------
    name
        Folder of the case.
    channels
        (6, k, j, i) float16, normalised to 0 to 1.
    labels
        (k, j, i) uint8: 0, 1 liver, 2 tumour.
    body
        (k, j, i) bool.
    spacing_kji_mm
        Of the working grid, mm.
    liver_points, tumour_points
        (n, 3) voxel indices (k, j, i); empty where the label does not occur.
    """

    name: str
    channels: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]
    body: npt.NDArray[np.bool_]
    spacing_kji_mm: FloatArray
    liver_points: npt.NDArray[np.int32]
    tumour_points: npt.NDArray[np.int32]


def write_case(
    folder: Path,
    channels: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint8],
    body: npt.NDArray[np.bool_],
    spacing_kji_mm: npt.ArrayLike,
    image: str = "",
) -> None:
    """Write one case so that it appears under its name only when complete.

    Parameters
    ----------
    folder
        Of the case; kept as it is where it exists.
    channels, labels, body, spacing_kji_mm
        As in `TrainingCase`.
    image
        Digest of the image, see `pipeline.training.teachers`.
    """
    if folder.exists():
        return
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    np.save(draft / "channels.npy", channels.astype(np.float16))
    np.save(draft / "labels.npy", labels)
    np.save(draft / "body.npy", body)
    np.savez(
        draft / "facts.npz",
        spacing_kji_mm=np.asarray(spacing_kji_mm, dtype=np.float64),
        liver=_points(labels == LIVER),
        tumour=_points(labels == TUMOUR),
        image=np.array(image),
    )
    draft.rename(folder)


def read_case(folder: Path) -> TrainingCase:
    """Open one case; pixels are read when they are used."""
    with np.load(folder / "facts.npz") as facts:
        spacing, liver, tumour = facts["spacing_kji_mm"], facts["liver"], facts["tumour"]
    return TrainingCase(
        folder.name,
        np.load(folder / "channels.npy", mmap_mode="r"),
        np.load(folder / "labels.npy", mmap_mode="r"),
        np.load(folder / "body.npy", mmap_mode="r"),
        spacing,
        liver,
        tumour,
    )


def image_of(folder: Path) -> str:
    """Return the digest of the image of a case; empty where nobody noted it."""
    with np.load(folder / "facts.npz", allow_pickle=False) as facts:
        return str(facts["image"]) if "image" in facts else ""


def _points(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    points = np.argwhere(mask).astype(np.int32)
    every = max(1, len(points) // POINTS)
    return points[::every]
