"""When an examination took place, which laboratory values must lie near."""

import warnings
from contextlib import suppress
from datetime import date, time

from dicom_io.assembly.elements import Elements
from dicom_io.assembly.instants import date_time_s, day, time_of_day_s
from dicom_io.assembly.match_result import MatchResult, RoleMatch
from dicom_io.assembly.multiframe import FrameGroups
from dicom_io.assembly.wanted import wanted_tags
from dicom_io.reading import read_file
from pipeline.specimen import Examined
from pipeline.study import FIXED_ROLE, MOVING_ROLES

_DATE_DIGITS = 8
"""Of a DT value, YYYYMMDD (PS3.5 6.2)."""
_SECONDS_A_DAY = 86400


def when_examined(match: MatchResult) -> Examined:
    """Return the day of the hepatobiliary phase, and the time of the first image of all roles on it.

    Acquisition comes before the study, which may have been opened at the booking.

    Parameters
    ----------
    match
        Accepted; its files still lie where they were scanned.

    Raises
    ------
    OSError
        The file of the hepatobiliary phase is gone.
    """
    with warnings.catch_warnings():
        # pydicom warns of every malformed date, with the date; here it is as good as none.
        warnings.simplefilter("ignore")
        on, at = _acquired(match.roles[FIXED_ROLE])
        found = [(on, at)]
        for role in MOVING_ROLES:
            # Whoever reads its pixels says that a file is gone.
            with suppress(OSError):
                found.append(_acquired(match.roles[role]))
    if on is None:
        return Examined()
    # What began before midnight began before the day of the images.
    began = [time.min if own is not None and own < on else at for own, at in found if own is None or own <= on]
    known = [at for at in began if at is not None]
    return Examined(on, min(known) if known else None)


def _acquired(chosen: RoleMatch) -> tuple[date | None, time | None]:
    """Return day and time of the first image of a role; None where the headers do not say."""
    with chosen.instances[0].path.open("rb") as file:
        dataset = read_file(file, tags=wanted_tags(), stop_before_pixels=True)
    elements = Elements(dataset, {})
    own = elements.items("PerFrameFunctionalGroupsSequence")
    index = chosen.frame_numbers[0] - 1 if chosen.frame_numbers else 0
    groups = FrameGroups(own[index] if index < len(own) else None, None)
    frame = groups.word("FrameContentSequence", "FrameAcquisitionDateTime")
    acquired = elements.word("AcquisitionDateTime")
    days = (
        frame[:_DATE_DIGITS],
        elements.word("AcquisitionDate"),
        acquired[:_DATE_DIGITS],
        elements.word("StudyDate"),
    )
    on = next((found for value in days if (found := day(value)) is not None), None)
    # The series may have begun before its image that lies first in space; the study tells nothing better.
    seconds = [date_time_s(frame), date_time_s(acquired)]
    seconds += [time_of_day_s(elements.word(name)) for name in ("AcquisitionTime", "SeriesTime")]
    known = [found for found in seconds if found is not None]
    opened = time_of_day_s(elements.word("StudyTime"))
    if not known and opened is not None:
        known = [opened]
    return on, _time(min(found % _SECONDS_A_DAY for found in known)) if known else None


def _time(seconds: float) -> time:
    whole = int(seconds)
    return time(whole // 3600, whole // 60 % 60, whole % 60)
