"""The series that a SEG segments: which stored frame is slice k of the analysed grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from dicom_io.assembly.match_result import RoleMatch, SourceInstance
from dicom_io.results.headers import read_header
from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import FloatArray, Grid

POSITION_TOLERANCE_VOXELS = 0.1
"""Largest distance of a stored frame from its place on the grid, as a share of the voxel."""

_IMAGE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "NumberOfFrames")
_COUNTED = ("SeriesNumber", "InstanceNumber")
_PLANE = ("FrameOfReferenceUID", "PositionReferenceIndicator", "Rows", "Columns", "SliceThickness")
_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
}
"""Where a frame lies, and the functional group that says so in a multi-frame instance."""
_EQUIPMENT = ("Manufacturer", "ManufacturerModelName", "LossyImageCompression")
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
HEADER_KEYWORDS = (*_IMAGE, *_COUNTED, *_PLANE, *_GROUPS, *_EQUIPMENT, *_FUNCTIONAL_GROUPS)


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One stored frame: slice k of the grid.

    Parameters
    ----------
    header
        Of its instance.
    number
        From 1, in a multi-frame instance; None in a single-frame one.
    position_lps_mm
        Centre of its first pixel, as stored.
    orientation
        Six direction cosines, as stored.
    spacing_xy_mm
        Distance of columns and of rows, as stored.
    """

    header: Dataset
    number: int | None
    position_lps_mm: FloatArray
    orientation: FloatArray
    spacing_xy_mm: FloatArray

    @property
    def instance(self) -> tuple[str, str]:
        """SOP class and instance."""
        return str(self.header.SOPClassUID), str(self.header.SOPInstanceUID)

    @property
    def place(self) -> str:
        """Where a reader finds the frame in a viewer: series and image as their headers count them."""
        counted = [("series", self.header.get("SeriesNumber")), ("image", self.header.get("InstanceNumber"))]
        if self.number is not None:
            counted[1] = ("frame", self.number)
        return ", ".join(f"{what} {number}" for what, number in counted if number is not None)


@dataclass(frozen=True, eq=False)
class SegmentedSeries:
    """The frames of one role in the order of the slices of its grid.

    Parameters
    ----------
    frames
        Frame k lies on slice k.
    grid
        Of the maps.
    """

    frames: tuple[SourceFrame, ...]
    grid: Grid

    @property
    def header(self) -> Dataset:
        """Header of the first frame; patient and study are read from it."""
        return self.frames[0].header

    @property
    def is_multi_frame(self) -> bool:
        """Whether the frames lie in one multi-frame instance."""
        return self.frames[0].number is not None


def segmented_series(match: RoleMatch, grid: Grid) -> SegmentedSeries:
    """Read the frames of `match` and put each on its slice of `grid`.

    Parameters
    ----------
    match
        The role that was segmented.
    grid
        Grid of the maps; must be the lattice of the stored frames.

    Raises
    ------
    UnsuitableStudyError
        A file cannot be read, has no position, or its frame is no slice of `grid` (``RES-SOURCE``).
    """
    frames = [frame for instance in match.instances for frame in _frames(instance, match.frame_numbers)]
    if len(frames) != grid.shape[0]:
        raise _misfit(f"{len(frames)} stored frames for {grid.shape[0]} slices")
    if len({frame.instance for frame in frames if frame.number is not None}) > 1:
        raise _misfit("the frames lie in several multi-frame instances")
    by_slice = {_slice_of(frame, grid): frame for frame in frames}
    if len(by_slice) != len(frames):
        raise _misfit("two stored frames lie on one slice")
    return SegmentedSeries(tuple(by_slice[k] for k in range(grid.shape[0])), grid)


def _frames(instance: SourceInstance, numbers: Sequence[int] | None) -> list[SourceFrame]:
    header = read_header(instance.path, HEADER_KEYWORDS)
    for keyword in ("FrameOfReferenceUID", "Rows", "Columns", "SeriesInstanceUID"):
        if not header.get(keyword):
            raise _misfit(f"{keyword} is missing")
    if "PerFrameFunctionalGroupsSequence" not in header:
        return [_frame(header, None, {keyword: header.get(keyword) for keyword in _GROUPS})]
    groups = header.PerFrameFunctionalGroupsSequence
    chosen = numbers if numbers is not None else range(1, len(groups) + 1)
    return [_frame(header, number, _groups_of(header, groups[number - 1])) for number in chosen]


def _groups_of(header: Dataset, per_frame: Dataset) -> dict[str, object]:
    """Return the place of one frame, shared or its own (PS3.3 C.7.6.16.1)."""
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    found: dict[str, object] = {}
    for keyword, group in _GROUPS.items():
        item = per_frame.get(group) or shared[0].get(group)
        found[keyword] = item[0].get(keyword) if item else None
    return found


def _frame(header: Dataset, number: int | None, place: Mapping[str, object]) -> SourceFrame:
    values = {keyword: np.array(place[keyword] or [], dtype=np.float64) for keyword in _GROUPS}
    frame = SourceFrame(
        header,
        number,
        values["ImagePositionPatient"],
        values["ImageOrientationPatient"],
        values["PixelSpacing"][::-1],
    )
    sizes = (frame.position_lps_mm.size, frame.orientation.size, frame.spacing_xy_mm.size)
    if sizes != (3, 6, 2):
        raise _misfit("position, orientation or pixel spacing is missing")
    return frame


def _slice_of(frame: SourceFrame, grid: Grid) -> int:
    """Return k of a frame that lies on `grid`, row for row and column for column."""
    if (frame.header.Rows, frame.header.Columns) != grid.shape[1:]:
        raise _misfit("rows or columns differ")
    rows, columns = grid.shape[1:]
    to_last_mm = frame.spacing_xy_mm * [columns - 1, rows - 1]
    last = frame.position_lps_mm + to_last_mm @ frame.orientation.reshape(2, 3)
    first_ijk, last_ijk = grid.to_index_ijk(frame.position_lps_mm), grid.to_index_ijk(last)
    k = round(float(first_ijk[2]))
    residual = max(
        np.abs(first_ijk - [0, 0, k]).max(),
        np.abs(last_ijk - [columns - 1, rows - 1, k]).max(),
    )
    if residual > POSITION_TOLERANCE_VOXELS or not 0 <= k < grid.shape[0]:
        raise _misfit(f"a stored frame lies {residual:.2f} voxels from the grid")
    return k


def _misfit(fact: str) -> UnsuitableStudyError:
    return UnsuitableStudyError(
        "RES-SOURCE",
        f"The stored hepatobiliary series does not fit the analysed volume: {fact}.",
        remedy="Send the series again, complete and as acquired.",
        stage="report",
    )
