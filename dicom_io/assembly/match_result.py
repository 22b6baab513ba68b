"""The outcome of series matching: which instances fill which role, and why."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.study import Role


@dataclass(frozen=True)
class SourceInstance:
    """One stored SOP instance."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Evidence:
    """One reason for or against a role: family, tag, value, weight (log-odds), and the rule that gives it."""

    family: str
    tag: str
    value: str
    weight: float
    rule: str = ""


@dataclass(frozen=True)
class RunnerUp:
    """The best other candidate of a role, and why it lost."""

    series_instance_uid: str
    series_number: int | None
    series_description: str
    sub_volume: str
    key: str
    score: float
    because: str


@dataclass(frozen=True)
class Moment:
    """When a sub-volume was acquired, s after the injection, and the DICOM keyword that says so."""

    elapsed_s: float
    source: str


@dataclass(frozen=True)
class Assigned:
    """A choice that a person made against the rules: who, and when (ISO 8601)."""

    by: str
    at: str


@dataclass(frozen=True)
class Passage:
    """A few neighbouring slices of a stack that was not chosen, which lie on slices of the one that was.

    Parameters
    ----------
    role
        Of the chosen one.
    sub_volume
        Name of the stack within its series.
    instances, frame_numbers
        As in `RoleMatch`.
    """

    role: Role
    series_number: int | None
    series_description: str
    sub_volume: str
    instances: tuple[SourceInstance, ...]
    frame_numbers: tuple[int, ...] | None


@dataclass(frozen=True)
class RoleMatch:
    """The sub-volume chosen for one role.

    Parameters
    ----------
    instances
        Ordered along the slice normal; slice k of the assembled volume is instance k (or frame k).
    frame_numbers
        From 1, where the role is part of one multi-frame instance; None where every frame is taken.
    score
        Sum of the weights of `evidence`.
    runner_up
        The best other candidate, None where there is none.
    sub_volume, key
        Name of the sub-volume within its series, and what names it without doubt: a digest of its instances.
    moment
        None for roles without order against contrast, and without a clock.
    step_mm
        Distance of neighbouring slices, mm.
    assigned
        None where the rules chose.
    agent
        What names its contrast agent says: ``gadoxetate``, ``none``, ``unnamed``, or ``absent``.
    others
        From the middle of phases that were not chosen and may be images of the same acquisition, for the pixels to
        tell; none in a refused match.
    """

    role: Role
    series_instance_uid: str
    series_number: int | None
    series_description: str
    instances: tuple[SourceInstance, ...]
    frame_numbers: tuple[int, ...] | None
    score: float
    runner_up: RunnerUp | None
    evidence: tuple[Evidence, ...]
    sub_volume: str = ""
    key: str = ""
    moment: Moment | None = None
    step_mm: float = 0.0
    assigned: Assigned | None = None
    agent: str = "absent"
    others: tuple[Passage, ...] = ()

    @property
    def sop_instance_uids_sha256(self) -> str:
        """Digest of the SOP Instance UIDs in their order, with the frame numbers."""
        return digest((instance.sop_instance_uid for instance in self.instances), self.frame_numbers or ())


@dataclass(frozen=True)
class RejectedSubVolume:
    """A sub-volume that fills no role, with the code and the sentence why; the rest where known.

    Parameters
    ----------
    tag, value
        The element that speaks against it, and what it says.
    rule
        Key of the series rules that decides.
    key
        As in `RoleMatch`.
    """

    series_instance_uid: str
    sub_volume: str
    code: str
    because: str
    series_number: int | None = None
    series_description: str = ""
    tag: str = ""
    value: str = ""
    rule: str = ""
    key: str = ""


@dataclass(frozen=True)
class MatchResult:
    """Series matching of one study.

    Parameters
    ----------
    status
        ``accepted`` or ``refused``.
    code
        Refusal code of the reference table (``SM-...``); None where accepted.
    message
        One sentence in a radiologist's words.
    remedy
        What would help; empty where accepted.
    roles
        All six where accepted; those that could be filled where refused.
    clock_source
        DICOM keyword of the time that separated the phases.
    t0
        ``measured``, ``estimated`` or ``unknown``.
    warnings
        Sentences for the reader of the result: what casts doubt on an accepted choice.
    rules_version
        Of the series rules that were in force.
    """

    study_instance_uid: str
    status: str
    code: str | None
    message: str
    remedy: str
    roles: Mapping[Role, RoleMatch]
    rejected: tuple[RejectedSubVolume, ...]
    clock_source: str | None
    t0: str
    warnings: tuple[str, ...] = ()
    rules_version: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the document of ``match --json``, with the keys of the command-line contract."""
        return {
            "study_instance_uid": self.study_instance_uid,
            "status": self.status,
            "code": self.code,
            "message": " ".join(part for part in (self.message, self.remedy) if part),
            "roles": {role.value: _role_json(match) for role, match in self.roles.items()},
            "rejected": [asdict(entry) for entry in self.rejected],
            "clock": {"source": self.clock_source, "t0": self.t0},
            "warnings": list(self.warnings),
            "rules_version": self.rules_version,
        }


def _role_json(match: RoleMatch) -> dict[str, object]:
    return {
        "series_instance_uid": match.series_instance_uid,
        "series_number": match.series_number,
        "series_description": match.series_description,
        "sop_instance_uids": [instance.sop_instance_uid for instance in match.instances],
        "frame_numbers": None if match.frame_numbers is None else list(match.frame_numbers),
        "score": match.score,
        "runner_up": None if match.runner_up is None else asdict(match.runner_up),
        "evidence": [asdict(item) for item in match.evidence],
        "sub_volume": match.sub_volume,
        "key": match.key,
        "sop_instance_uids_sha256": match.sop_instance_uids_sha256,
        "time": None if match.moment is None else asdict(match.moment),
        "origin": "rules" if match.assigned is None else "user",
        "assigned": None if match.assigned is None else asdict(match.assigned),
    }


def digest(sop_instance_uids: Iterable[str], frame_numbers: Iterable[int]) -> str:
    """Return the SHA-256 of instances and frames, 64 hexadecimal digits."""
    lines = [*sop_instance_uids, *(str(number) for number in frame_numbers)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
