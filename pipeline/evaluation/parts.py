"""What a cohort is made of: features, clinical values, and how well outlines agree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pipeline.geometry import FloatArray, read_only
from pipeline.study import Role

REGIONS = ("tumour", "margin")
"""Of each sequence, as `pipeline.radiomics` names them."""
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]


class Masks(StrEnum):
    """Who outlined the tumour."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, eq=False)
class RadiomicsBlock:
    """Radiomics features of a cohort from masks of one kind.

    Parameters
    ----------
    names
        For example ``T2_tumour_original_glcm_Contrast``: role, region, name of pyradiomics.
    values
        (patients, features) float64; a row of NaN for a patient without features.
    """

    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError(f"{len(self.names)} names, but values of shape {self.values.shape}")

    @property
    def known(self) -> BoolArray:
        """Tell which patients have features; (patients,)."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def columns(
        self, roles: tuple[Role, ...], regions: tuple[str, ...] = REGIONS, *, originals_only: bool = False
    ) -> IndexArray:
        """Return the columns of some sequences and regions, of the original images alone where that is wanted."""
        image = "original_" if originals_only else ""
        wanted = tuple(f"{role.value}_{region}_{image}" for role in roles for region in regions)
        return np.array([n for n, name in enumerate(self.names) if name.startswith(wanted)], dtype=np.intp)


@dataclass(frozen=True)
class ClinicalColumn:
    """One clinical value.

    Parameters
    ----------
    name
        With its unit, for example ``ast_u_per_l``.
    display
        As a clinician calls it.
    unit
        UCUM; empty for a number without one, and for yes or no.
    is_binary
        Whether it is 1 (yes) or 0 (no).
    is_optional
        Whether it is described in table S1 alone: no setting uses it, and nobody is left out who lacks it.
    """

    name: str
    display: str
    unit: str
    is_binary: bool = False
    is_optional: bool = False


@dataclass(frozen=True)
class Agreement:
    """How well outlines agree in one patient.

    Parameters
    ----------
    patient
        Of the cohort; also one without features, whose tumour was not found.
    registration
        By moving sequence with a manual mask: Dice with the mask of the hepatobiliary phase before and after
        registration.
    segmentation
        By sequence with a manual mask of the tumour: Dice of the automatic with the manual mask.
    liver
        The same of the liver, tumours included.
    """

    patient: str
    registration: Mapping[Role, tuple[float, float]]
    segmentation: Mapping[Role, float]
    liver: Mapping[Role, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Outline:
    """A slice of the hepatobiliary phase with both outlines, for figure 4.

    Parameters
    ----------
    patient
        Of the cohort.
    image
        (j, i), any grey scale.
    automatic, manual
        (j, i) masks.
    spacing_ji_mm
        Of the slice.
    """

    patient: str
    image: npt.NDArray[np.float32]
    automatic: BoolArray
    manual: BoolArray
    spacing_ji_mm: tuple[float, float]
