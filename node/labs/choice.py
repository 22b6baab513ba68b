"""Which of several laboratory values belongs to an examination."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time

from config.analytes import DateWindow
from pipeline.specimen import Examined, is_inside
from pipeline.study import Analyte, ClinicalValue


def values_of_examination(
    known: Mapping[Analyte, Sequence[ClinicalValue]], examined: Examined, window: DateWindow
) -> dict[Analyte, ClinicalValue]:
    """Choose one value of each analyte.

    Parameters
    ----------
    known
        All values of one patient, in the order in which they were received.
    examined
        When the images were acquired; the last collected value is chosen where the day is unknown.
    window
        How far a specimen may lie from the images.

    Returns
    -------
    dict[Analyte, ClinicalValue]
        The value inside the window that lies nearest to the images; else one without a date; else a bound such as
        ``<5`` inside the window; else the nearest outside, for the report to name.
        Of one day the nearest whose time is known, where the one received last has a time; else that one.
    """

    def rank(value: ClinicalValue) -> tuple[int, int]:
        if value.collected_on is None:
            return 2, 0
        if examined.on is None:
            return 1 if value.comparator else 3, value.collected_on.toordinal()
        days = (value.collected_on - examined.on).days
        if not is_inside(value, examined, window):
            return 0, -abs(days)
        return 1 if value.comparator else 3, -abs(days)

    def best(values: Sequence[ClinicalValue]) -> ClinicalValue:
        # `max` keeps the first of equals.
        last = max(reversed(values), key=rank)
        if "T" not in last.collected_at:
            return last
        # Results overtake each other: the one received last may be of the earlier specimen of a day.
        of_day = [item for item in reversed(values) if rank(item) == rank(last) and "T" in item.collected_at]
        of_day = [item for item in of_day if item.collected_on == last.collected_on]
        is_before = examined.on is None or (last.collected_on or examined.on) <= examined.on
        return (max if is_before else min)(of_day, key=_time_of)

    return {analyte: best(values) for analyte, values in known.items() if values}


def _time_of(value: ClinicalValue) -> time:
    return datetime.fromisoformat(value.collected_at).time()
