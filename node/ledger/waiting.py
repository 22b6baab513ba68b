"""How long rows that name a time of day have still to wait, told by a clock that never steps."""

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

LONGEST_RETRY_S = 900.0
"""Between two attempts, at a study or at an object for a peer, s."""


@dataclass(frozen=True, slots=True)
class Until:
    """The end of a wait as the ledger keeps it.

    Parameters
    ----------
    time
        Of day, aware.
    longest_s
        No wait of this kind is longer: what a time of day says beyond it is a clock that was set, s.
    shortest_s
        Nor shorter, from where it is seen first: the clock of another machine wrote the time, s.
    """

    time: datetime
    longest_s: float
    shortest_s: float = 0.0


class Waits(Generic[Key]):
    """Waits of one kind, by what waits; safe to use from several threads.

    The ledger keeps times of day, since nothing else outlives a restart. A clock that is set would end every lease
    at once or let a study wait for hours; so a time of day is read once, where a wait begins or is seen first, and
    what is left of it is counted by the monotonic clock.

    Parameters
    ----------
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._seen: dict[Key, tuple[Until, float]] = {}
        self._lock = threading.Lock()

    def begin(self, until: Mapping[Key, Until], now: datetime) -> None:
        """Count waits from here on and not from the next look, so that no step between the two counts."""
        reading_s = self._monotonic_s()
        with self._lock:
            for key, end in until.items():
                self._seen[key] = (end, reading_s + _left_s(end, now))

    def over(self, until: Mapping[Key, Until], now: datetime) -> frozenset[Key]:
        """Return those whose wait is over.

        Parameters
        ----------
        until
            Everything that waits. A new time is a new wait.
        now
            Time of day.
        """
        reading_s = self._monotonic_s()
        with self._lock:
            self._seen = {
                key: self._known(key, end) or (end, reading_s + _left_s(end, now)) for key, end in until.items()
            }
            return frozenset(key for key, (_, over_s) in self._seen.items() if over_s <= reading_s)

    def _known(self, key: Key, end: Until) -> tuple[Until, float] | None:
        seen = self._seen.get(key)
        return seen if seen is not None and seen[0] == end else None


def _left_s(end: Until, now: datetime) -> float:
    return min(max((end.time - now).total_seconds(), end.shortest_s), end.longest_s)
