"""When a specimen was taken, beside the images that its values are to explain."""

from datetime import date, datetime, time
from typing import NamedTuple

from config.analytes import DateWindow
from pipeline.study import ClinicalValue


class Examined(NamedTuple):
    """When images were acquired.

    Parameters
    ----------
    on
        Their day; None where unknown.
    began
        Time of day of the first of them, at the scanner; None where unknown.
    """

    on: date | None = None
    began: time | None = None


def is_inside(value: ClinicalValue, examined: Examined, window: DateWindow) -> bool:
    """Tell whether a value lies near enough to the images; a day that is not known decides nothing."""
    if value.collected_on is None or examined.on is None:
        return not (value.collected_on is None and window.require_date)
    days = (value.collected_on - examined.on).days
    return -window.days_before <= days <= window.days_after and not is_too_late_that_day(value, examined, window)


def is_too_late_that_day(value: ClinicalValue, examined: Examined, window: DateWindow) -> bool:
    """Tell whether a specimen may have been taken after the images of its day, where none of after counts."""
    return window.days_after == 0 and may_be_after(value, examined)


def may_be_after(value: ClinicalValue, examined: Examined) -> bool:
    """Tell whether a specimen may have been taken after the first image.

    Of the day of the images a specimen counts where both times are known. Midnight is what systems write that
    know the day alone. A time with a zone is read as the clock of the laboratory and as that of the site: neither
    may be later, since DICOM times mostly have no zone.
    """
    if value.collected_on is None or examined.on is None:
        return False
    readings = _readings(value.collected_at)
    if not readings:
        return value.collected_on >= examined.on
    first_image = datetime.combine(examined.on, examined.began or time.min)
    return any(reading > first_image for reading in readings)


def _readings(collected_at: str) -> list[datetime]:
    """Return the times on the clock of the site that an instant may mean; none where it is a day alone."""
    if "T" not in collected_at:
        return []
    instant = datetime.fromisoformat(collected_at)
    if instant.time() == time.min:
        return []
    if instant.tzinfo is None:
        return [instant]
    return [instant.replace(tzinfo=None), instant.astimezone().replace(tzinfo=None)]
