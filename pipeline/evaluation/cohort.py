"""What is evaluated: the one type between extraction, of whatever form, and the experiments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.parts import (
    Agreement,
    BoolArray,
    ClinicalColumn,
    IndexArray,
    Masks,
    Outline,
    RadiomicsBlock,
)
from pipeline.evaluation.pictures import CohortPictures
from pipeline.geometry import FloatArray, read_only


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
    teachers_unknown
        Whether nobody can tell whom the segmentation learnt from: everybody counts as taught then.

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
    teachers_unknown: bool = False

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
        """Tell who has all clinical values that settings use; (patients,)."""
        return np.asarray(np.isfinite(self.clinical[:, self.used]).all(axis=1))

    @property
    def used(self) -> IndexArray:
        """Return the columns of the clinical values that settings use."""
        return np.array([n for n, column in enumerate(self.columns) if not column.is_optional], dtype=np.intp)

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
    names = [(patient, patient) for cohort in cohorts for patient in cohort.patients]
    rows = [
        (patient, row.tobytes())
        for cohort in cohorts
        if (block := cohort.radiomics.get(Masks.AUTOMATIC)) is not None
        for patient, known, row in zip(cohort.patients, block.known, block.values, strict=True)
        if known
    ]
    for what, found in (("the same name", names), ("exactly the same features", rows)):
        holders: dict[object, list[str]] = {}
        for patient, key in found:
            holders.setdefault(key, []).append(patient)
        if double := [patients for patients in holders.values() if len(patients) > 1]:
            raise EvaluationError(
                "EV-TWICE",
                f"{len(found) - len(holders)} of {len(found)} patients have {what} as another "
                f"({' and '.join(double[0])} first); take them out",
            )
