"""Which of several laboratory values belongs to an examination."""

from collections.abc import Mapping, Sequence
from datetime import date

from config.analytes import DateWindow
from pipeline.study import Analyte, ClinicalValue


def values_of_examination(
    known: Mapping[Analyte, Sequence[ClinicalValue]], examined_on: date | None, window: DateWindow
) -> dict[Analyte, ClinicalValue]:
    """Choose one value of each analyte.

    Parameters
    ----------
    known
        All values of one patient, in the order in which they were received.
    examined_on
        Date of the images; the last collected value is chosen where it is unknown.
    window
        How far a specimen may lie from the images.

    Returns
    -------
    dict[Analyte, ClinicalValue]
        The value inside the window that lies nearest to the images; else one without a date; else a bound such as
        ``<5`` inside the window; else the nearest outside, for the report to name.
        Of equals, the one received last.
    """

    def rank(value: ClinicalValue) -> tuple[int, int]:
        if value.collected_on is None:
            return 2, 0
        if examined_on is None:
            return 1 if value.comparator else 3, value.collected_on.toordinal()
        days = (value.collected_on - examined_on).days
        if not is_inside(value, examined_on, window):
            return 0, -abs(days)
        return 1 if value.comparator else 3, -abs(days)

    # `max` keeps the first of equals.
    return {analyte: max(reversed(values), key=rank) for analyte, values in known.items() if values}


def is_inside(value: ClinicalValue, examined_on: date | None, window: DateWindow) -> bool:
    """Tell whether a value lies near enough to the images; a day that is not known decides nothing."""
    if value.collected_on is None or examined_on is None:
        return not (value.collected_on is None and window.require_date)
    return -window.days_before <= (value.collected_on - examined_on).days <= window.days_after
