"""Candidates scored in a role: once for what always holds, and for the time under each hypothesis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from config.series_rules import SeriesRules
from dicom_io.assembly.clock import Clock
from dicom_io.assembly.evidence import (
    DYNAMIC_ROLES,
    Candidate,
    Timing,
    evidence,
    gate,
    phase_window_s,
    time_evidence,
    time_weights,
)
from dicom_io.assembly.match_result import Assigned, Evidence
from dicom_io.assembly.overrides import Placed
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role

SCORE_DECIMALS = 2


@dataclass(frozen=True, eq=False)
class Scored:
    """A candidate in a role; `assigned` where a person put it there, and no other may take its place."""

    candidate: Candidate
    evidence: tuple[Evidence, ...]
    score: float
    assigned: Assigned | None = None

    @property
    def subvolume(self) -> SubVolume:
        """The stack itself."""
        return self.candidate.subvolume


Pools = Sequence[tuple[Timing, Mapping[Role, Sequence[Scored]]]]
"""Scored candidates of each role under each hypothesis of the injection."""


def agent_used(candidates: Sequence[Candidate]) -> bool:
    """Tell whether any of the T1 sub-volumes of a study names an agent."""
    return any(candidate.agent not in ("absent", "none") for candidate in candidates)


def weigh(
    candidate: Candidate,
    role: Role,
    rules: SeriesRules,
    *,
    timing: Timing | None = None,
    agent_used: bool = False,
    assigned: Assigned | None = None,
) -> Scored:
    """Score one candidate in `role`, whether it passes its gate or not."""
    reasons = evidence(candidate, role, rules, agent_used=agent_used)
    if timing is not None:
        reasons += time_evidence(candidate.subvolume, role, rules, timing)
    return _scored(candidate, reasons, assigned)


def score_static(
    candidates: Sequence[Candidate], role: Role, rules: SeriesRules, placed: Placed | None = None
) -> list[Scored]:
    """Score the candidates of a role without order against contrast.

    Parameters
    ----------
    candidates
        Live sub-volumes of one study.
    role
        T2 or diffusion.
    rules
        Weights.
    placed
        What a person assigned to the role comes first, and nothing is scored that another role got.

    Returns
    -------
    list[Scored]
        Best first, at most as many as the rules keep.
    """
    placed = placed or Placed()
    if role in placed.impossible:
        return []
    found = [weigh(candidate, role, rules) for candidate in _free(candidates, role, rules, placed)]
    found.sort(key=lambda item: -item.score)
    held = [weigh(item, role, rules, assigned=by) for item, by in _held(role, placed)]
    return [*held, *found[: rules.decision.candidates]]


def score_phases(
    candidates: Sequence[Candidate],
    clock: Clock,
    recorded_s: float | None,
    rules: SeriesRules,
    placed: Placed | None = None,
) -> Pools:
    """Score the possible phases of contrast in each dynamic role, under each hypothesis of the injection.

    Parameters
    ----------
    candidates
        T1 sub-volumes of one study.
    clock
        Gives each of them an instant.
    recorded_s
        Instant of the injection by the headers; None where it is not recorded or not believed.
    rules
        Weights and windows.
    placed
        As for `score_static`.

    Returns
    -------
    Pools
        Best first, at most as many for each role as the rules keep.
    """
    placed = placed or Placed()
    used = agent_used(candidates)
    lasting = {
        role: _Lasting(_free(candidates, role, rules, placed), role, clock, rules, agent_used=used)
        for role in DYNAMIC_ROLES
        if role not in placed.impossible
    }

    def pool(role: Role, timing: Timing) -> list[Scored]:
        if role not in lasting:
            return []
        held = [
            weigh(item, role, rules, timing=timing, agent_used=used, assigned=by)
            for item, by in _held(role, placed)
        ]
        return [*held, *lasting[role].under(timing, rules)]

    return [
        (timing, {role: pool(role, timing) for role in DYNAMIC_ROLES})
        for timing in _hypotheses(clock, recorded_s, rules)
    ]


def _free(candidates: Sequence[Candidate], role: Role, rules: SeriesRules, placed: Placed) -> list[Candidate]:
    taken = placed.taken
    return [item for item in candidates if item.subvolume not in taken and gate(item, role, rules)]


def _held(role: Role, placed: Placed) -> list[tuple[Candidate, Assigned]]:
    return [placed.candidates[role]] if role in placed.candidates else []


def _hypotheses(clock: Clock, recorded_s: float | None, rules: SeriesRules) -> Iterator[Timing]:
    """Yield the instants of injection worth trying: the recorded one, else one before each phase.

    Where the injection is not recorded, any phase may be the first arterial one; the joint score decides which.
    """
    if recorded_s is not None:
        yield Timing(clock, recorded_s, measured=True)
        return
    for instant in sorted(set(clock.instants_s.values())):
        yield Timing(clock, instant - rules.time.arterial_delay_s, measured=False)


class _Lasting:
    """The evidence of a role that holds under every hypothesis.

    A study of thousands of series has as many hypotheses as phases, so that what is done for each pair of the two
    is arithmetic on arrays.
    """

    def __init__(
        self, candidates: Sequence[Candidate], role: Role, clock: Clock, rules: SeriesRules, *, agent_used: bool
    ) -> None:
        self._role = role
        self._candidates = candidates
        self._reasons = [evidence(item, role, rules, agent_used=agent_used) for item in self._candidates]
        self._weights = np.array([_total(reasons) for reasons in self._reasons], dtype=np.float64)
        instants = [clock.instants_s[candidate.subvolume] for candidate in self._candidates]
        self._instants_s = np.array(instants, dtype=np.float64)

    def under(self, timing: Timing, rules: SeriesRules) -> list[Scored]:
        """Return the best candidates under one hypothesis; of equal ones the first."""
        low, high = phase_window_s(self._role, rules)
        hit, miss = time_weights(self._role, rules, timing)
        elapsed = self._instants_s - timing.injection_s
        scores = self._weights + np.where((low <= elapsed) & (elapsed <= high), hit, miss)
        return [
            _scored(
                self._candidates[index],
                self._reasons[index] + time_evidence(self._candidates[index].subvolume, self._role, rules, timing),
            )
            for index in _highest(scores.round(SCORE_DECIMALS), rules.decision.candidates)
        ]


def _highest(scores: npt.NDArray[np.float64], number: int) -> list[int]:
    """Return the indices of the highest scores, best first, of equal ones the first, without sorting the rest."""
    if scores.size > number:
        least = np.partition(scores, scores.size - number)[scores.size - number]
        above = np.flatnonzero(scores > least)
        kept = np.concatenate([above, np.flatnonzero(scores == least)[: number - above.size]])
        kept.sort()
    else:
        kept = np.arange(scores.size)
    return [int(index) for index in kept[np.argsort(-scores[kept], kind="stable")]]


def _scored(candidate: Candidate, reasons: tuple[Evidence, ...], assigned: Assigned | None = None) -> Scored:
    return Scored(candidate, reasons, round(_total(reasons), SCORE_DECIMALS), assigned)


def _total(reasons: Sequence[Evidence]) -> float:
    return sum(item.weight for item in reasons)
