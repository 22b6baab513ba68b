"""From stored values to signal: rescale slope and intercept, and those of Philips."""

from typing import NamedTuple

from pydicom.dataset import FileDataset

from dicom_io.assembly import multiframe
from dicom_io.assembly.elements import Elements


class Scaling(NamedTuple):
    """From stored values to signal: slope, intercept, and whether they are those of Philips."""

    slope: float
    intercept: float
    is_philips: bool = False


class UnusablePixelsError(Exception):
    """Stored values that are not what the header says; the message is the end of a sentence."""


def scalings(dataset: FileDataset, count: int) -> list[Scaling]:
    """Return the scaling of each of `count` frames (PS3.3 C.11.1, C.7.6.16.2.9).

    Where Philips gives its scale slope SS (2005,100E), in the data set or per frame in (2005,140F), stored values
    SV become comparable between slices, phases and series by (SV RS + RI) / (RS SS), doi:10.1002/jmri.24271. The
    standard rescaling alone is scaled to the display, series by series, so that an enhancement read from it would
    be wrong. The scale intercept (2005,100D) is not used: it repeats RI / RS with the sign turned, and not every
    release writes it.
    """
    elements = Elements(dataset, {})
    own = elements.items("PerFrameFunctionalGroupsSequence")
    shared = next(iter(elements.items("SharedFunctionalGroupsSequence")), None)
    return [
        _scaling(elements, multiframe.FrameGroups(own[index] if index < len(own) else None, shared))
        for index in range(count)
    ]


def _scaling(elements: Elements, groups: multiframe.FrameGroups) -> Scaling:
    transformation = groups.macro("PixelValueTransformationSequence") or elements
    if transformation.lacks_number("RescaleSlope") or transformation.lacks_number("RescaleIntercept"):
        # Taken for 1 and 0, as where there are none, its signal would be another.
        raise UnusablePixelsError("has a rescale slope or intercept that is no number")
    slope = transformation.number("RescaleSlope")
    slope, intercept = 1.0 if slope is None else slope, transformation.number("RescaleIntercept") or 0.0
    for place in (*groups.private_items("Philips MR Imaging DD 005", 0x0F), elements):
        scale = next(iter(place.private_numbers("Philips MR Imaging DD 001", 0x0E)), 0.0)
        if scale > 0 and slope:
            return Scaling(1 / scale, intercept / (slope * scale), is_philips=True)
    return Scaling(slope, intercept)
