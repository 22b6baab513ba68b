"""The study that the viewer shows: a phantom, its truth, and what the node made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from pydicom.dataset import Dataset

Mask = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]
TUMOUR_LABEL = 2


@dataclass(frozen=True, eq=False)
class ShownStudy:
    """Images of the segmented series, results, and the planted tumour.

    Parameters
    ----------
    images
        The hepatobiliary series by SOP Instance UID, from the lowest to the highest slice.
    seg
        As the PACS received it.
    probability
        Of ``result.json``.
    truth
        Label map of the phantom.
    """

    images: dict[str, Dataset]
    seg: Dataset
    probability: float
    truth: sitk.Image

    @property
    def study_instance_uid(self) -> str:
        """Of images and results."""
        return str(self.seg.StudyInstanceUID)

    def planted(self, sop_instance_uid: str) -> Mask:
        """Return the planted tumour on one image (rows, columns), through patient coordinates alone."""
        image = self.images[sop_instance_uid]
        labels = sitk.GetArrayViewFromImage(self.truth)
        index = np.rint(self._truth_index_ijk(image)).astype(int)
        inside = np.all((index >= 0) & (index < labels.shape[::-1]), axis=-1)
        i, j, k = np.where(inside[..., None], index, 0).transpose(2, 0, 1)
        mask: Mask = np.asarray(labels[k, j, i] == TUMOUR_LABEL) & inside
        return mask

    def planted_centroid_lps(self, sop_instance_uid: str) -> Vector:
        """Return the middle of the planted tumour on one image, LPS in mm."""
        mean: Vector = _points_lps(self.images[sop_instance_uid])[self.planted(sop_instance_uid)].mean(axis=0)
        return mean

    def segmented(self, sop_instance_uid: str, number: int) -> Mask:
        """Return what the SEG stores of a segment for one image (rows, columns)."""
        frames = self.seg.pixel_array
        for plane, group in zip(frames, self.seg.PerFrameFunctionalGroupsSequence, strict=True):
            image = group.DerivationImageSequence[0].SourceImageSequence[0]
            segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            if (image.ReferencedSOPInstanceUID, segment) == (sop_instance_uid, number):
                return np.asarray(plane, dtype=bool)
        raise AssertionError("the SEG holds no frame of this image")

    def _truth_index_ijk(self, image: Dataset) -> Vector:
        direction = np.array(self.truth.GetDirection()).reshape(3, 3)
        turned = (_points_lps(image) - np.array(self.truth.GetOrigin())) @ direction
        index: Vector = turned / np.array(self.truth.GetSpacing())
        return index


def _points_lps(image: Dataset) -> Vector:
    """Return the centre of each pixel, (rows, columns, 3); PS3.3 C.7.6.2.1.1, equation 1."""
    cosines = np.array(image.ImageOrientationPatient, dtype=float).reshape(2, 3)
    row_mm, column_mm = (float(value) for value in image.PixelSpacing)
    j, i = np.arange(image.Rows)[:, None, None], np.arange(image.Columns)[None, :, None]
    corner = np.array(image.ImagePositionPatient, dtype=float)
    points: Vector = corner + i * column_mm * cosines[0] + j * row_mm * cosines[1]
    return points


def by_height(images: Sequence[Dataset]) -> dict[str, Dataset]:
    """Order images along the patient's axis, feet first."""
    ordered = sorted(images, key=lambda image: float(image.ImagePositionPatient[2]))
    return {str(image.SOPInstanceUID): image for image in ordered}


def store(paths: Sequence[Path], http_port: int) -> None:
    """Put files into Orthanc."""
    for path in paths:
        request = Request(f"http://127.0.0.1:{http_port}/instances", data=path.read_bytes(), method="POST")
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            assert answer.status == 200


def series_of(folder: Path, series_instance_uids: set[str]) -> list[Path]:
    """Find the files of some series in a folder."""
    return [
        path
        for path in sorted(folder.rglob("*.dcm"))
        if pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID in series_instance_uids
    ]
