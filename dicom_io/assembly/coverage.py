"""How much of the hepatobiliary phase another series covers, and whether it is of the same examination."""

from statistics import median

from config.series_rules import SeriesRules
from dicom_io.assembly.instants import SECONDS_A_DAY
from dicom_io.assembly.subvolumes import SubVolume

Edges = tuple[float, float]


def coverage(subvolume: SubVolume, reference: SubVolume) -> float:
    """Return which part of the height of `reference` is covered by `subvolume`, 0 to 1."""
    return _shared(subvolume.extent_mm, reference.extent_mm)


def in_plane_coverage(subvolume: SubVolume, reference: SubVolume) -> float:
    """Return which part of the field of view of `reference` is covered along x or y, the lesser one, 0 to 1."""
    one, other = subvolume.field_of_view_mm, reference.field_of_view_mm
    if one is None or other is None:
        return 0.0
    return min(_shared(own, its) for own, its in zip(one, other, strict=True))


def covers(subvolume: SubVolume, reference: SubVolume, rules: SeriesRules) -> bool:
    """Tell whether `subvolume` covers enough of `reference` in all three directions."""
    return (
        coverage(subvolume, reference) >= rules.geometry.coverage
        and in_plane_coverage(subvolume, reference) >= rules.geometry.in_plane_coverage
    )


def frames_of_reference_differ(one: SubVolume, other: SubVolume, rules: SeriesRules) -> bool:
    """Tell whether two sub-volumes do not name the same frame of reference, and the site forbids that."""
    a, b = one.series.frame_of_reference_uid, other.series.frame_of_reference_uid
    return a != b and rules.geometry.frame_of_reference == "require"


def days_differ(one: SubVolume, other: SubVolume, rules: SeriesRules) -> bool:
    """Tell whether two sub-volumes are of other dates, farther apart than an examination over midnight."""
    a, b = moment_s(one), moment_s(other)
    if a is None or b is None or a // SECONDS_A_DAY == b // SECONDS_A_DAY:
        return False
    return abs(a - b) > rules.time.examination_s


def moment_s(subvolume: SubVolume) -> float | None:
    """Return when it was acquired, s since 0001-01-01; None where no header gives a date with the time.

    Content times are left aside: a reconstruction may be of the next day.
    """
    found = []
    for frame in subvolume.frames:
        times = frame.times
        acquired = times.acquisition_s if times.frame_acquisition_s is None else times.frame_acquisition_s
        found.append(times.series_s if acquired is None else acquired)
    known = [value for value in found if value is not None and value >= SECONDS_A_DAY]
    return median(known) if known else None


def _shared(one: Edges | None, other: Edges | None) -> float:
    if one is None or other is None or other[1] <= other[0]:
        return 0.0
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0])) / (other[1] - other[0])
