"""How far a study that still arrives has come, by its roles and by the clock of its scanner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from config.series_rules import SeriesRules
from dicom_io.assembly.decision import Decision
from dicom_io.assembly.instants import SECONDS_A_DAY
from dicom_io.assembly.lexicon import Lexicon
from dicom_io.assembly.matching import FILLED, sort_and_decide, status_of_roles
from dicom_io.assembly.overrides import Override
from dicom_io.assembly.scan_result import ScanResult
from pipeline.study import FIXED_ROLE, Role


@dataclass(frozen=True)
class StudyProgress:
    """What the instances so far say.

    Parameters
    ----------
    roles
        ``filled``, ``ambiguous`` or ``empty``.
    hepatobiliary_due_s
        How long after the acquisition of the latest image the hepatobiliary phase is acquired at the latest, s; 0
        where it is here, or due already.
    acquired_on
        Day of the latest image by the clock of the scanner; None where the headers do not say.
    """

    roles: Mapping[Role, str] = field(default_factory=dict)
    hepatobiliary_due_s: float = 0.0
    acquired_on: date | None = None

    @property
    def open_roles(self) -> tuple[Role, ...]:
        """Roles that nothing fills, or more than one sub-volume."""
        return tuple(role for role in Role if self.roles.get(role) != FILLED)


def study_progress(scan: ScanResult, rules: SeriesRules, overrides: Sequence[Override] = ()) -> StudyProgress:
    """Return how far a study has come.

    Only differences of acquisition times are used: the clock of a scanner may be wrong, and has no zone.

    Parameters
    ----------
    scan
        Facts of one study.
    rules
        Weights, windows and lexicon; the hepatobiliary phase is due at its target time after the injection.
    overrides
        What people assigned.
    """
    _, decision = sort_and_decide(scan, rules, Lexicon(rules), overrides)
    roles = status_of_roles(decision)
    latest_s = max((s for frame in scan.frames if (s := frame.times.acquisition_s) is not None), default=None)
    due_s = 0.0
    if roles[FIXED_ROLE] != FILLED:
        due_s = max(0.0, rules.time.hepatobiliary_target_s - _since_injection_s(decision, latest_s))
    return StudyProgress(roles, due_s, _day(latest_s))


def _since_injection_s(decision: Decision, latest_s: float | None) -> float:
    """Return how long after the injection the latest image was acquired, s; 0 where no phase tells of one."""
    # A phase alone is taken for any: only one before contrast and one after it tell of an injection between them.
    told = decision.choices.keys() >= {Role.T1_PRE, Role.T1_ARTERIAL}
    if decision.timing is None or not (told or decision.timing.measured):
        return 0.0
    phases_s = max(decision.timing.clock.instants_s.values())
    return max(0.0, max(phases_s, latest_s or 0.0) - decision.timing.injection_s)


def _day(instant_s: float | None) -> date | None:
    # Seconds since 0001-01-01; a time without a date lies on day zero.
    if instant_s is None or instant_s < SECONDS_A_DAY:
        return None
    return date.fromordinal(int(instant_s // SECONDS_A_DAY))
