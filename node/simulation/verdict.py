"""The outcome of one study and of the whole run, and the document of both."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from dicom_io.network.requestor import RemoteAE
from node.simulation.comparison import Check, Returned, answer_of, final_report
from node.simulation.expectation import Expectation
from node.simulation.plan import Plan

NOTICE = "For research use only. Not a medical device."


@dataclass(frozen=True)
class StudyVerdict:
    """What was expected of one study, what came back, and whether it fits.

    Parameters
    ----------
    scenario, vendor
        How the study was sent, and whose scanner wrote it.
    summary
        The scenario in a line.
    seconds
        From the last acknowledged image to the last object, s; None where nothing came.
    problems
        What the node answered to images that it did not take.
    """

    scenario: str
    vendor: str
    summary: str
    study_instance_uid: str
    expected: Expectation
    returned: tuple[Returned, ...]
    checks: tuple[Check, ...]
    seconds: float | None
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check is passed."""
        return all(check.passed for check in self.checks)

    def document(self) -> dict[str, Any]:
        """Return the study as ``simulate --json`` prints it."""
        report = final_report(self.returned)
        overlap = next((item.content.overlap for item in self.returned if item.content.overlap), None)
        roles = {} if report is None else report.roles
        return {
            "scenario": self.scenario,
            "vendor": self.vendor,
            "patient_id": self.expected.patient_id,
            "study_instance_uid": self.study_instance_uid,
            "expected": self.expected.code or "analysed",
            "answered": answer_of(report),
            "message": "" if report is None else report.reason,
            "objects": [
                {
                    "kind": item.content.kind,
                    "sop_instance_uid": item.content.sop_instance_uid,
                    "times": item.times,
                    "committed": item.is_committed,
                }
                for item in self.returned
            ],
            "risk": None if report is None else report.risk,
            "dice": None if overlap is None else round(overlap.dice, 3),
            "centroid_mm": None
            if overlap is None or overlap.centroid_mm is None
            else round(overlap.centroid_mm, 1),
            "roles": {role: roles[role] == uid for role, uid in self.expected.roles.items() if role in roles},
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "passed": self.passed,
            "checks": [asdict(check) for check in self.checks],
            "problems": list(self.problems),
        }


@dataclass(frozen=True)
class Acceptance:
    """The outcome of a run.

    Parameters
    ----------
    site, operator
        Where and by whom, as the caller says.
    implementation
        How the node calls itself in an association (PS3.7 D.3.3.2).
    remarks
        What else happened.
    picture
        A summary page as PNG; empty where none came.
    """

    plan: Plan
    began_at: datetime
    ended_at: datetime
    site: str
    operator: str
    implementation: str
    studies: tuple[StudyVerdict, ...]
    remarks: tuple[str, ...] = ()
    picture: bytes = field(default=b"", repr=False)

    @property
    def passed(self) -> bool:
        """Whether every study was answered as expected, and there was one."""
        return bool(self.studies) and all(study.passed for study in self.studies)

    @property
    def software(self) -> tuple[str, ...]:
        """Software and model as the results name them."""
        found = (item.content.software for study in self.studies for item in study.returned)
        return next((software for software in found if software), ())

    def document(self) -> dict[str, Any]:
        """Return the document of ``simulate --json``."""
        plan = self.plan
        return {
            "status": "passed" if self.passed else "failed",
            "run": plan.run,
            "began_at": self.began_at.isoformat(timespec="seconds"),
            "ended_at": self.ended_at.isoformat(timespec="seconds"),
            "site": self.site,
            "operator": self.operator,
            "node": {
                **_address(plan.node),
                "implementation": self.implementation,
                "software": list(self.software),
            },
            "receiver": _address(plan.own),
            "patient_id_prefix": plan.patient_prefix,
            "seed": plan.seed,
            "size": plan.size,
            "studies": [study.document() for study in self.studies],
            "remarks": list(self.remarks),
            "notice": NOTICE,
        }


def _address(remote: RemoteAE) -> dict[str, Any]:
    return {"ae_title": remote.ae_title, "host": remote.host, "port": remote.port}
