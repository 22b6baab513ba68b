"""Which of several laboratory values belongs to an examination."""

from collections.abc import Mapping, Sequence

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
        Of equals, the one received last.
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

    # `max` keeps the first of equals.
    return {analyte: max(reversed(values), key=rank) for analyte, values in known.items() if values}
