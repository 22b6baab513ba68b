"""Whether all slices of a sub-volume are here. A tail that never came leaves no gap to be seen."""

from collections import Counter
from collections.abc import Sequence

from config.series_rules import SeriesRules
from dicom_io.assembly.evidence import Candidate
from dicom_io.assembly.facts import FrameFacts, SeriesFacts
from dicom_io.assembly.grids import Grids
from dicom_io.assembly.rejects import Verdict


class SeriesSizes:
    """How many images each series of a study has, and how many its headers announce.

    Parameters
    ----------
    frames
        All of one study.
    """

    def __init__(self, frames: Sequence[FrameFacts]) -> None:
        self._found = Counter(frame.series.series_instance_uid for frame in frames)
        announced = {frame.series.series_instance_uid: frame.series.images_in_acquisition for frame in frames}
        self._alike = Counter((announced[uid], found) for uid, found in self._found.items())

    def found(self, series: SeriesFacts) -> int:
        """Return the number of images that are here."""
        return self._found[series.series_instance_uid]

    def is_part(self, series: SeriesFacts) -> bool:
        """Tell whether the announced images lie in equal parts in several series: one a phase or a Dixon image."""
        announced, found = series.images_in_acquisition, self.found(series)
        if announced is None or announced % found:
            return False
        return 1 < announced // found <= self._alike[announced, found]


def shortfall(candidate: Candidate, grids: Grids, sizes: SeriesSizes, rules: SeriesRules) -> Verdict | None:
    """Return what tells that slices of a candidate are missing at its end, or None.

    Parameters
    ----------
    candidate
        The one to be judged.
    grids
        Of the possible phases of contrast of the study.
    sizes
        Of the same study.
    rules
        Which share of the usual phase a phase must have.
    """
    return _short_of_announced(candidate, sizes) or _short_of_phases(candidate, grids, rules)


def _short_of_announced(candidate: Candidate, sizes: SeriesSizes) -> Verdict | None:
    series = candidate.subvolume.series
    announced = series.images_in_acquisition
    if announced is None:
        return None
    # No more than one stack holds: it counts one phase. More: all phases, b-values and echoes of the series.
    counts_one = announced <= candidate.around.largest_sibling
    found = len(candidate.subvolume.frames) if counts_one else sizes.found(series)
    if found >= announced or sizes.is_part(series):
        return None
    return Verdict("SM-INCOMPLETE", f"its headers announce {announced} images, of which {found} are here")


def _short_of_phases(candidate: Candidate, grids: Grids, rules: SeriesRules) -> Verdict | None:
    # The median, not the largest: a series over abdomen and pelvis does not make the phases of the liver short.
    usual, slices = grids.usual_slices(candidate.subvolume), len(candidate.subvolume.frames)
    if usual is None or slices >= rules.geometry.sibling_slices * usual:
        return None
    return Verdict("SM-INCOMPLETE", f"it has {slices} slices where the phases on its grid have {usual}")
