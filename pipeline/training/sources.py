"""Where the cases of a cohort come from: phantoms from seeds, patients from folders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.geometry import FloatArray
from pipeline.phantom import PhantomSettings, make_case
from pipeline.study import FIXED_ROLE, Role, Study
from pipeline.training.cases import PatientCase
from pipeline.training.errors import TrainingError
from pipeline.training.image_files import read_labels
from pipeline.training.input_files import files_digest
from pipeline.training.manifest import CohortManifest
from pipeline.training.mask_checks import require_labels, require_same_tumours
from pipeline.volume import LabelMap

PatientReader = Callable[[PatientCase], "Patient"]
"""Reads what a case names; given by the caller, since the pipeline knows no DICOM."""

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


@dataclass(frozen=True, eq=False)
class Patient:
    """What was read of a patient.

    Parameters
    ----------
    study
        As acquired, with the laboratory values of the cohort file.
    tumour_masks
        As of `LoadedCase`.
    frames_of_reference
        UIDs by sequence where they are known; masks of different ones cannot be compared.
    """

    study: Study
    tumour_masks: Mapping[Role, LabelMap] = field(default_factory=dict)
    frames_of_reference: Mapping[Role, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PhantomSource:
    """A phantom that is made when it is needed."""

    seed: int
    mvi_prevalence: float

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"phantom-{self.seed:06d}"

    @property
    def stated(self) -> str:
        """What the cohort file says of it."""
        return f"seed {self.seed}, prevalence {self.mvi_prevalence:g}"

    @property
    def lesson(self) -> str:
        """What a segmentation learns from: nothing else."""
        return self.stated

    def inputs(self) -> str:
        """Return nothing: a phantom is read from no file."""
        return ""

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
    """A patient whose files lie somewhere."""

    number: int
    case: PatientCase
    reader: PatientReader

    @property
    def name(self) -> str:
        """Name of the case: its place in the cohort file, since a folder may bear a patient's name."""
        return f"patient-{self.number:04d}"

    @property
    def stated(self) -> str:
        """What the cohort file says of it, as a digest."""
        return self.case.stated

    @property
    def lesson(self) -> str:
        """What the cohort file says of images and labels, as a digest."""
        return self.case.lesson

    def inputs(self) -> str:
        """Return a digest of the state of its files; of a study that the node holds, of its masks alone."""
        return files_digest(self.case.paths())

    def load(self) -> LoadedCase:
        """Read images, labels and masks.

        Raises
        ------
        TrainingError
            Nobody knows the outcome.
        StudyError
            The images are unsuitable, or ``CM-...`` a mask is.
        """
        if self.case.mvi is None:
            raise TrainingError(f"{self.name} has no outcome (mvi); `mvi-node cohort check` lists all such cases")
        patient = self.reader(self.case)
        labels = self.labels(patient.study)
        require_same_tumours(patient.tumour_masks, patient.frames_of_reference, labels)
        return LoadedCase(patient.study, self.case.mvi, labels, None, patient.tumour_masks)

    def labels(self, study: Study) -> LabelMap | None:
        """Read the label map, which must lie on the grid of the hepatobiliary series; None where none is named.

        Raises
        ------
        UnsuitableStudyError
            ``CM-...``: see `read_labels` and `require_labels`.
        """
        if self.case.labels is None:
            return None
        image = study.volumes[FIXED_ROLE]
        labels = read_labels(self.case.labels, image.grid, what="The label map")
        require_labels(labels, image)
        return labels


@dataclass(frozen=True, eq=False)
class LoadedSource:
    """A case that was loaded already, for a machine that cannot reach its files."""

    name: str
    case: LoadedCase
    stated: str = ""
    lesson: str = ""
    inputs_digest: str = ""

    def inputs(self) -> str:
        """Return the digest of the files that it was loaded from."""
        return self.inputs_digest

    def load(self) -> LoadedCase:
        """Return the case."""
        return self.case


Source = PhantomSource | PatientSource | LoadedSource


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


def sources_of(manifest: CohortManifest, reader: PatientReader) -> Sources:
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
