"""DICOM SEG (PS3.3 A.51): the frames of the tumour's segment on the slices of its sequence."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from dicom_io.masks.naming import tumour_numbers
from pipeline.geometry import FloatArray, Grid
from pipeline.lattice import onto_grid
from pipeline.volume import LabelMap


def segmentation_mask(dataset: Dataset, grid: Grid, what: str) -> LabelMap:
    """Read the tumour of a segmentation: binary, fractional from one half on, or of the type LABELMAP.

    Parameters
    ----------
    dataset
        With pixels.
    grid
        Of the sequence; a frame may lie on any of its slices, and those without one are empty.
    what
        The mask, for messages.

    Raises
    ------
    UnsuitableStudyError
        ``CM-GRID`` or ``CM-SEGMENT``.
    """
    segments = {int(item.SegmentNumber): item for item in dataset.SegmentSequence if int(item.SegmentNumber)}
    wanted = tumour_numbers(
        {number: str(item.get("SegmentLabel", "")) for number, item in segments.items()},
        what=what,
        codes={number: _code(item) for number, item in segments.items()},
    )
    result = np.zeros(grid.shape, np.uint8)
    for frame, plane in _frames(dataset, list(wanted), float(grid.spacing_xyz_mm[2])):
        if not frame.any():
            continue  # A slice without tumour may lie beyond the sequence.
        placed = onto_grid(LabelMap(frame[None].astype(np.uint8), plane), grid, what=what)
        result |= placed.array
    return LabelMap(result, grid)


def _frames(dataset: Dataset, wanted: list[int], step_mm: float) -> Iterator[tuple[npt.NDArray[np.bool_], Grid]]:
    pixels = np.asarray(dataset.pixel_array)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    kind = str(dataset.get("SegmentationType", "BINARY"))
    shared = dataset.get("SharedFunctionalGroupsSequence", [Dataset()])[0]
    for array, frame in zip(pixels, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        if kind == "LABELMAP":
            inside = np.isin(array, wanted)
        elif int(_group(shared, frame, "SegmentIdentificationSequence").ReferencedSegmentNumber) not in wanted:
            continue
        elif kind == "FRACTIONAL":
            inside = array >= int(dataset.MaximumFractionalValue) / 2
        else:
            inside = array > 0
        yield inside, _plane(shared, frame, array.shape, step_mm)


def _plane(shared: Dataset, frame: Dataset, shape: tuple[int, ...], step_mm: float) -> Grid:
    """Return the grid of one frame; `step_mm` leads to the next slice, of which there is none."""
    position = _vector(_group(shared, frame, "PlanePositionSequence").ImagePositionPatient)
    cosines = _vector(_group(shared, frame, "PlaneOrientationSequence").ImageOrientationPatient)
    between_rows, between_columns = _vector(_group(shared, frame, "PixelMeasuresSequence").PixelSpacing).tolist()
    row, column = cosines[:3], cosines[3:]
    direction = np.stack([row, column, np.cross(row, column)], axis=1)
    return Grid((1, shape[0], shape[1]), np.array([between_columns, between_rows, step_mm]), position, direction)


def _group(shared: Dataset, frame: Dataset, name: str) -> Dataset:
    found: Dataset = (frame if name in frame else shared)[name].value[0]
    return found


def _vector(values: object) -> FloatArray:
    return np.array(values, dtype=np.float64)


def _code(segment: Dataset) -> str:
    items = segment.get("SegmentedPropertyTypeCodeSequence", ())
    return str(items[0].get("CodeValue", "")) if items else ""
