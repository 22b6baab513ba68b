"""Test-time flips: the mean of what the network says of a patch and of its mirror images."""

from collections.abc import Sequence
from itertools import chain, combinations
from typing import Final

import numpy as np

from pipeline.segmentation.patches import FloatVolume, Predictor
from pipeline.segmentation.settings import Axis

AXES: Final = {"k": 1, "j": 2, "i": 3}
"""Of (channels, k, j, i)."""


def with_flips(predict: Predictor, axes: Sequence[Axis]) -> Predictor:
    """Return a predictor that looks at every combination of mirrored `axes`; `predict` itself where there is none.

    Parameters
    ----------
    predict
        Probabilities of one patch.
    axes
        Each at most once; n of them ask `predict` 2**n times.
    """
    if not axes:
        return predict
    places = [AXES[axis] for axis in axes]
    turns = list(chain.from_iterable(combinations(places, count) for count in range(len(places) + 1)))

    def averaged(patch: FloatVolume) -> FloatVolume:
        answers = (np.flip(predict(np.ascontiguousarray(np.flip(patch, turn))), turn) for turn in turns)
        mean: FloatVolume = np.mean(list(answers), axis=0, dtype=np.float32)
        return mean

    return averaged
