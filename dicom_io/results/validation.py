"""The self-check before sending: what was written is what was computed, where it was computed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset

from dicom_io.results.segments import Segment, label_array
from dicom_io.results.sources import POSITION_TOLERANCE_VOXELS, SegmentedSeries
from pipeline.analysis import Analysis
from pipeline.errors import StudyError
from pipeline.geometry import Grid


def check_segmentation(
    path: Path, analysis: Analysis, segments: Sequence[Segment], source: SegmentedSeries
) -> None:
    """Read a SEG back and compare it, voxel by voxel, with the maps of the analysis.

    Each frame is placed by its own position and orientation and nothing else, as a viewer does, so that a flip or
    a shift cannot cancel between writing and reading.

    Parameters
    ----------
    path
        The SEG as it will be sent.
    analysis
        What it must hold.
    segments
        The segments that were written.
    source
        The frames that it must refer to.

    Raises
    ------
    StudyError
        ``RES-SEG``: a voxel differs, a frame is off the grid, or refers to the wrong source image.
    """
    seg = pydicom.dcmread(path)
    found = read_segments(seg, analysis.lesion_map.grid)
    expected = label_array(analysis, segments)
    for segment in segments:
        wanted, read = expected == segment.number, found.get(segment.number)
        if read is None or not np.array_equal(wanted, read):
            raise _failure(_difference(segment, wanted, read))
    if set(found) != {segment.number for segment in segments}:
        raise _failure(f"segments {sorted(found)} instead of {len(segments)}")
    _check_references(seg, source)


def read_segments(seg: Dataset, grid: Grid) -> dict[int, npt.NDArray[np.bool_]]:
    """Put each frame of a BINARY SEG on `grid` by the frame's own geometry.

    Parameters
    ----------
    seg
        With pixels.
    grid
        Any lattice whose axes are parallel to those of the frames.

    Returns
    -------
    dict
        Mask (k, j, i) by segment number.

    Raises
    ------
    StudyError
        ``RES-SEG``: a frame lies between the voxels of `grid`, or outside.
    """
    pixels = np.asarray(seg.pixel_array).astype(bool).reshape(-1, seg.Rows, seg.Columns)
    shared = seg.SharedFunctionalGroupsSequence[0]
    masks: dict[int, npt.NDArray[np.bool_]] = {}
    for frame, plane in zip(seg.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        identification = frame.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        number = int(identification[0].ReferencedSegmentNumber)
        mask = masks.setdefault(number, np.zeros(grid.shape, dtype=bool))
        rows, columns = np.nonzero(plane)
        i, j, k = _voxels(frame, shared, grid, np.stack([columns, rows])).T
        mask[k, j, i] = True
    return masks


def _voxels(frame: Dataset, shared: Dataset, grid: Grid, column_row: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Map pixels (2, n) of one frame to indices (n, 3) in the order (i, j, k); PS3.3 C.7.6.2.1.1, equation 1."""
    plane = (frame.get("PlaneOrientationSequence") or shared.PlaneOrientationSequence)[0]
    measures = (frame.get("PixelMeasuresSequence") or shared.PixelMeasuresSequence)[0]
    cosines = np.array(plane.ImageOrientationPatient, dtype=float).reshape(2, 3)
    row_mm, column_mm = (float(value) for value in measures.PixelSpacing)
    corner = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
    points = corner + (column_row * [[column_mm], [row_mm]]).T @ cosines
    index = grid.to_index_ijk(points)
    nearest = np.rint(index).astype(int)
    if index.size and np.abs(index - nearest).max() > POSITION_TOLERANCE_VOXELS:
        raise _failure(f"a frame lies {np.abs(index - nearest).max():.2f} voxels off the grid")
    if (nearest < 0).any() or (nearest >= grid.shape[::-1]).any():
        raise _failure("a frame lies outside the grid")
    return nearest


def _check_references(seg: Dataset, source: SegmentedSeries) -> None:
    """Check that each frame names the source frame at its own position."""
    position_of = {(frame.instance[1], frame.number): frame.position_lps_mm for frame in source.frames}
    for group in seg.PerFrameFunctionalGroupsSequence:
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        key = (str(image.ReferencedSOPInstanceUID), image.get("ReferencedFrameNumber"))
        here = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        if key not in position_of or np.abs(position_of[key] - here).max() > 1e-3:
            raise _failure("a frame refers to a source image at another place")


def _difference(segment: Segment, wanted: npt.NDArray[np.bool_], read: npt.NDArray[np.bool_] | None) -> str:
    if read is None:
        return f"segment {segment.number} is missing"
    dice = 2 * (wanted & read).sum() / max(int(wanted.sum() + read.sum()), 1)
    return f"segment {segment.number} differs in {int((wanted ^ read).sum())} voxels, Dice {dice:.4f}"


def _failure(fact: str) -> StudyError:
    return StudyError(
        "RES-SEG",
        f"The segmentation does not read back as it was computed: {fact}.",
        remedy="Report this to the maintainers; nothing was sent.",
        stage="report",
    )
