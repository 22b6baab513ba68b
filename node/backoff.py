"""How long to wait before the next attempt."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BackOff:
    """Doubling with jitter, so that what failed together does not come back together.

    Parameters
    ----------
    first_s
        After the first failure, s.
    longest_s
        Never more than this, s, jitter included.
    random
        Uniform in [0, 1).
    """

    first_s: float
    longest_s: float
    random: Callable[[], float]

    def delay_s(self, failures: int) -> float:
        """Return the wait after so many failures, at least one, s: between half the doubled time and all of it."""
        # The exponent is bounded since a peer may be down for weeks and a float is not without end.
        doubled = self.first_s * 2.0 ** min(failures - 1, 32)
        return min(doubled, self.longest_s) * (0.5 + self.random() / 2)
