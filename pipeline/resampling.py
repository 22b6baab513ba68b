"""The one interpolation: transform and change of grid composed (SimpleITK)."""

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.deformation import ORDER, Deformation
from pipeline.geometry import FloatArray, Grid
from pipeline.volume import LabelMap, Volume


def to_sitk(array: npt.NDArray[np.generic], grid: Grid) -> sitk.Image:
    """Wrap a (k, j, i) array and its grid as a SimpleITK image (LPS, mm)."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing_xyz_mm.tolist())
    image.SetOrigin(grid.origin_lps_mm.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def grid_of(image: sitk.Image) -> Grid:
    """Read the grid of a three-dimensional SimpleITK image."""
    size = image.GetSize()
    return Grid(
        (size[2], size[1], size[0]),
        np.array(image.GetSpacing()),
        np.array(image.GetOrigin()),
        np.array(image.GetDirection()).reshape(3, 3),
    )


def resample(
    volume: Volume,
    grid: Grid,
    transform_lps_mm: FloatArray | None = None,
    deformation: Deformation | None = None,
) -> Volume:
    """Interpolate `volume` linearly on `grid`.

    Parameters
    ----------
    volume
        Moving image, LPS mm.
    grid
        Where values are wanted.
    transform_lps_mm
        4 x 4; maps a point of `grid` to the same tissue in `volume`. Identity where absent.
    deformation
        Applied before the matrix; none where absent.

    Returns
    -------
    Volume
        On `grid`; 0 outside `volume`.
    """
    array = _resample(volume.array, volume.grid, grid, transform_lps_mm, sitk.sitkLinear, deformation)
    return Volume(array.astype(np.float32, copy=False), grid)


def resample_labels(labels: LabelMap, grid: Grid, transform_lps_mm: FloatArray | None = None) -> LabelMap:
    """Take, at each voxel of `grid`, the label with the largest linearly interpolated share.

    Outlines stay smooth on a finer grid, where the nearest label would show the voxels of the coarser one. What is
    nowhere larger than the background vanishes; outside `labels` is background.
    """
    result = np.zeros(grid.shape, np.uint8)
    present = [int(label) for label in np.unique(labels.array) if label]
    shares = (
        _resample((labels.array == label).astype(np.float32), labels.grid, grid, transform_lps_mm, sitk.sitkLinear)
        for label in present
    )
    largest, background = np.zeros(grid.shape, np.float32), np.ones(grid.shape, np.float32)
    for label, interpolated in zip(present, shares, strict=True):
        share = interpolated.astype(np.float32, copy=False)
        result[share > largest] = label
        np.maximum(largest, share, out=largest)
        background -= share
    # The tolerance gives the ties of neighbouring regions to the background, whatever the rounding.
    result[largest <= background + 1e-5] = 0
    return LabelMap(result, grid)


def _resample(
    array: npt.NDArray[np.generic],
    source: Grid,
    target: Grid,
    transform_lps_mm: FloatArray | None,
    interpolator: int,
    deformation: Deformation | None = None,
) -> npt.NDArray[np.generic]:
    rigid = sitk.AffineTransform(3)
    if transform_lps_mm is not None:
        rigid.SetMatrix(transform_lps_mm[:3, :3].ravel().tolist())
        rigid.SetTranslation(transform_lps_mm[:3, 3].tolist())
    transform: sitk.Transform = rigid
    if deformation is not None:
        # The last one added is applied first.
        transform = sitk.CompositeTransform([rigid, _b_spline(deformation)])
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(target.shape[::-1])
    resampler.SetOutputSpacing(target.spacing_xyz_mm.tolist())
    resampler.SetOutputOrigin(target.origin_lps_mm.tolist())
    resampler.SetOutputDirection(target.direction.ravel().tolist())
    resampler.SetTransform(transform)
    resampler.SetInterpolator(interpolator)
    result: npt.NDArray[np.generic] = sitk.GetArrayFromImage(resampler.Execute(to_sitk(array, source)))
    return result


def _b_spline(deformation: Deformation) -> sitk.BSplineTransform:
    grid = deformation.grid
    transform = sitk.BSplineTransform(3, ORDER)
    size = [float(n) for n in grid.shape[::-1]]
    frame = [*grid.origin_lps_mm.tolist(), *grid.spacing_xyz_mm.tolist(), *grid.direction.ravel().tolist()]
    transform.SetFixedParameters([*size, *frame])
    transform.SetParameters(deformation.displacement_lps_mm.ravel().tolist())
    return transform
