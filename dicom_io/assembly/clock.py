"""Which time can be trusted to tell the phases of contrast apart, and when the injection was."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from config.matching_limits import TimeRules
from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.instants import SECONDS_A_DAY, time_of_day_s
from dicom_io.assembly.subvolumes import SubVolume

PHASES_TO_SEPARATE = 4
"""Before contrast, arterial, portal venous, hepatobiliary."""

Measure = Callable[[Sequence[SubVolume]], dict[SubVolume, float]]

RESOLUTION_S = 0.5
"""Sub-volumes closer than this are not separate phases."""


@dataclass(frozen=True)
class Clock:
    """The instant of each sub-volume.

    Parameters
    ----------
    source
        DICOM keyword that the instants come from.
    instants_s
        Median instant by sub-volume, s since an arbitrary midnight.
    """

    source: str
    instants_s: Mapping[SubVolume, float]


def choose_clock(phases: Sequence[SubVolume]) -> Clock | None:
    """Choose the first source that separates `phases`.

    Parameters
    ----------
    phases
        T1 sub-volumes that may be phases of contrast.

    Returns
    -------
    Clock or None
        None where no source gives every sub-volume an instant, separates those of one series, and has as many
        distinct instants as there are phases (at most four need to be told apart).
    """
    for source, measure in _SOURCES:
        instants = measure(phases)
        if len(instants) == len(phases) and phases and _separates(instants):
            return Clock(source, _one_day(instants))
    return None


def injection_s(clock: Clock, phases: Sequence[SubVolume], rules: TimeRules) -> float | None:
    """Return the recorded instant of injection where it can be true: after one phase and just before the next.

    Contrast/Bolus Start Time is typed, often on the injector's clock, and is believed only within these limits.
    """
    times = sorted(clock.instants_s.values())
    for phase in phases:
        start = time_of_day_s(phase.physics.contrast_start)
        if start is None:
            continue
        midnight = clock.instants_s[phase] // SECONDS_A_DAY * SECONDS_A_DAY
        # A study over midnight may have been injected on the evening before the phase that records it.
        for candidate in (midnight + start, midnight + start - SECONDS_A_DAY):
            earlier = bisect_left(times, candidate)
            if 0 < earlier < len(times) and times[earlier] - candidate <= rules.arterial_s[1]:
                return candidate
    return None


def _separates(instants: Mapping[SubVolume, float]) -> bool:
    series: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for subvolume, value in instants.items():
        # Echoes and Dixon images of one phase have one instant.
        physics = subvolume.physics
        kind = (physics.echo_number, physics.echo_time_ms, physics.dixon, physics.image_type)
        series[subvolume.series.series_instance_uid, *kind].append(value)
    if any(_distinct(values) < len(values) for values in series.values()):
        return False
    return _distinct(instants.values()) >= min(PHASES_TO_SEPARATE, len(instants))


def _distinct(values: Iterable[float]) -> int:
    return 1 + sum(b - a > RESOLUTION_S for a, b in pairwise(sorted(values)))


def _one_day(instants: Mapping[SubVolume, float]) -> dict[SubVolume, float]:
    """Undo the jump at midnight where times come without dates of their own: no examination lasts half a day."""
    first, last = min(instants.values()), max(instants.values())
    dated = first // SECONDS_A_DAY != last // SECONDS_A_DAY
    if dated or last - first <= SECONDS_A_DAY / 2:
        return dict(instants)
    middle = first + SECONDS_A_DAY / 2
    return {item: value + (SECONDS_A_DAY if value < middle else 0) for item, value in instants.items()}


def _median_of(
    read: Callable[[FrameFacts], float | None],
) -> Measure:
    def measure(phases: Sequence[SubVolume]) -> dict[SubVolume, float]:
        found = {}
        for phase in phases:
            values = [value for frame in phase.frames if (value := read(frame)) is not None]
            if len(values) == len(phase.frames):
                found[phase] = median(values)
        return found

    return measure


def _triggered(phases: Sequence[SubVolume]) -> dict[SubVolume, float]:
    """Measure from the start of each series by Trigger Time, as GE and Philips do in a multi-phase series."""
    triggers = _median_of(lambda frame: frame.times.trigger_s)(phases)
    starts = _median_of(lambda frame: frame.times.acquisition_s or frame.times.series_s)(phases)
    counts = Counter(phase.series.series_instance_uid for phase in phases)
    found = {}
    for phase, start in starts.items():
        # A series of one phase needs no offset: its own start is its instant.
        offset = triggers.get(phase) if counts[phase.series.series_instance_uid] > 1 else 0.0
        if offset is not None:
            found[phase] = start + offset
    return found


_SOURCES: tuple[tuple[str, Measure], ...] = (
    ("FrameAcquisitionDateTime", _median_of(lambda frame: frame.times.frame_acquisition_s)),
    ("AcquisitionTime", _median_of(lambda frame: frame.times.acquisition_s)),
    ("TriggerTime", _triggered),
    ("ContentTime", _median_of(lambda frame: frame.times.content_s)),
    ("SeriesTime", _median_of(lambda frame: frame.times.series_s)),
)
"""In order of trust; content and series time may be times of reconstruction."""
