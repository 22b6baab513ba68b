"""How many connections may wait without an association, so that silent peers cannot use up the machine."""

import threading
from collections.abc import Callable

from dicom_io.network.access import canonical_address


class PendingConnections:
    """Counts connections from their acceptance to their association request or their end.

    Where a peer's address has its share, the one that has waited longest makes room: who means it sends its
    request at once, so that silent connections from the same address (a scanner of ports behind the same router,
    a hung program) do not lock the peer out. Of an address that belongs to no peer, the newest is refused.

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
        self._known_waiting: dict[str, dict[Slot, None]] = {}
        self._unknown_waiting: dict[str, dict[Slot, None]] = {}
        self._lock = threading.Lock()

    def take(self, host: str, end: Callable[[], None] = lambda: None) -> "Slot | None":
        """Return a slot, or None where the caps are reached.

        Parameters
        ----------
        end
            Ends the connection, from any thread, to make room for another; called at most once, while it waits.
        """
        address = canonical_address(host)
        known = self._knows_host(host)
        waiting = self._known_waiting if known else self._unknown_waiting
        oldest: Slot | None = None
        with self._lock:
            own = waiting.get(address, {})
            if len(own) >= (self._per_known_host if known else self._per_unknown_host):
                if not known:
                    return None
                oldest = next(iter(own))
            elif not known and sum(map(len, self._unknown_waiting.values())) >= self._unknown:
                return None
            slot = Slot(lambda slot: self._give_back(waiting, address, slot), end)
            waiting.setdefault(address, own)[slot] = None
        if oldest is not None:
            oldest.evict()
        return slot

    def _give_back(self, waiting: "dict[str, dict[Slot, None]]", address: str, slot: "Slot") -> None:
        with self._lock:
            own = waiting[address]
            del own[slot]
            if not own:
                del waiting[address]


class Slot:
    """The place of one waiting connection; giving it back twice counts once."""

    def __init__(self, give_back: "Callable[[Slot], None]", end: Callable[[], None] = lambda: None) -> None:
        self._give_back = give_back
        self._end = end
        self._taken = True
        self._lock = threading.Lock()

    def end_by(self, end: Callable[[], None]) -> None:
        """End the connection in another way from now on."""
        with self._lock:
            self._end = end

    def give_back(self) -> None:
        """Stop counting the connection as waiting."""
        with self._lock:
            taken, self._taken = self._taken, False
        if taken:
            self._give_back(self)

    def evict(self) -> None:
        """End the connection where it still waits."""
        with self._lock:
            taken, self._taken = self._taken, False
            if taken:
                # Under the lock: afterwards its descriptor may belong to another connection.
                self._end()
        if taken:
            self._give_back(self)
