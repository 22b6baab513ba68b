"""The features of one region, through the feature classes of pyradiomics."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
from scipy import ndimage

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import FloatArray
from pipeline.radiomics.calculators import Binned, calculators
from pipeline.radiomics.filters import Box, Float32Array
from pipeline.radiomics.names import INTENSITY_CLASSES, SHAPE, class_features
from pipeline.radiomics.settings import RadiomicsSettings

STAGE: Final = "radiomics"
FULLY_CONNECTED: Final = np.ones((3, 3, 3), dtype=bool)


class Region:
    """A mask reduced to its box.

    Parameters
    ----------
    name
        ``tumour`` or ``margin``, for messages.
    mask
        (k, j, i), whole grid.
    spacing_xyz_mm
        Of the grid, mm.

    Raises
    ------
    UnsuitableStudyError
        ``RAD-SIZE``: fewer than two voxels along more than one axis; texture has no meaning there. One slice is
        enough, as for pyradiomics.
    """

    def __init__(self, name: str, mask: npt.NDArray[np.bool_], spacing_xyz_mm: FloatArray) -> None:
        self.name = name
        self.voxels = int(mask.sum())
        self.spacing_xyz_mm: list[float] = spacing_xyz_mm.tolist()
        sides = np.ptp(np.argwhere(mask), axis=0) + 1 if self.voxels else np.zeros(3, int)
        if (sides > 1).sum() < 2:
            raise UnsuitableStudyError(
                "RAD-SIZE",
                f"The {name} has {self.voxels} voxel(s) in a {' x '.join(str(n) for n in sides)} box, too few for "
                "texture.",
                remedy="Read the study without this result: texture needs at least two voxels along two axes.",
                stage=STAGE,
            )
        self.box = Box.around(mask)
        self.mask = np.ascontiguousarray(mask[self.box.slices])

    def features(
        self, name: str, array: Float32Array, settings: RadiomicsSettings, *, sequence: str = ""
    ) -> list[float]:
        """Compute the 93 intensity features of one filtered image.

        Parameters
        ----------
        name
            Of the filtered image, for messages.
        array
            (k, j, i), the box of this region.
        settings
            Discretisation.
        sequence
            That was filtered, for messages.

        Returns
        -------
        list of float
            In the order of `class_features` over `INTENSITY_CLASSES`.

        Raises
        ------
        UnsuitableStudyError
            ``RAD-NAN``: a feature is not a number, as where no two voxels of the region are neighbours.
        """
        values: list[float] = []
        name = f"{name} image of {sequence}" if sequence else f"{name} image"
        image, mask = self._image(array), self._image(self.mask.astype(np.uint32))
        binned = Binned()
        for feature_class in INTENSITY_CLASSES:
            values += self._execute(name, feature_class, image, mask, settings, binned)
        return values

    def shape(self, settings: RadiomicsSettings) -> list[float]:
        """Compute the 14 shape features, in the order of `class_features`; they depend on the mask alone."""
        mask = self._image(self.mask.astype(np.uint32))
        return self._execute("mask", SHAPE, mask, mask, settings, Binned())

    def component_count(self) -> int:
        """Count the 26-connected parts."""
        return int(ndimage.label(self.mask, FULLY_CONNECTED)[1])

    def _image(self, array: npt.NDArray[np.generic]) -> sitk.Image:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.spacing_xyz_mm)
        return image

    def _execute(
        self,
        name: str,
        feature_class: str,
        image: sitk.Image,
        mask: sitk.Image,
        settings: RadiomicsSettings,
        binned: Binned,
    ) -> list[float]:
        calculator = calculators()[feature_class](image, mask, binned=binned, **_keywords(settings))
        found: Mapping[str, Any] = calculator.execute()
        values = [float(found[feature]) for feature in class_features(feature_class)]
        if not np.isfinite(values).all():
            raise UnsuitableStudyError(
                "RAD-NAN",
                f"The {self.name} has no texture that could be measured ({feature_class}, {name}): its voxels are "
                "scattered, or all alike.",
                remedy="Read the study without this result, and look at that sequence for an artefact.",
                stage=STAGE,
            )
        return values


@contextmanager
def quiet_pyradiomics() -> Iterator[None]:
    """Keep the messages and the numpy warnings of pyradiomics from the program.

    It logs each class of each image and reports a failed feature as a warning and a NaN; the NaN is judged here.
    """
    logger = logging.getLogger("radiomics")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _keywords(settings: RadiomicsSettings) -> dict[str, Any]:
    return {
        "binCount": settings.bin_count,
        "voxelArrayShift": settings.voxel_array_shift,
        "label": 1,
        "distances": [1],
        "symmetricalGLCM": True,
        "force2D": False,
        "gldm_a": 0,
    }
