"""What the summary page shows of the images: one slice of six sequences, the lesion, and which way is which."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dicom_io.results.outlines import Mask
from dicom_io.results.report import key_slice
from pipeline.analysis import Analysis
from pipeline.geometry import FloatArray, Grid
from pipeline.resampling import resample
from pipeline.study import Role

PICTURE_ASPECT = 1.6
"""Width by height of one picture: an abdomen lies across."""
BORDER_MM = 12.0
LEAST_WIDTH_MM = 130.0
SURROUNDINGS = 4.0
"""Width of the picture in widths of the lesions and margins on it, where the liver is wider than that."""
OBLIQUE_SHARE = 0.38
"""Share of a second direction from which it is named too: about 22 degrees."""

_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))


@dataclass(frozen=True, eq=False)
class Scene:
    """One slice of the original hepatobiliary grid.

    Coordinates of pictures are mm along rows (x) and columns (y) from the centre of the first pixel.

    Parameters
    ----------
    pictures
        (j, i) float32 by role; absent where a sequence is.
    lesions, margins
        Label maps of the slice, (j, i).
    organ
        Liver, lesions and margins, or the whole slice where they are absent, (j, i); grey levels suit it.
    spacing_xy_mm
        Of the slice.
    window_mm
        Left, right, top, bottom of the part that is shown.
    marks
        Letters of the patient's side at left, right, top and bottom of the picture.
    is_numbered
        Whether lesions bear their numbers: where the analysis has several, also those on other slices.
    """

    pictures: Mapping[Role, npt.NDArray[np.float32]]
    lesions: npt.NDArray[np.uint8]
    margins: npt.NDArray[np.uint8]
    organ: Mask
    spacing_xy_mm: tuple[float, float]
    window_mm: tuple[float, float, float, float]
    marks: tuple[str, str, str, str]
    is_numbered: bool

    @property
    def edges_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top edge of the whole slice, in the order of imshow's extent."""
        rows, columns = self.lesions.shape
        x, y = self.spacing_xy_mm
        return (-x / 2, (columns - 0.5) * x, (rows - 0.5) * y, -y / 2)


def make_scene(analysis: Analysis) -> Scene:
    """Cut the slice that shows the largest lesion best or, without one, the liver."""
    grid, k = analysis.lesion_map.grid, key_slice(analysis)
    plane = Grid((1, *grid.shape[1:]), grid.spacing_xyz_mm, grid.to_lps_mm([0, 0, k]), grid.direction)
    spacing = (float(grid.spacing_xyz_mm[0]), float(grid.spacing_xyz_mm[1]))
    organ = (
        (analysis.liver_map.array[k] > 0) | (analysis.lesion_map.array[k] > 0) | (analysis.margin_map.array[k] > 0)
    )
    organ = organ if organ.any() else np.ones_like(organ)
    lesions = (analysis.lesion_map.array[k] > 0) | (analysis.margin_map.array[k] > 0)
    return Scene(
        pictures={role: resample(volume, plane).array[0] for role, volume in analysis.registered.items()},
        lesions=analysis.lesion_map.array[k],
        margins=analysis.margin_map.array[k],
        organ=organ,
        spacing_xy_mm=spacing,
        window_mm=_window_mm(organ, lesions, spacing),
        marks=(
            side(-grid.direction[:, 0]),
            side(grid.direction[:, 0]),
            side(-grid.direction[:, 1]),
            side(grid.direction[:, 1]),
        ),
        is_numbered=len(analysis.lesions) > 1,
    )


def side(direction_lps: FloatArray) -> str:
    """Name the side of the patient that a direction points to, as (0020,0020) does: L, P, H or oblique PL.

    Parameters
    ----------
    direction_lps
        Unit vector, LPS.
    """
    order = np.argsort(-np.abs(direction_lps))
    letters = [_LETTERS[axis][int(direction_lps[axis] > 0)] for axis in order]
    return letters[0] + (letters[1] if abs(direction_lps[order[1]]) > OBLIQUE_SHARE else "")


def _window_mm(
    organ: Mask, lesions: Mask, spacing_xy_mm: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Frame the organ or, where the lesions are small in it, their surroundings, at the shape of a picture."""
    whole = _frame_mm(organ, spacing_xy_mm, BORDER_MM)
    if not lesions.any():
        return whole
    left, right, top, bottom = _frame_mm(lesions, spacing_xy_mm, 0.0)
    width = min(max(SURROUNDINGS * (right - left), LEAST_WIDTH_MM), whole[1] - whole[0])
    height = width / PICTURE_ASPECT
    # Within the frame of the organ: what lies beyond it is of less use than what lies on the other side.
    x = float(np.clip((left + right) / 2, whole[0] + width / 2, whole[1] - width / 2))
    y = float(np.clip((top + bottom) / 2, whole[2] + height / 2, whole[3] - height / 2))
    return (x - width / 2, x + width / 2, y - height / 2, y + height / 2)


def _frame_mm(
    shown: Mask, spacing_xy_mm: tuple[float, float], border_mm: float
) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom of the smallest frame around a mask and its border."""
    rows, columns = np.nonzero(shown)
    x, y = columns * spacing_xy_mm[0], rows * spacing_xy_mm[1]
    width = max(np.ptp(x) + 2 * border_mm, PICTURE_ASPECT * (np.ptp(y) + 2 * border_mm))
    width = max(float(width), LEAST_WIDTH_MM) if border_mm else float(width)
    height = width / PICTURE_ASPECT
    middle_x, middle_y = float(x.min() + x.max()) / 2, float(y.min() + y.max()) / 2
    return (middle_x - width / 2, middle_x + width / 2, middle_y - height / 2, middle_y + height / 2)
