"""How well the tumour of a SEG fits the one that was planted."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from highdicom.seg import Segmentation, segread

from dicom_io.results import codes

PLANTED = 2
"""Value of tumour in ``label_map.nii.gz``."""
MOST_VOXELS = 2**28
"""Of one segment; a phantom's has three million."""


@dataclass(frozen=True)
class Overlap:
    """A segmented tumour beside the planted one; all tumours of a study together.

    Parameters
    ----------
    dice
        2 x intersection / sum, 0 to 1.
    centroid_mm
        Distance between the centroids, mm; None where one of the two is empty.
    """

    dice: float
    centroid_mm: float | None


def compare_segmentation(path: Path, label_map: Path) -> Overlap:
    """Compare the tumour segments of a SEG with the truth of its phantom.

    Voxels are compared where they lie in the patient, so that a SEG on a wrong grid overlaps nothing.

    Raises
    ------
    ValueError
        The SEG has no tumour segment, or is too large to be the result of a phantom.
    """
    found = _tumour_points(segread(path))
    truth = sitk.ReadImage(str(label_map))
    labels = sitk.GetArrayViewFromImage(truth)
    planted = np.argwhere(labels == PLANTED)
    inside = _labels_at(found, truth, labels)
    hits = int((inside == PLANTED).sum())
    dice = 2 * hits / max(len(found) + len(planted), 1)
    if not len(found) or not len(planted):
        return Overlap(dice, None)
    centre = truth.TransformContinuousIndexToPhysicalPoint(planted.mean(axis=0)[::-1].tolist())
    return Overlap(dice, float(np.linalg.norm(found.mean(axis=0) - np.array(centre))))


def _tumour_points(seg: Segmentation) -> npt.NDArray[np.float64]:
    """Return the centres of the tumour voxels, (n, 3), LPS, mm."""
    if int(seg.Rows) * int(seg.Columns) * int(seg.NumberOfFrames) > MOST_VOXELS:
        raise ValueError("too large")
    numbers = seg.get_segment_numbers(segmented_property_type=codes.PRIMARY_NEOPLASM)
    if not numbers:
        raise ValueError("no tumour segment")
    points = []
    for number in numbers:
        volume = seg.get_volume(segment_numbers=[number])
        indices = np.argwhere(volume.array[..., 0] > 0)
        if indices.size:
            points.append(volume.map_indices_to_reference(indices))
    return np.concatenate(points) if points else np.zeros((0, 3))


def _labels_at(
    points: npt.NDArray[np.float64], image: sitk.Image, labels: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    """Return the label at each point; 0 outside."""
    direction = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    indices = np.rint(np.linalg.solve(direction, (points - np.array(image.GetOrigin())).T).T).astype(int)
    inside = ((indices >= 0) & (indices < np.array(image.GetSize()))).all(axis=1)
    i, j, k = indices[inside].T
    found = np.zeros(len(points), labels.dtype)
    found[inside] = labels[k, j, i]
    return found
