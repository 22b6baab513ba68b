"""Which of several equivalent series of a role is taken first."""

from collections.abc import Callable, Mapping
from typing import Any

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import Timing
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.time_evidence import phase_window_s
from pipeline.study import Role

Order = tuple[Any, ...]
"""Sort key; the smallest is preferred."""


def elapsed_s(item: Scored, timing: Timing | None) -> float:
    """Return when a sub-volume was acquired after the injection, s; 0 without a clock."""
    return 0.0 if timing is None else timing.clock.instants_s[item.subvolume] - timing.injection_s


def within(role: Role, item: Scored, timing: Timing, rules: SeriesRules) -> bool:
    """Tell whether the time of a sub-volume lies in the window of a dynamic role."""
    low, high = phase_window_s(role, rules)
    return low <= elapsed_s(item, timing) <= high


def _acquired(item: Scored) -> tuple[float, int]:
    times = item.subvolume.frames[0].times
    return (
        times.acquisition_s or times.content_s or times.series_s or 0.0,
        item.subvolume.series.series_number or 0,
    )


def _latest(item: Scored, timing: Timing | None, _rules: SeriesRules) -> Order:
    return (-elapsed_s(item, timing), *(-part for part in _acquired(item)))


def _arterial(item: Scored, timing: Timing | None, rules: SeriesRules) -> Order:
    elapsed = elapsed_s(item, timing)
    too_late = elapsed > rules.time.arterial_latest_s
    middle = sum(rules.time.arterial_s) / 2
    key = {"late": -elapsed, "early": elapsed, "middle": abs(elapsed - middle)}[rules.time.arterial_pick]
    return (too_late, key)


def _portal(item: Scored, timing: Timing | None, rules: SeriesRules) -> Order:
    return (abs(elapsed_s(item, timing) - rules.time.portal_target_s),)


def _hepatobiliary(item: Scored, timing: Timing | None, rules: SeriesRules) -> Order:
    elapsed = elapsed_s(item, timing)
    return (abs(elapsed - rules.time.hepatobiliary_target_s), -elapsed, item.subvolume.spacing.step_mm)


def _diffusion(item: Scored, timing: Timing | None, rules: SeriesRules) -> Order:
    b_value = item.subvolume.physics.b_value_s_per_mm2 or 0.0
    return (abs(b_value - rules.diffusion.target_s_per_mm2), *_latest(item, timing, rules))


ORDERS: Mapping[Role, Callable[[Scored, Timing | None, SeriesRules], Order]] = {
    Role.T2: _latest,
    Role.DWI: _diffusion,
    Role.T1_PRE: _latest,
    Role.T1_ARTERIAL: _arterial,
    Role.T1_PORTAL: _portal,
    Role.T1_HEPATOBILIARY: _hepatobiliary,
}
