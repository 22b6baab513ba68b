"""How long rows that name a time of day have still to wait, told by a clock that never steps."""

from collections.abc import Callable, Mapping
from datetime import datetime


class Waits:
    """Waits of one kind, by study.

    The ledger keeps times of day, since nothing else outlives a restart. A clock that is set would end every lease
    at once or let a study wait for hours; so a time of day is read once, where a wait is seen first, and what is
    left of it is counted by the monotonic clock.

    Parameters
    ----------
    monotonic_s
        A clock that never steps back, s.
    longest_s
        No wait of this kind is longer: what a time of day says beyond it is a clock that was set, s.
    """

    def __init__(self, monotonic_s: Callable[[], float], longest_s: float) -> None:
        self._monotonic_s = monotonic_s
        self._longest_s = longest_s
        self._seen: dict[str, tuple[datetime, float]] = {}

    def over(self, until: Mapping[str, datetime], now: datetime) -> frozenset[str]:
        """Return the studies whose wait is over.

        Parameters
        ----------
        until
            By StudyInstanceUID: every study that waits. A new time is a new wait.
        now
            Time of day.
        """
        reading_s = self._monotonic_s()
        self._seen = {
            study: self._known(study, end) or (end, reading_s + self._left_s(end, now))
            for study, end in until.items()
        }
        return frozenset(study for study, (_, over_s) in self._seen.items() if over_s <= reading_s)

    def _known(self, study: str, end: datetime) -> tuple[datetime, float] | None:
        seen = self._seen.get(study)
        return seen if seen is not None and seen[0] == end else None

    def _left_s(self, end: datetime, now: datetime) -> float:
        return min(max((end - now).total_seconds(), 0.0), self._longest_s)
