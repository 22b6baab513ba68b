"""A node whose leases last seconds, so that a test need not wait for two minutes until another takes over."""

import time

import node.analysis.lease
import node.app
import node.ledger.recovery
from node.analysis.finished_study import FinishedStudy
from node.analysis.study_job import StudyJob
from node.ledger.records import Claim

LOOKS_EVERY_S = 0.5


def shorten(lease_s: float, job_waits_s: float) -> None:
    """Change the node that this process becomes, as `tests.faults.victim.Haste` says."""
    node.analysis.lease.LEASE_S = lease_s
    node.ledger.recovery.SHORTEST_LEASE_S = node.ledger.recovery.LONGEST_LEASE_S = lease_s
    node.analysis.lease.LOOK_AFTER_CLAIM_S = lease_s / 8
    node.app.HOUSEKEEPING_EVERY_S = LOOKS_EVERY_S

    at_once = StudyJob.__call__

    def late(job: StudyJob, claim: Claim) -> FinishedStudy:
        time.sleep(job_waits_s)
        return at_once(job, claim)

    StudyJob.__call__ = late  # type: ignore[method-assign,assignment]  # in a process that is only this node
