"""One worker: claim a study, do the job, enter the outcome. The one place that catches everything."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from config.errors import NodeError
from node.backoff import BackOff
from node.executor import WORKER_HUNG, WORKER_LOST, WORKER_MEMORY
from node.ledger.ledger import Ledger
from node.ledger.records import Claim, ObjectKind, ResultObject
from node.ledger.rows import LostClaimError
from node.ledger.work import LONGEST_LEASE_S
from node.states import Event
from pipeline.errors import TransientError

logger = logging.getLogger(__name__)

LOOK_AFTER_CLAIM_S = 2.0
"""How soon a worker learns that a person cancelled its study, or that an image made its work void, s."""
LEASE_S = LONGEST_LEASE_S
"""A worker that has not renewed its claim for so long is gone, s."""
MAXIMUM_ATTEMPTS = 8
"""Attempts at a study while something is not available, before it is parked."""
MAXIMUM_CRASHES = 3
"""Attempts at a study that ends its worker process, hangs in it or fills it: the first and two more."""
MAXIMUM_OUTAGES = 1000
"""Attempts at a study while the ledger or the disk is not available: about ten days at the longest back-off."""
FINISH_AGAIN_S = (0.5, 2.0, 5.0, 10.0)
"""Waits before an outcome that the ledger did not take is offered again, s: its analysis took minutes."""
BUG = "BUG"
"""Code of a study that met an error nobody foresaw."""
LEDGER = "LEDGER"
"""Code of an attempt during which the ledger did not answer."""
STORAGE = "STORAGE"
"""Code of an attempt during which the disk was full or away."""

_LEDGER_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
_STORAGE_AWAY = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS),
        *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.ENODEV),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EBUSY),
    }
)


@dataclass(frozen=True)
class FinishedStudy:
    """The outcome of a job, as the ledger keeps it.

    Parameters
    ----------
    code, message
        Of the refusal; None where the study was analysed.
    objects
        What is to be delivered.
    timing_s
        By stage; for the metrics.
    """

    code: str | None
    message: str | None
    objects: tuple[ResultObject, ...]
    timing_s: Mapping[str, float] = field(default_factory=dict)


Job = Callable[[Claim], FinishedStudy]
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
            self._ledger.work.disown(self._name)
            self._may_hold = False
        claim = self._ledger.work.claim(self._name, LEASE_S)
        if claim is None:
            return False
        logger.info("claimed study=%s attempt=%s", claim.study_instance_uid, claim.attempt)
        try:
            with _LeaseKeeper(self._ledger, claim, self._abandon):
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
            except _LEDGER_AWAY as error:
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
        error = _outage(raised) or raised
        try:
            if self._stopping.is_set():
                self._ledger.work.release(claim)
            elif isinstance(error, TransientError) and claim.attempt < _attempts(error):
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


def _outage(error: Exception) -> TransientError | None:
    """Return what is away: neither the ledger nor the disk is the fault of the study at hand."""
    if isinstance(error, _LEDGER_AWAY):
        # Only the kind: the words of a driver quote the statement.
        return TransientError(LEDGER, f"The ledger did not answer ({type(error).__name__}).", stage="ledger")
    if isinstance(error, OSError) and error.errno in _STORAGE_AWAY:
        return TransientError(STORAGE, f"The storage cannot be used ({error.strerror}).", stage="storage")
    return None


def _attempts(error: TransientError) -> int:
    if error.code in (WORKER_LOST, WORKER_HUNG, WORKER_MEMORY):
        return MAXIMUM_CRASHES
    return MAXIMUM_OUTAGES if error.code in (LEDGER, STORAGE) else MAXIMUM_ATTEMPTS


class _LeaseKeeper:
    """Renews a claim while the block runs, and ends the analysis of one that is void.

    What ends otherwise than by `abandon` finds the void claim when its outcome is entered.
    """

    def __init__(self, ledger: Ledger, claim: Claim, abandon: Callable[[int], None]) -> None:
        self._ledger = ledger
        self._claim = claim
        self._abandon = abandon
        self._worker_id = threading.get_ident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        renewed_s, void = time.monotonic(), False
        while not self._done.wait(LOOK_AFTER_CLAIM_S):
            try:
                if void or not self._ledger.work.holds(self._claim):
                    if not void:
                        logger.info("claim is void, its work ends study=%s", self._claim.study_instance_uid)
                    void = True
                    # Again and again while the block runs: the analysis may not have begun yet.
                    self._abandon(self._worker_id)
                    continue
                if time.monotonic() - renewed_s >= LEASE_S / 4:
                    self._ledger.work.renew(self._claim, LEASE_S)
                    renewed_s = time.monotonic()
            except LostClaimError:
                continue
            except Exception:  # The ledger may be away for less than a lease.
                logger.exception("claim cannot be renewed study=%s", self._claim.study_instance_uid)
