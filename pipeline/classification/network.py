"""The two-layer network of the paper, as plain matrices for inference."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """An affine layer; batch normalisation is folded into it.

    Parameters
    ----------
    weight
        (units out, units in).
    bias
        (units out,).
    """

    weight: FloatArray
    bias: FloatArray

    def __call__(self, values: FloatArray) -> FloatArray:
        """Map (..., units in) to (..., units out)."""
        result: FloatArray = values @ self.weight.T + self.bias
        return result


@dataclass(frozen=True, eq=False)
class FusionNetwork:
    """Radiomics scores (h1) and clinical values (h2) meet in a joint layer (h3) that gives one logit.

    Parameters
    ----------
    radiomics
        Scores to h1 units; their scaling is folded in.
    clinical
        Clinical values, in their units, to h2 units; None in the radiomics-only twin.
    joint
        h1 + h2 (or h1) units to h3 units.
    output
        h3 units to the logit.

    References
    ----------
    .. [1] Lin et al., J Cancer 15(19), 2024. doi:10.7150/jca.93712
    """

    radiomics: Layer
    clinical: Layer | None
    joint: Layer
    output: Layer

    def logit(self, scores: FloatArray, clinical: FloatArray | None) -> float:
        """Evaluate one case.

        Parameters
        ----------
        scores
            (scores,).
        clinical
            (clinical values,), in their units; ignored by the radiomics-only twin.
        """
        return float(self.logits(scores, clinical))

    def logits(self, scores: FloatArray, clinical: FloatArray | None) -> FloatArray:
        """Evaluate (..., scores) and (..., clinical values) to (...); otherwise as `logit`."""
        result: FloatArray = self.output(_relu(self.joint(self._first(scores, clinical))))[..., 0]
        return result

    def gradient(self, scores: FloatArray, clinical: FloatArray | None) -> FloatArray:
        """Differentiate the logit with respect to the radiomics scores; (scores,)."""
        joint_active = self.joint(self._first(scores, clinical)) > 0
        into_joint = (self.output.weight[0] * joint_active) @ self.joint.weight
        first_active = self.radiomics(scores) > 0
        result: FloatArray = (into_joint[: len(first_active)] * first_active) @ self.radiomics.weight
        return result

    def _first(self, scores: FloatArray, clinical: FloatArray | None) -> FloatArray:
        radiomics = _relu(self.radiomics(scores))
        if self.clinical is None:
            return radiomics
        if clinical is None:
            raise ValueError("this network needs the clinical values")
        return np.concatenate([radiomics, _relu(self.clinical(clinical))], axis=-1)


def _relu(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0.0)
