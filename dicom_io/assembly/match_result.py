"""The outcome of series matching: which instances fill which role, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    """One reason for or against a role: family, tag, value, weight (log-odds)."""

    family: str
    tag: str
    value: str
    weight: float


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
        Score of the best other candidate, None where there is none.
    """

    role: Role
    series_instance_uid: str
    series_number: int | None
    series_description: str
    instances: tuple[SourceInstance, ...]
    frame_numbers: tuple[int, ...] | None
    score: float
    runner_up: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class RejectedSubVolume:
    """A sub-volume that fills no role, with the code and the sentence why; number and description where known."""

    series_instance_uid: str
    sub_volume: str
    code: str
    because: str
    series_number: int | None = None
    series_description: str = ""


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

    def to_json(self) -> dict[str, object]:
        """Return the document of ``match --json``, with the keys of the command-line contract."""
        return {
            "study_instance_uid": self.study_instance_uid,
            "status": self.status,
            "code": self.code,
            "message": " ".join(part for part in (self.message, self.remedy) if part),
            "roles": {role.value: _role_json(match) for role, match in self.roles.items()},
            "rejected": [
                {
                    "series_instance_uid": entry.series_instance_uid,
                    "sub_volume": entry.sub_volume,
                    "code": entry.code,
                    "because": entry.because,
                }
                for entry in self.rejected
            ],
            "clock": {"source": self.clock_source, "t0": self.t0},
        }


def _role_json(match: RoleMatch) -> dict[str, object]:
    return {
        "series_instance_uid": match.series_instance_uid,
        "series_number": match.series_number,
        "series_description": match.series_description,
        "sop_instance_uids": [instance.sop_instance_uid for instance in match.instances],
        "frame_numbers": None if match.frame_numbers is None else list(match.frame_numbers),
        "score": match.score,
        "runner_up": match.runner_up,
        "evidence": [
            {"family": item.family, "tag": item.tag, "value": item.value, "weight": item.weight}
            for item in match.evidence
        ],
    }
