"""Where the cases of a cohort come from: phantoms from seeds, patients from folders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.geometry import FloatArray
from pipeline.phantom import PhantomSettings, make_case
from pipeline.resampling import grid_of
from pipeline.study import FIXED_ROLE, ClinicalValue, Role, Study
from pipeline.training.errors import TrainingError
from pipeline.training.manifest import CohortManifest, DicomCase
from pipeline.volume import LabelMap

StudyReader = Callable[[Path], Study]
"""Reads a folder of DICOM files; given by the caller, since the pipeline knows no DICOM."""

LOW_FIELD_EVERY = 4
"""Every fourth phantom is of 1.5 T, the others of 3 T."""
HELD_OUT_EVERY = 10
"""Every tenth labelled patient is held out of the training of the segmentation."""


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """One case with all that is known about it.

    Parameters
    ----------
    study
        As acquired.
    mvi
        Microvascular invasion.
    label_map
        On the grid of the hepatobiliary series: 1 liver, 2 tumour; None where nobody drew it.
    transforms_lps_mm
        True transforms of the moving sequences; None where only a registration can tell.
    tumour_masks
        Tumours as readers drew them, not 0 inside, each on the grid of its sequence as acquired.
    """

    study: Study
    mvi: bool
    label_map: LabelMap | None
    transforms_lps_mm: Mapping[Role, FloatArray] | None
    tumour_masks: Mapping[Role, LabelMap] = field(default_factory=dict)


@dataclass(frozen=True)
class PhantomSource:
    """A phantom that is made when it is needed."""

    seed: int
    mvi_prevalence: float

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"phantom-{self.seed:06d}"

    def load(self) -> LoadedCase:
        """Make the phantom."""
        field_strength_t = 1.5 if self.seed % LOW_FIELD_EVERY == 0 else 3.0
        settings = PhantomSettings(
            field_strength_t=field_strength_t, mvi_prevalence=self.mvi_prevalence, with_distractors=False
        )
        case = make_case(self.seed, settings=settings)
        return LoadedCase(case.study, case.truth.mvi, case.truth.label_map, case.truth.transforms_lps_mm)


@dataclass(frozen=True)
class PatientSource:
    """A patient whose files lie in a folder."""

    number: int
    case: DicomCase
    reader: StudyReader

    @property
    def name(self) -> str:
        """Name of the case: its place in the cohort file, since a folder may bear a patient's name."""
        return f"patient-{self.number:04d}"

    def load(self) -> LoadedCase:
        """Read images and labels.

        Raises
        ------
        TrainingError
            The labels do not lie on the grid of the hepatobiliary series.
        StudyError
            The images are unsuitable.
        """
        study = self.reader(self.case.folder)
        clinical = {
            analyte: ClinicalValue(value, origin="cohort") for analyte, value in self.case.clinical.items()
        }
        study = replace(study, clinical={**study.clinical, **clinical})
        labels = None if self.case.labels is None else self._labels(study, self.case.labels)
        return LoadedCase(study, self.case.mvi, labels, None)

    def _labels(self, study: Study, path: Path) -> LabelMap:
        try:
            image = sitk.ReadImage(str(path), sitk.sitkUInt8)
        except RuntimeError as error:
            raise TrainingError(f"labels of {self.name} cannot be read: {path}") from error
        labels = LabelMap(sitk.GetArrayFromImage(image), grid_of(image))
        if not labels.grid.is_close(study.volumes[FIXED_ROLE].grid, tolerance_mm=0.1):
            raise TrainingError(f"labels of {self.name} are not on the grid of its hepatobiliary series: {path}")
        return labels


Source = PhantomSource | PatientSource


@dataclass(frozen=True)
class Sources:
    """The cases of a manifest by their use.

    Parameters
    ----------
    segmentation, held_out
        Fit and evaluation of the segmentation.
    classifier
        Fit of the classifier.
    """

    segmentation: tuple[Source, ...]
    held_out: tuple[Source, ...]
    classifier: tuple[Source, ...]


def sources_of(manifest: CohortManifest, reader: StudyReader) -> Sources:
    """List the cases of a manifest.

    The segmentation of a phantom cohort learns from phantoms of its own. Patients are too rare for that: those
    with labels serve both uses, so that features of real cohorts come in part from segmentations of known cases.

    Raises
    ------
    TrainingError
        No patient has labels, and no segmentation is taken over.
    """
    if manifest.cohort.kind == "phantom":
        seeds, share = manifest.phantoms, manifest.cohort.mvi_prevalence
        return Sources(
            _phantoms(seeds.first_seed, seeds.count, share),
            _phantoms(seeds.first_held_out_seed, seeds.held_out_count, share),
            _phantoms(manifest.cohort.first_seed, manifest.cohort.count, share),
        )
    patients = tuple(PatientSource(n, case, reader) for n, case in enumerate(manifest.cases, start=1))
    labelled = [patient for patient in patients if patient.case.labels is not None]
    if manifest.bundle.segmentation_of is not None:
        labelled = []
    elif not labelled:
        raise TrainingError(
            "no case has labels; the segmentation needs some to learn from, or takes bundle.segmentation_of over"
        )
    held_out = tuple(labelled[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY])
    return Sources(tuple(patient for patient in labelled if patient not in held_out), held_out, patients)


def _phantoms(first_seed: int, count: int, mvi_prevalence: float) -> tuple[PhantomSource, ...]:
    return tuple(PhantomSource(seed, mvi_prevalence) for seed in range(first_seed, first_seed + count))
