"""The lease of a claim: kept while its worker works, and watched for a person or an image that makes it void."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from node.ledger.ledger import Ledger
from node.ledger.records import Claim
from node.ledger.recovery import LONGEST_LEASE_S
from node.ledger.rows import LostClaimError

logger = logging.getLogger(__name__)

LOOK_AFTER_CLAIM_S = 2.0
"""How soon a worker learns that a person cancelled its study, or that an image made its work void, s."""
LEASE_S = LONGEST_LEASE_S
"""A worker that has not renewed its claim for so long is gone, s."""


class LeaseKeeper:
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
