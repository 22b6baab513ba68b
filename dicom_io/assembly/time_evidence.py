"""What the time of a phase says for or against its role."""

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import Timing
from dicom_io.assembly.match_result import Evidence
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role


def time_evidence(subvolume: SubVolume, role: Role, rules: SeriesRules, timing: Timing) -> tuple[Evidence, ...]:
    """Return what the time says for or against a dynamic role; nothing where it weighs nothing."""
    hit, miss = time_weights(role, rules, timing)
    elapsed = timing.clock.instants_s[subvolume] - timing.injection_s
    window = phase_window_s(role, rules)
    shown = f"{elapsed:+.0f} s from the {'recorded' if timing.measured else 'estimated'} injection"
    rule = f"weights.time_{'measured' if timing.measured else 'estimated'}.{role}"
    weight = hit if window[0] <= elapsed <= window[1] else miss
    return (Evidence("time", timing.clock.source, shown, weight, rule),) if weight else ()


def time_weights(role: Role, rules: SeriesRules, timing: Timing) -> tuple[float, float]:
    """Return the weight of a time inside the window of a dynamic role and of one outside."""
    table = rules.weights.time_measured if timing.measured else rules.weights.time_estimated
    return table[role.value]


def phase_window_s(role: Role, rules: SeriesRules) -> tuple[float, float]:
    """Return the window of a dynamic role, s after the injection."""
    return {
        Role.T1_PRE: (float("-inf"), 0.0),
        Role.T1_ARTERIAL: rules.time.arterial_s,
        Role.T1_PORTAL: rules.time.portal_s,
        Role.T1_HEPATOBILIARY: rules.time.hepatobiliary_s,
    }[role]
