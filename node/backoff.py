"""How long to wait before the next attempt."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from node.ledger.waiting import LONGEST_RETRY_S


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


def back_off(first_s: float, longest_s: float = LONGEST_RETRY_S) -> BackOff:
    """Return a back-off with real chance in it."""
    return BackOff(first_s, longest_s, random.random)
