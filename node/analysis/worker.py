"""One worker: claim a study, do the job, enter the outcome. The one place that catches everything."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping

from config.errors import NodeError
from node.analysis import lease
from node.analysis.failure import BUG, LEDGER_AWAY, attempts_worth, outage
from node.analysis.finished_study import FinishedStudy, Job
from node.backoff import BackOff
from node.ledger.ledger import Ledger
from node.ledger.records import Claim, ObjectKind
from node.ledger.rows import LostClaimError
from node.logging import about
from node.states import Event
from pipeline.errors import TransientError

logger = logging.getLogger(__name__)

FINISH_AGAIN_S = (0.5, 2.0, 5.0, 10.0)
"""Waits before an outcome that the ledger did not take is offered again, s: its analysis took minutes."""

Recipients = Callable[[str], Mapping[str, Collection[ObjectKind]]]


class Worker:
    """Analyses one study after the other.

    Parameters
    ----------
    name
        No other worker has it.
    job
        Assembles, analyses and writes; gives the outcome of a result or of a coded refusal.
    recipients
        StudyInstanceUID to the names of the peers that receive its results, and what each takes.
    stopping
        Set when the node stops: an attempt that fails then is given back untouched.
    abandon
        Ends what the thread of this identifier waits for: its outcome would be thrown away.
    """

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        job: Job,
        *,
        recipients: Recipients,
        back_off: BackOff,
        stopping: threading.Event,
        abandon: Callable[[int], None] = lambda _thread_id: None,
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._job = job
        self._recipients = recipients
        self._back_off = back_off
        self._stopping = stopping
        self._abandon = abandon
        self._may_hold = False

    def run(self, idle_s: float) -> None:
        """Work until the node stops; look for work every `idle_s` seconds where there is none."""
        while not self._stopping.is_set():
            try:
                worked = self.step()
            except Exception:  # The ledger may be away for a while; a worker outlives that.
                logger.exception("worker cannot reach its work worker=%s", self._name)
                worked, self._may_hold = False, True
            if not worked:
                self._stopping.wait(idle_s)

    def step(self) -> bool:
        """Take one study through one attempt; False where none waits."""
        if self._may_hold:
            # Its last claim may have been entered all the same, and would be held until the lease ends.
            self._ledger.recovery.disown(self._name)
            self._may_hold = False
        claim = self._ledger.work.claim(self._name, lease.LEASE_S)
        if claim is None:
            return False
        logger.info("claimed study=%s attempt=%s", claim.study_instance_uid, claim.attempt)
        try:
            with lease.LeaseKeeper(self._ledger, claim, self._abandon), about(claim.study_instance_uid):
                self._finish(claim, self._job(claim))
        except LostClaimError:
            logger.info("claim lost, outcome discarded study=%s", claim.study_instance_uid)
        except Exception as error:  # Whatever one study does, the node goes on with the next.
            self._fail(claim, error)
        return True

    def _finish(self, claim: Claim, outcome: FinishedStudy) -> None:
        for wait_s in FINISH_AGAIN_S:
            try:
                return self._enter(claim, outcome)
            except LEDGER_AWAY as error:
                logger.warning(
                    "outcome not entered, again in %.1f s study=%s error=%s",
                    wait_s,
                    claim.study_instance_uid,
                    type(error).__name__,
                )
                self._stopping.wait(wait_s)
        return self._enter(claim, outcome)

    def _enter(self, claim: Claim, outcome: FinishedStudy) -> None:
        recipients = self._recipients(claim.study_instance_uid)
        state = self._ledger.work.finish(
            claim,
            Event.ANALYSED if outcome.code is None else Event.REFUSED,
            objects=outcome.objects,
            destinations=list(recipients),
            outputs=recipients,
            code=outcome.code,
            message=outcome.message,
        )
        logger.info("finished study=%s code=%s state=%s", claim.study_instance_uid, outcome.code or "-", state)

    def _fail(self, claim: Claim, raised: Exception) -> None:
        error = outage(raised) or raised
        try:
            if self._stopping.is_set():
                self._ledger.work.release(claim)
            elif isinstance(error, TransientError) and claim.attempt < attempts_worth(error):
                self._retry(claim, error)
            else:
                self._park(claim, error)
        except LostClaimError:
            logger.info("claim lost, failure discarded study=%s", claim.study_instance_uid)

    def _retry(self, claim: Claim, error: TransientError) -> None:
        delay_s = self._back_off.delay_s(claim.attempt)
        logger.warning("again in %.0f s study=%s error=%s", delay_s, claim.study_instance_uid, error)
        self._ledger.work.give_up(
            claim, Event.UNAVAILABLE, code=error.code, message=error.message, retry_in_s=delay_s
        )

    def _park(self, claim: Claim, error: Exception) -> None:
        logger.error("parked study=%s", claim.study_instance_uid, exc_info=error)
        # The words of a foreign exception may quote a header; only our own are known to hold no patient data.
        code = error.code if isinstance(error, TransientError) else BUG
        message = str(error) if isinstance(error, NodeError) else type(error).__name__
        self._ledger.work.give_up(claim, Event.BUG, code=code, message=message)
