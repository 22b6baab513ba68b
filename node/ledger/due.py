"""Which deliveries are due: their waits, counted by a clock that never steps."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from node.ledger.commitment import lost_at_peer_retry_s
from node.ledger.delivery_records import Delivery, DeliveryState
from node.ledger.waiting import LONGEST_RETRY_S, Until, Waits

LONGEST_QUESTION_S = 3600.0
"""Between two questions about an object that a peer stored, s."""


class Due:
    """The waits of the outbox.

    Parameters
    ----------
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, clock: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        self._clock = clock
        # Each peer is served by a thread of its own, which sees its own rows alone.
        self._waits: dict[tuple[str, DeliveryState], Waits[int]] = defaultdict(lambda: Waits(monotonic_s))

    def begin(self, items: Sequence[Delivery], not_before: datetime, state: DeliveryState) -> None:
        """Note that `items`, all of one destination, were entered as `state` and wait until `not_before`."""
        now = self._clock()
        later = [replace(item, not_before=not_before, state=state) for item in items]
        if later:
            waits = self._waits[later[0].destination, state]
            waits.begin({item.number: _until(item) for item in later}, now)

    def now(self, items: Sequence[Delivery], destination: str, state: DeliveryState) -> frozenset[int]:
        """Return the numbers of those that are due.

        Parameters
        ----------
        items
            All that `destination` has in `state`.
        """
        # What was never tried waits for nothing: whatever the clock of the node that entered it said.
        fresh = frozenset(item.number for item in items if _is_fresh(item))
        waiting = {item.number: _until(item) for item in items if item.number not in fresh}
        return fresh | self._waits[destination, state].over(waiting, self._clock())


def _is_fresh(item: Delivery) -> bool:
    return item.state is DeliveryState.WAITING and not (item.attempts or item.refusals)


def _until(item: Delivery) -> Until:
    if item.state is DeliveryState.STORED:
        return Until(item.not_before, LONGEST_QUESTION_S)
    return Until(item.not_before, max(LONGEST_RETRY_S, lost_at_peer_retry_s(item.refusals)))
