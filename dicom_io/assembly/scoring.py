"""Candidates scored in a role: the sum of what speaks for and against each."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import Candidate, Timing
from dicom_io.assembly.evidence import evidence
from dicom_io.assembly.gates import gate
from dicom_io.assembly.match_result import Assigned, Evidence
from dicom_io.assembly.overrides import Placed
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.time_evidence import time_evidence
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
    return scored(candidate, reasons, assigned)


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
    found = [weigh(candidate, role, rules) for candidate in free_for(candidates, role, rules, placed)]
    found.sort(key=lambda item: -item.score)
    held = [weigh(item, role, rules, assigned=by) for item, by in assigned_to(role, placed)]
    return [*held, *found[: rules.decision.candidates]]


def free_for(candidates: Sequence[Candidate], role: Role, rules: SeriesRules, placed: Placed) -> list[Candidate]:
    """Return what may fill `role` and was not assigned to another."""
    taken = placed.taken
    return [item for item in candidates if item.subvolume not in taken and gate(item, role, rules)]


def assigned_to(role: Role, placed: Placed) -> list[tuple[Candidate, Assigned]]:
    """Return what a person assigned to `role`, and who."""
    return [placed.candidates[role]] if role in placed.candidates else []


def scored(candidate: Candidate, reasons: tuple[Evidence, ...], assigned: Assigned | None = None) -> Scored:
    """Return a candidate with the sum of its reasons."""
    return Scored(candidate, reasons, round(total(reasons), SCORE_DECIMALS), assigned)


def total(reasons: Sequence[Evidence]) -> float:
    """Return the sum of the weights."""
    return sum(item.weight for item in reasons)
