"""Standardisation and principal components through the small side of a wide table."""

import numpy as np

from pipeline.classification.reduction import Reduction
from pipeline.geometry import FloatArray

NEGLIGIBLE = 1e-10
"""Share of the largest variance below which a component is rounding, and gets no direction."""


def fit_reduction(values: FloatArray, components: int) -> Reduction:
    """Fit to the rows given, and to nothing else.

    With far fewer patients than features the eigenvectors of the patients' Gram matrix give the components: a
    small problem in place of a features x features one.

    Parameters
    ----------
    values
        (patients, features) of the training part.
    components
        Wanted; there are at most as many as patients less one, and as features.

    Returns
    -------
    Reduction
        With orthonormal rows; rows of zeros beyond the rank. Constant features keep the scale 1.
    """
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # The spread of a constant feature is the rounding of its mean.
    scale = np.where(scale > 1e-12 * np.abs(mean), scale, 1.0)
    standard = (values - mean) / scale
    kept = max(1, min(components, len(values) - 1, values.shape[1]))
    squares, vectors = np.linalg.eigh(standard @ standard.T)
    squares, vectors = squares[::-1][:kept], vectors[:, ::-1][:, :kept]
    # The sign of an eigenvector is free: its largest element is positive, whatever library found it.
    peaks = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(kept)]
    real = squares > NEGLIGIBLE * max(float(squares[0]), NEGLIGIBLE)
    lengths = np.sqrt(np.where(real, squares, 1.0))
    rows = (standard.T @ (vectors * np.sign(peaks) * real / lengths)).T
    return Reduction(mean, scale, rows, np.where(real, squares, 0.0) / max(1, len(values) - 1))
