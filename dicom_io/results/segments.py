"""The segments of an analysis: each lesion and its margin, numbered and tracked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dicom_io.results.uids import ResultUids
from pipeline.analysis import Analysis


@dataclass(frozen=True)
class Segment:
    """One segment of the SEG: a lesion or its margin.

    Parameters
    ----------
    number
        Segment number, from 1.
    lesion_number
        Label in the maps.
    is_margin
        Whether it is the margin of the lesion.
    tracking_id, tracking_uid
        The SR uses the same.
    """

    number: int
    lesion_number: int
    is_margin: bool
    tracking_id: str
    tracking_uid: str

    def mask(self, analysis: Analysis) -> npt.NDArray[np.bool_]:
        """Return the voxels of the segment, (k, j, i)."""
        labels = analysis.margin_map if self.is_margin else analysis.lesion_map
        mask: npt.NDArray[np.bool_] = labels.array == self.lesion_number
        return mask


def tracking_id(lesion_number: int) -> str:
    """Return the tracking identifier of a lesion, the same in SEG, SR, JSON and on the summary page."""
    return f"Lesion {lesion_number}"


def segments_of(analysis: Analysis, uids: ResultUids) -> tuple[Segment, ...]:
    """List the segments of an analysis: each lesion and, where it has one, its margin."""
    segments: list[Segment] = []
    for lesion in analysis.lesions:
        name, n = tracking_id(lesion.number), lesion.number
        segments.append(Segment(len(segments) + 1, n, False, name, uids.lesion(n)))
        # Neighbours may leave a small lesion no margin of its own, and an empty segment tells nobody anything.
        if (analysis.margin_map.array == n).any():
            segments.append(Segment(len(segments) + 1, n, True, f"{name} margin", uids.margin(n)))
    return tuple(segments)


def label_array(analysis: Analysis, segments: Sequence[Segment]) -> npt.NDArray[np.uint16]:
    """Return segment numbers as one label map, (k, j, i); 0 is background."""
    labels = np.zeros(analysis.lesion_map.grid.shape, dtype=np.uint16)
    for segment in segments:
        labels[segment.mask(analysis)] = segment.number
    return labels
