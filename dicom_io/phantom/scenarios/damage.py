"""What goes wrong after the scanner: pixels that are gone, geometry that contradicts itself, endless series."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread

from dicom_io.phantom.classic import WrittenFrame
from dicom_io.phantom.plan import Part, SeriesKind, StudyPlan
from dicom_io.phantom.scenario import Scenario, Spoil, no_longer
from pipeline.geometry import Grid
from pipeline.phantom import PhantomCase
from pipeline.study import Role
from pipeline.volume import Volume

_SMALL_SERIES = 1000
_SMALL_PIXELS = 32
_SIDEWAYS_MM = 1.6
"""A third of a slice: not missing, and not where it should be."""

Change = Callable[[Dataset, Sequence[WrittenFrame]], None]
"""Changes one file, given the frames of the role that lie in it, in the order of their slices."""


def spoiling(role: Role, change: Change) -> Spoil:
    """Return what applies `change` to every file of a role."""

    def spoil(frames: Sequence[WrittenFrame]) -> None:
        by_path: dict[Path, list[WrittenFrame]] = defaultdict(list)
        for frame in sorted(frames, key=lambda item: item.slice_index):
            if frame.role is role:
                by_path[frame.path].append(frame)
        for path, found in by_path.items():
            ds = dcmread(path)
            change(ds, found)
            ds.save_as(path, enforce_file_format=True)

    return spoil


def _without_pixels(ds: Dataset, _frames: Sequence[WrittenFrame]) -> None:
    del ds.PixelData


def _plane(ds: Dataset, frame: WrittenFrame, macro: str) -> Dataset:
    """Return the data set that holds where a frame lies."""
    if frame.frame_number is None:
        return ds
    own = ds.PerFrameFunctionalGroupsSequence[frame.frame_number - 1]
    groups = own if macro in own else ds.SharedFunctionalGroupsSequence[0]
    found: Dataset = groups[macro].value[0]
    return found


def _irregular(ds: Dataset, frames: Sequence[WrittenFrame]) -> None:
    for frame in frames:
        if frame.slice_index % 3 == 1:
            plane = _plane(ds, frame, "PlanePositionSequence")
            x, y, z = (float(value) for value in plane.ImagePositionPatient)
            plane.ImagePositionPatient = [x, y, round(z + _SIDEWAYS_MM, 4)]


def _contradicting(ds: Dataset, frames: Sequence[WrittenFrame]) -> None:
    """Say that rows and columns run the same way, which spans no plane."""
    for frame in frames:
        _plane(ds, frame, "PlaneOrientationSequence").ImageOrientationPatient = [1, 0, 0, 1, 0, 0]


def _small_series(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    series = plan.of(SeriesKind.T1_PORTAL)
    whole, grid = series.parts[0].volume.array, series.parts[0].volume.grid
    tiny = Volume(np.array(whole[:1, :_SMALL_PIXELS, :_SMALL_PIXELS]), _one_slice(grid))
    return plan.adding(
        *(
            no_longer(
                replace(series, parts=(Part(tiny, 70.0 + number),)), key=f"small{number}", number=2000 + number
            )
            for number in range(_SMALL_SERIES)
        )
    )


def _one_slice(grid: Grid) -> Grid:
    return Grid((1, _SMALL_PIXELS, _SMALL_PIXELS), grid.spacing_xyz_mm, grid.origin_lps_mm, grid.direction)


SCENARIOS = {
    "no-pixels": Scenario(
        "the files of the hepatobiliary phase hold no pixel data",
        code="SM-NOHBP",
        spoil=spoiling(Role.T1_HEPATOBILIARY, _without_pixels),
    ),
    "irregular-spacing": Scenario(
        "every third slice of the portal phase is out of place",
        code="SM-GEOM",
        spoil=spoiling(Role.T1_PORTAL, _irregular),
    ),
    "contradicting-geometry": Scenario(
        "rows and columns of the arterial phase run the same way",
        code="SM-MISSING-T1_ARTERIAL",
        spoil=spoiling(Role.T1_ARTERIAL, _contradicting),
    ),
    "small-series": Scenario(
        f"{_SMALL_SERIES} series of one image beside the six sequences",
        _small_series,
        vendors=("ge",),
    ),
}
"""By name."""
