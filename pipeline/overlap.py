"""How far two regions are the same."""

import numpy as np
import numpy.typing as npt


def dice(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """Twice the intersection over the sum of both; 1 where both are empty.

    References
    ----------
    .. [1] Dice, Ecology 26(3), 1945. doi:10.2307/1932409
    """
    total = int(first.sum()) + int(second.sum())
    return 1.0 if total == 0 else 2.0 * int((first & second).sum()) / total
