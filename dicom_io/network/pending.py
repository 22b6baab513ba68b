"""How many connections may wait without an association, so that silent peers cannot use up the machine."""

import threading
from collections import Counter
from collections.abc import Callable

from dicom_io.network.access import canonical_address


class PendingConnections:
    """Counts connections from their acceptance to their association request or their end.

    Parameters
    ----------
    knows_host
        Whether an address belongs to a peer.
    per_known_host, per_unknown_host
        Connections that one address may have waiting.
    unknown
        Connections that all addresses which belong to no peer may have waiting together.
    """

    def __init__(
        self, knows_host: Callable[[str], bool], *, per_known_host: int, per_unknown_host: int, unknown: int
    ) -> None:
        self._knows_host = knows_host
        self._per_known_host = per_known_host
        self._per_unknown_host = per_unknown_host
        self._unknown = unknown
        self._known_waiting: Counter[str] = Counter()
        self._unknown_waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, host: str) -> "Slot | None":
        """Return a slot, or None where the caps are reached."""
        address = canonical_address(host)
        known = self._knows_host(host)
        waiting = self._known_waiting if known else self._unknown_waiting
        with self._lock:
            if waiting[address] >= (self._per_known_host if known else self._per_unknown_host):
                return None
            if not known and self._unknown_waiting.total() >= self._unknown:
                return None
            waiting[address] += 1
        return Slot(lambda: self._give_back(waiting, address))

    def _give_back(self, waiting: Counter[str], address: str) -> None:
        with self._lock:
            waiting[address] -= 1
            if not waiting[address]:
                del waiting[address]


class Slot:
    """The place of one waiting connection; giving it back twice counts once."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._taken = True
        self._lock = threading.Lock()

    def give_back(self) -> None:
        """Stop counting the connection as waiting."""
        with self._lock:
            taken, self._taken = self._taken, False
        if taken:
            self._give_back()
