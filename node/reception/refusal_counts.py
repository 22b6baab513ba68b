"""How often the receiver said no and how its associations ended, counted in its process and read in another."""

import multiprocessing
import threading
from collections.abc import Mapping
from ctypes import Array, c_uint64

from dicom_io.network.access import Rejection
from dicom_io.network.status import StoreStatus

ASSOCIATIONS = tuple(rejection.name.lower() for rejection in Rejection)
"""Reasons for which an association is rejected."""
INSTANCES = tuple(status.name.lower() for status in StoreStatus if status is not StoreStatus.SUCCESS)
"""Reasons for which an instance is refused: the names of `StoreStatus`."""
ENDS = ("released", "aborted")
"""How an association that was accepted ended; aborted: by either side, or its connection was lost."""
_REASONS = (*ASSOCIATIONS, *INSTANCES, *ENDS)
_counting = threading.Lock()
"""The receiver serves each association on a thread of its own; no other process writes."""


class RefusalCounts:
    """Counts in memory that the receiver shares with the node; they outlast a receiver that is replaced."""

    def __init__(self) -> None:
        self._counts: Array[c_uint64] = multiprocessing.get_context("spawn").RawArray(c_uint64, len(_REASONS))

    def association(self, reason: str) -> None:
        """Count an association that was rejected; a reason that leaves it open counts none."""
        if reason in ASSOCIATIONS:
            self._count(reason)

    def answered(self, status: StoreStatus) -> None:
        """Count the instance that was answered with `status`, unless that is Success."""
        if status is not StoreStatus.SUCCESS:
            self._count(status.name.lower())

    def ended(self, *, aborted: bool) -> None:
        """Count the end of an association that was accepted."""
        self._count(ENDS[aborted])

    def associations(self) -> Mapping[str, int]:
        """Return how many associations were rejected since the node started, by reason."""
        return {reason: self._read(reason) for reason in ASSOCIATIONS}

    def instances(self) -> Mapping[str, int]:
        """Return how many instances were refused since the node started, by reason."""
        return {reason: self._read(reason) for reason in INSTANCES}

    def ends(self) -> Mapping[str, int]:
        """Return how many associations ended since the node started, by how they did."""
        return {how: self._read(how) for how in ENDS}

    def _count(self, reason: str) -> None:
        # The lock is the receiver's own: one shared with the node would be held for ever where it is killed.
        with _counting:
            self._counts[_REASONS.index(reason)] += 1

    def _read(self, reason: str) -> int:
        return self._counts[_REASONS.index(reason)]
