"""DICOM dates and times as seconds."""

import re
from datetime import date

SECONDS_A_DAY = 86400.0

_TIME = re.compile(r"^(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,6})?$")
_DATE = re.compile(r"^(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})$")
_DATE_TIME = re.compile(r"^(\d{8})(\d{2,6}(?:\.\d{1,6})?)?(?:[+-]\d{4})?$")


def time_of_day_s(value: str) -> float | None:
    """Return a TM value as seconds after midnight, or None where it is not a time (PS3.5 6.2)."""
    found = _TIME.match(value.strip())
    if not found:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return hour * 3600.0 + minute * 60.0 + second + float(found.group(4) or 0)


def day(value: str) -> date | None:
    """Return a DA value as a date, or None where it is not one."""
    found = _DATE.match(value.strip())
    if not found:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def day_s(value: str) -> float | None:
    """Return the midnight of a DA value, s since 0001-01-01, or None where it is not a date."""
    found = day(value)
    return None if found is None else found.toordinal() * SECONDS_A_DAY


def instant_s(days: tuple[str, ...], time: str) -> float | None:
    """Return the instant of `time` on the first readable of `days`; without a date, on day zero."""
    seconds = time_of_day_s(time)
    if seconds is None:
        return None
    return next((start for day in days if (start := day_s(day)) is not None), 0.0) + seconds


def date_time_s(value: str) -> float | None:
    """Return a DT value, s since 0001-01-01, or None (``***`` after de-identification); the zone is left aside."""
    found = _DATE_TIME.match(value.strip())
    if not found or found.group(2) is None:
        return None
    start, seconds = day_s(found.group(1)), time_of_day_s(found.group(2))
    return None if start is None or seconds is None else start + seconds
