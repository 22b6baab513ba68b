"""Not more than so many a minute, so that what has piled up does not fall on a peer at once."""

from collections.abc import Callable


class Pace:
    """A bucket that fills evenly and that each object takes a token from.

    Parameters
    ----------
    per_minute
        Tokens that flow in.
    burst
        Tokens that it holds at most, and at first.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, per_minute: float, burst: int, monotonic_s: Callable[[], float]) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._monotonic_s = monotonic_s
        self._tokens = float(burst)
        self._filled_s = monotonic_s()

    def take(self, count: int) -> bool:
        """Take `count` tokens where the bucket is not empty, into debt where it holds fewer; else return False."""
        now_s = self._monotonic_s()
        self._tokens = min(self._burst, self._tokens + (now_s - self._filled_s) * self._per_second)
        self._filled_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= count
        return True
