"""The day of an examination, which laboratory values must lie near."""

import warnings
from datetime import date

from dicom_io.assembly.elements import Elements
from dicom_io.assembly.instants import day
from dicom_io.assembly.match_result import RoleMatch
from dicom_io.assembly.multiframe import FrameGroups
from dicom_io.assembly.wanted import wanted_tags
from dicom_io.reading import read_file

_DATE_DIGITS = 8
"""Of a DT value, YYYYMMDD (PS3.5 6.2)."""


def examined_on(chosen: RoleMatch) -> date | None:
    """Return the day on which the images of a role were acquired; None where the headers do not say.

    Acquisition comes before the study, which may have been opened at the booking.

    Parameters
    ----------
    chosen
        Its files still lie where they were scanned.

    Raises
    ------
    OSError
        The file is gone.
    """
    with warnings.catch_warnings():
        # pydicom warns of every malformed date, with the date; here it is as good as none.
        warnings.simplefilter("ignore")
        with chosen.instances[0].path.open("rb") as file:
            dataset = read_file(file, tags=wanted_tags(), stop_before_pixels=True)
        elements = Elements(dataset, {})
        own = elements.items("PerFrameFunctionalGroupsSequence")
        index = chosen.frame_numbers[0] - 1 if chosen.frame_numbers else 0
        groups = FrameGroups(own[index] if index < len(own) else None, None)
        stated = (
            groups.word("FrameContentSequence", "FrameAcquisitionDateTime")[:_DATE_DIGITS],
            elements.word("AcquisitionDate"),
            elements.word("AcquisitionDateTime")[:_DATE_DIGITS],
            elements.word("StudyDate"),
        )
    return next((found for value in stated if (found := day(value)) is not None), None)
