"""Whether all slices of a sub-volume are here. A tail that never came leaves no gap to be seen."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import Candidate
from dicom_io.assembly.facts import FrameFacts, SeriesFacts
from dicom_io.assembly.gates import t1_physics
from dicom_io.assembly.grids import Grids
from dicom_io.assembly.instants import SECONDS_A_DAY
from dicom_io.assembly.verdicts import Verdict

_SHOWN = 3
"""Images named of a mixture."""

_PAUSE_S = 5.0
"""Between two slices of one 3D volume: its times are equal or drift by less, those of phases lie farther apart."""


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
    """Return what tells that slices of a candidate are missing at its end or of another phase, or None.

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
    return (
        _short_of_announced(candidate, sizes)
        or _short_of_phases(candidate, grids, rules)
        or _of_two_moments(candidate, rules)
    )


def _of_two_moments(candidate: Candidate, rules: SeriesRules) -> Verdict | None:
    """Return that slices of another phase took the place of its own; 2D images have breath-holds between them."""
    volume = candidate.subvolume
    if volume.physics.acquisition_type != "3D" or t1_physics(candidate, rules) <= 0:
        return None
    timed = sorted(
        (time_s, frame.instance_number or 0)
        for frame in volume.frames
        if (time_s := frame.times.frame_acquisition_s or frame.times.acquisition_s) is not None
    )
    pauses = [later - earlier for (earlier, _), (later, _) in pairwise(timed)]
    longest_s = max(pauses, default=0.0)
    # A volume acquired over midnight under one date looks a day long.
    if not _PAUSE_S < longest_s < SECONDS_A_DAY / 2:
        return None
    cut = pauses.index(longest_s) + 1
    strange = min(timed[:cut], timed[cut:], key=len)
    numbers = sorted(number for _, number in strange)
    named = ", ".join(map(str, numbers[:_SHOWN])) + (", ..." if len(numbers) > _SHOWN else "")
    return Verdict(
        "SM-INCOMPLETE",
        f"{len(strange)} of its {len(timed)} slices (image {named}) "
        f"{'was' if len(strange) == 1 else 'were'} acquired "
        f"{longest_s:.0f} s apart from the others, as in another phase",
        "(0008,0032)",
    )


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
