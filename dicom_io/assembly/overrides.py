"""Roles that a person assigned: what such a choice may settle, and what it may not.

It settles what the rules leave open or get wrong from words and scores: two candidates alike, too little evidence,
a description that misleads, a time outside its window. It cannot make an image something else: geometry, derived
images, acquisition parameters of another sequence, missing or lossy images, and the order and intervals of phases
stay as they are measured, and whoever thinks them wrong changes the rule. The pixels keep their veto as well
(`pixel_sanity`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate
from dicom_io.assembly.candidates import Sorted
from dicom_io.assembly.evidence import parameters
from dicom_io.assembly.gates import PHYSICS
from dicom_io.assembly.match_result import Assigned
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, refuse
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.verdicts import Verdict
from pipeline.study import Role


@dataclass(frozen=True)
class Override:
    """One role, and the sub-volume that a person assigned to it.

    Parameters
    ----------
    sop_instance_uid, frame_number
        One frame of the sub-volume, from 1: it names it also when more of its images come later.
    series_number
        For people; None where unknown.
    withdrawn
        Who took it back and when; None where it is in force.
    """

    role: Role
    sop_instance_uid: str
    frame_number: int
    series_number: int | None
    assigned: Assigned
    withdrawn: Assigned | None = None

    def names(self, subvolume: SubVolume) -> bool:
        """Tell whether this is the sub-volume."""
        return any(
            frame.instance.sop_instance_uid == self.sop_instance_uid
            and (frame.frame_number or 1) == self.frame_number
            for frame in subvolume.frames
        )

    @property
    def sentence(self) -> str:
        """What the reader of a result must know."""
        if self.withdrawn is not None:
            by = f"by {self.withdrawn.by} at {self.withdrawn.at}"
            return f"The series of the {ROLE_WORDS[self.role]} is no longer assigned by hand ({by})."
        number = "without number" if self.series_number is None else str(self.series_number)
        by = f"by {self.assigned.by} at {self.assigned.at}"
        return f"Series {number} was assigned by hand as the {ROLE_WORDS[self.role]} ({by})."


def in_force(overrides: Sequence[Override]) -> tuple[Override, ...]:
    """Return those that were not withdrawn."""
    return tuple(item for item in overrides if item.withdrawn is None)


@dataclass(frozen=True)
class Placed:
    """Overrides on the sub-volumes of a study.

    Parameters
    ----------
    candidates
        By role, with who assigned it.
    impossible
        By role: why what was assigned cannot fill it. Nothing else may.
    """

    candidates: Mapping[Role, tuple[Candidate, Assigned]] = field(default_factory=dict)
    impossible: Mapping[Role, Refusal] = field(default_factory=dict)

    @property
    def taken(self) -> frozenset[SubVolume]:
        """Sub-volumes that no rule may choose."""
        return frozenset(candidate.subvolume for candidate, _ in self.candidates.values())


def place(study: Sorted, overrides: Sequence[Override], rules: SeriesRules) -> tuple[Sorted, Placed]:
    """Find the sub-volumes that were assigned.

    Parameters
    ----------
    study
        Sorted with the assigned sub-volumes vouched for.
    overrides
        At most one a role.
    rules
        Limits.

    Returns
    -------
    tuple[Sorted, Placed]
        The study, its phases joined by those that are phases by assignment alone; and what fills which role.
    """
    candidates: dict[Role, tuple[Candidate, Assigned]] = {}
    impossible: dict[Role, Refusal] = {}
    for item in overrides:
        found = next((subvolume for subvolume in study.verdicts if item.names(subvolume)), None)
        candidate = next((live for live in study.live if live.subvolume is found), None)
        verdict = None if found is None else study.verdicts[found]
        if candidate is not None:
            verdict = unfit(candidate, item.role, rules) or _twice(candidate, candidates)
        if candidate is not None and verdict is None:
            candidates[item.role] = (candidate, item.assigned)
            continue
        because = (
            "its images are not in the study any more"
            if verdict is None
            else f"{verdict.because} ({verdict.code})"
        )
        number = "without number" if item.series_number is None else str(item.series_number)
        impossible[item.role] = refuse(
            f"SM-ASSIGN-{item.role}",
            f"Series {number}, assigned by hand as the {ROLE_WORDS[item.role]}, cannot be that: {because}.",
        )
    phases = [candidate for role, (candidate, _) in candidates.items() if role in DYNAMIC_ROLES]
    t1 = (*study.t1, *(candidate for candidate in phases if candidate not in study.t1))
    return replace(study, t1=t1), Placed(candidates, impossible)


def _twice(candidate: Candidate, placed: Mapping[Role, tuple[Candidate, Assigned]]) -> Verdict | None:
    role = next((role for role, (other, _) in placed.items() if other is candidate), None)
    return None if role is None else Verdict("RUNNER-UP", f"it is also assigned as the {ROLE_WORDS[role]}")


def unfit(candidate: Candidate, role: Role, rules: SeriesRules) -> Verdict | None:
    """Return why a live candidate cannot fill `role`, whoever says so: its headers tell of another sequence."""
    if PHYSICS[role](candidate, rules) >= 0:
        # Too few parameters known is no contradiction.
        return None
    physics = candidate.subvolume.physics
    low, high = rules.diffusion.b_s_per_mm2
    b_value = physics.b_value_s_per_mm2
    if role is Role.DWI and b_value is None:
        return Verdict("B-VALUE", "its b-value is not in its headers", "(0018,9087)", "", "diffusion.b_s_per_mm2")
    if role is Role.DWI and b_value is not None and not low <= b_value <= high:
        because = f"b = {b_value:g} s/mm2, outside {low:g} to {high:g}"
        return Verdict("B-VALUE", because, "(0018,9087)", f"{b_value:g}", "diffusion.b_s_per_mm2")
    rule = {Role.T2: "physics.t2", Role.DWI: "physics.dwi"}.get(role, "physics.t1")
    because = f"its acquisition parameters ({parameters(physics)}) are not those of the {ROLE_WORDS[role]}"
    return Verdict("NO-ROLE", because, "(0018,0020)", parameters(physics), rule)
