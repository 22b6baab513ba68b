"""Standardisation and principal components: 14,736 features to 20 scores."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reduction:
    """An affine map from features to scores, fitted on the training part only.

    Parameters
    ----------
    mean, scale
        (features,), of the training part; the scale of a constant feature is 1.
    components
        (scores, features), orthonormal rows.
    variance
        (scores,), of the training scores.
    """

    mean: FloatArray
    scale: FloatArray
    components: npt.NDArray[np.floating]
    variance: FloatArray

    def standardise(self, values: FloatArray) -> FloatArray:
        """Map (..., features) to mean 0 and standard deviation 1 over the training part."""
        result: FloatArray = (values - self.mean) / self.scale
        return result

    def scores(self, values: FloatArray) -> FloatArray:
        """Map (..., features) to (..., scores)."""
        result: FloatArray = self.standardise(values) @ self.components.astype(np.float64).T
        return result

    def distance(self, values: FloatArray) -> FloatArray:
        """Mahalanobis distance of (..., features) from the training part, in the space of the scores.

        Principal scores are uncorrelated over the training part, so that their covariance is its diagonal.
        """
        # A component without variance in training says nothing about novelty.
        known = self.variance > 0
        squares = self.scores(values)[..., known] ** 2 / self.variance[known]
        result: FloatArray = np.sqrt(squares.sum(axis=-1))
        return result
