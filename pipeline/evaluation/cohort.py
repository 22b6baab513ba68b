"""What is evaluated: the one type between extraction, of whatever form, and the experiments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.pictures import CohortPictures
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
    """

    name: str
    display: str
    unit: str
    is_binary: bool = False


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


@dataclass(frozen=True, eq=False)
class EvaluationCohort:
    """Patients with outcome, features and whatever else an experiment may use.

    Parameters
    ----------
    name
        For titles.
    patients
        A pseudonym each, unique.
    mvi
        (patients,), microvascular invasion by pathology.
    radiomics
        By who outlined the tumour; manual masks are optional.
    columns, clinical
        Clinical values: what they are, and (patients, columns) with NaN where absent.
    diameter_mm
        (patients,), of the largest tumour; NaN where unknown.
    taught_segmentation
        (patients,): whose masks the segmentation network learnt from. Features of its masks of these patients are
        not what it makes of strangers.
    repeats
        Features from segmentations repeated by another reader or network, of the same patients in the same order.
    agreement, outlines
        Where extraction stored them.
    without_features
        Cases of the cohort file that extraction refused or has not reached.
    pictures
        For end-to-end networks, where extraction stored them.
    synthetic
        Whether they are phantoms, which the report says first: their figures are nobody's.

    Raises
    ------
    ValueError
        Lengths differ.
    EvaluationError
        ``EV-TWICE``: a patient is there twice, by name or by features.
    """

    name: str
    patients: tuple[str, ...]
    mvi: BoolArray
    radiomics: Mapping[Masks, RadiomicsBlock]
    columns: tuple[ClinicalColumn, ...]
    clinical: FloatArray
    diameter_mm: FloatArray
    taught_segmentation: BoolArray
    repeats: tuple[RadiomicsBlock, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    outlines: tuple[Outline, ...] = field(default=(), repr=False)
    without_features: int = 0
    pictures: CohortPictures | None = None
    synthetic: bool = False

    def __post_init__(self) -> None:
        # A read-only view by a proxy would not cross process boundaries.
        object.__setattr__(self, "radiomics", dict(self.radiomics))
        for name in ("clinical", "diameter_mm"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        for name in ("mvi", "taught_segmentation"):
            flags = np.array(getattr(self, name), dtype=np.bool_)
            flags.flags.writeable = False
            object.__setattr__(self, name, flags)
        count = len(self.patients)
        if self.pictures is not None and len(self.pictures.paths) != len(self.patients):
            raise ValueError(f"{len(self.patients)} patients, but {len(self.pictures.paths)} places of pictures")
        blocks = (*self.radiomics.values(), *self.repeats)
        lengths = {len(self.mvi), len(self.clinical), len(self.diameter_mm), len(self.taught_segmentation)}
        if lengths | {len(block.values) for block in blocks} != {count}:
            raise ValueError(f"{count} patients, but parts of {sorted(lengths)} rows")
        if self.clinical.shape[1] != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns, but values of shape {self.clinical.shape}")
        binary = self.clinical[:, [n for n, column in enumerate(self.columns) if column.is_binary]]
        if not np.isin(binary[np.isfinite(binary)], (0.0, 1.0)).all():
            raise ValueError("a column of yes or no holds another value than 1 and 0")
        require_distinct(self)

    @property
    def complete(self) -> BoolArray:
        """Tell who has all clinical values; (patients,)."""
        return np.asarray(np.isfinite(self.clinical).all(axis=1))

    def with_shuffled_labels(self, seed: int) -> "EvaluationCohort":
        """Return the cohort with the outcomes dealt out anew: what is then learnt is not in the features."""
        return replace(self, mvi=np.random.default_rng(seed).permutation(self.mvi))


def require_distinct(*cohorts: EvaluationCohort) -> None:
    """Check that no patient is in these cohorts twice, by name or by features.

    Raises
    ------
    EvaluationError
        ``EV-TWICE``: one half of a pair could be learnt from and the other tested on.
    """
    names = [patient for cohort in cohorts for patient in cohort.patients]
    rows = [
        row.tobytes()
        for cohort in cohorts
        if (block := cohort.radiomics.get(Masks.AUTOMATIC)) is not None
        for row in block.values[block.known]
    ]
    for what, found in (("the same name", names), ("exactly the same features", rows)):
        if double := len(found) - len(set(found)):
            raise EvaluationError(
                "EV-TWICE", f"{double} of {len(found)} patients have {what} as another; take them out"
            )
