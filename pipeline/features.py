"""The feature vector that travels from the radiomics to the classifier."""

import hashlib
from dataclasses import dataclass

import numpy as np

from pipeline.geometry import FloatArray, read_only


@dataclass(frozen=True, eq=False)
class FeatureVector:
    """Named numbers in a fixed order.

    Parameters
    ----------
    names
        For example ``T2_tumour_wavelet-LLH_glcm_Contrast``: role, region, then the name of pyradiomics.
    values
        (n,) float64, finite; copied and made read-only.

    Raises
    ------
    ValueError
        The lengths differ, or a value is not finite.
    """

    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "values", read_only(self.values))
        if self.values.shape != (len(self.names),):
            raise ValueError(f"{len(self.names)} names, but values of shape {self.values.shape}")
        if not np.isfinite(self.values).all():
            first = self.names[int(np.flatnonzero(~np.isfinite(self.values))[0])]
            raise ValueError(f"feature {first} is not finite")

    @property
    def sha256(self) -> str:
        """Hexadecimal digest over the names and the little-endian float64 values, in order."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        digest.update(self.values.astype("<f8").tobytes())
        return digest.hexdigest()
