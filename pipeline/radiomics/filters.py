"""The filtered images of a sequence, computed only where they are needed and equal to those of pyradiomics.

Cropping before filtering, as pyradiomics' ``preCrop`` does, changes the Laplacian of Gaussian, whose recursive
filters reach across the whole image. Here each one-dimensional pass still sees its whole line; only the lines that
nothing reads are left out. The results are the same bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pywt
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.errors import UnsuitableStudyError
from pipeline.radiomics.names import image_types
from pipeline.radiomics.settings import RadiomicsSettings
from pipeline.volume import Volume

Float32Array = npt.NDArray[np.float32]

WAVELET_PAD: Final = 20
"""Voxels around the box; even, and more than the support of the longest coiflet (18)."""

SECOND_DERIVATIVE: Final = sitk.RecursiveGaussianImageFilter.SecondOrder
SMOOTHING: Final = sitk.RecursiveGaussianImageFilter.ZeroOrder


@dataclass(frozen=True)
class Box:
    """A block of voxels.

    Parameters
    ----------
    start
        First voxel, (k, j, i).
    stop
        One past the last voxel, (k, j, i).
    """

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @classmethod
    def around(cls, mask: npt.NDArray[np.bool_]) -> "Box":
        """Enclose the true voxels of `mask`, (k, j, i); there must be one."""
        spans = []
        for axis in range(3):
            others = tuple(n for n in range(3) if n != axis)
            hit = np.flatnonzero(mask.any(axis=others))
            spans.append((int(hit[0]), int(hit[-1]) + 1))
        (k0, k1), (j0, j1), (i0, i1) = spans
        return cls((k0, j0, i0), (k1, j1, i1))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of the block in an array (k, j, i)."""
        k, j, i = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return k, j, i

    def within(self, outer: "Box") -> "Box":
        """Express this box in the indices of `outer`."""
        k, j, i = outer.start
        return Box(
            (self.start[0] - k, self.start[1] - j, self.start[2] - i),
            (self.stop[0] - k, self.stop[1] - j, self.stop[2] - i),
        )


def normalised(volume: Volume, settings: RadiomicsSettings, *, sequence: str) -> sitk.Image:
    """Bring a whole sequence to mean 0 and standard deviation `settings.normalize_scale`, as pyradiomics does.

    Parameters
    ----------
    volume
        On the grid of the features.
    settings
        Scale.
    sequence
        Name of it, for messages.

    Raises
    ------
    UnsuitableStudyError
        ``RAD-CONSTANT``: all voxels have one value.
    """
    if volume.array.min() == volume.array.max():
        raise UnsuitableStudyError(
            "RAD-CONSTANT",
            f"{sequence} has one value everywhere after registration.",
            remedy="Check that the series covers the liver.",
            stage="radiomics",
        )
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing(volume.grid.spacing_xyz_mm.tolist())
    # The two steps of sitk.Normalize. ITK adds up one partial sum a thread: a fixed number makes the last bit
    # independent of the machine, and Normalize does not hand its own number on to the statistics inside it.
    statistics = sitk.StatisticsImageFilter()
    statistics.SetNumberOfThreads(1)
    statistics.SetNumberOfWorkUnits(1)
    statistics.Execute(image)
    standard = sitk.ShiftScale(image, -statistics.GetMean(), 1 / statistics.GetSigma(), sitk.sitkFloat64)
    scaled: sitk.Image = standard * settings.normalize_scale
    return scaled


def filtered_images(
    image: sitk.Image, box: Box, settings: RadiomicsSettings
) -> Iterator[tuple[str, Float32Array]]:
    """Yield the 13 images of a normalised sequence inside `box`.

    Parameters
    ----------
    image
        From `normalised`, whole.
    box
        Where values are wanted.
    settings
        Wavelet and widths.

    Yields
    ------
    tuple
        Name as in `image_types` and values (k, j, i) float32 of the box, in the order of `image_types`.
    """
    original, *_ = names = image_types(settings)
    whole = sitk.GetArrayViewFromImage(image)
    yield original, np.ascontiguousarray(whole[box.slices])
    wavelets = names[1 : len(names) - len(settings.log_sigma_mm)]
    bands = _wavelet_bands(whole, box, settings.wavelet)
    for name in wavelets:
        yield name, bands[name.removeprefix("wavelet-")]
    for name, sigma_mm in zip(names[len(wavelets) + 1 :], settings.log_sigma_mm, strict=True):
        yield name, _laplacian_of_gaussian(image, box, sigma_mm)


def _wavelet_bands(whole: Float32Array, box: Box, wavelet: str) -> dict[str, Float32Array]:
    """Return the undecimated wavelet transform of one level inside `box`, by band."""
    spans = [_span(box.start[axis], box.stop[axis], whole.shape[axis]) for axis in range(3)]
    block = whole[tuple(slice(first, last) for first, last in spans)]
    # The transform is periodic and needs even lengths: pyradiomics repeats the first voxel after the last.
    block = np.pad(block, [(0, size % 2) for size in block.shape], "wrap")
    # pyradiomics transforms along x, y, z, so the letters of a band are in that order.
    bands = pywt.swtn(block, pywt.Wavelet(wavelet), level=1, start_level=0, axes=(2, 1, 0))[0]
    origin = Box((spans[0][0], spans[1][0], spans[2][0]), whole.shape)
    inner = box.within(origin).slices
    return {
        name.replace("a", "L").replace("d", "H"): np.ascontiguousarray(band[inner]) for name, band in bands.items()
    }


def _span(start: int, stop: int, size: int) -> tuple[int, int]:
    """Extend a span by the reach of a wavelet; near a border take the whole axis, whose ends meet."""
    first, last = start - WAVELET_PAD, stop + WAVELET_PAD
    return (first, last) if first >= 0 and last <= size else (0, size)


def _laplacian_of_gaussian(image: sitk.Image, box: Box, sigma_mm: float) -> Float32Array:
    """Return the scale-normalised Laplacian of Gaussian inside `box`.

    The passes of ``itk::LaplacianRecursiveGaussianImageFilter``, in its order, cropped along each axis after it.
    """
    total: Float32Array = np.zeros([b - a for a, b in zip(box.start, box.stop, strict=True)], np.float32)
    for derivative_axis in range(3):
        part = image
        for axis in (derivative_axis, *(n for n in range(3) if n != derivative_axis)):
            order = SECOND_DERIVATIVE if axis == derivative_axis else SMOOTHING
            part = _crop_axis(_pass(part, axis, order, sigma_mm), axis, box)
        # ITK multiplies by the reciprocal in double precision and keeps the sum in single precision.
        weight = 1.0 / image.GetSpacing()[derivative_axis] ** 2
        total = (total.astype(np.float64) + sitk.GetArrayFromImage(part).astype(np.float64) * weight).astype(
            np.float32
        )
    return total


def _pass(image: sitk.Image, axis_xyz: int, order: int, sigma_mm: float) -> sitk.Image:
    gaussian = sitk.RecursiveGaussianImageFilter()
    gaussian.SetDirection(axis_xyz)
    gaussian.SetOrder(order)
    gaussian.SetSigma(sigma_mm)
    gaussian.SetNormalizeAcrossScale(True)
    filtered: sitk.Image = gaussian.Execute(image)
    return filtered


def _crop_axis(image: sitk.Image, axis_xyz: int, box: Box) -> sitk.Image:
    size, index = list(image.GetSize()), [0, 0, 0]
    start, stop = box.start[2 - axis_xyz], box.stop[2 - axis_xyz]
    size[axis_xyz], index[axis_xyz] = stop - start, start
    cropped: sitk.Image = sitk.RegionOfInterest(image, size, index)
    return cropped
