"""The phases of contrast scored under each hypothesis of the injection, the lasting evidence once for all."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate, Timing
from dicom_io.assembly.clock import Clock
from dicom_io.assembly.evidence import evidence
from dicom_io.assembly.overrides import Placed
from dicom_io.assembly.scoring import (
    SCORE_DECIMALS,
    Scored,
    agent_used,
    assigned_to,
    free_for,
    scored,
    total,
    weigh,
)
from dicom_io.assembly.time_evidence import phase_window_s, time_evidence, time_weights
from pipeline.study import Role

Pools = Sequence[tuple[Timing, Mapping[Role, Sequence[Scored]]]]
"""Scored candidates of each role under each hypothesis of the injection."""


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
        role: _Lasting(free_for(candidates, role, rules, placed), role, clock, rules, agent_used=used)
        for role in DYNAMIC_ROLES
        if role not in placed.impossible
    }

    def pool(role: Role, timing: Timing) -> list[Scored]:
        if role not in lasting:
            return []
        held = [
            weigh(item, role, rules, timing=timing, agent_used=used, assigned=by)
            for item, by in assigned_to(role, placed)
        ]
        return [*held, *lasting[role].under(timing, rules)]

    return [
        (timing, {role: pool(role, timing) for role in DYNAMIC_ROLES})
        for timing in _hypotheses(clock, recorded_s, rules)
    ]


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
        self._weights = np.array([total(reasons) for reasons in self._reasons], dtype=np.float64)
        instants = [clock.instants_s[candidate.subvolume] for candidate in self._candidates]
        self._instants_s = np.array(instants, dtype=np.float64)

    def under(self, timing: Timing, rules: SeriesRules) -> list[Scored]:
        """Return the best candidates under one hypothesis; of equal ones the first."""
        low, high = phase_window_s(self._role, rules)
        hit, miss = time_weights(self._role, rules, timing)
        elapsed = self._instants_s - timing.injection_s
        scores = self._weights + np.where((low <= elapsed) & (elapsed <= high), hit, miss)
        return [
            scored(
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
