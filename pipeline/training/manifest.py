"""A cohort file: which cases, how the networks are fitted, and which bundle comes out."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.errors import ConfigError
from pipeline.model_bundle import BUNDLE_NAME_PATTERN, DEMONSTRATION_USE, VERSION_PATTERN, PipelineSettings
from pipeline.study import Analyte
from pipeline.training.settings import ClassifierTrainingSettings, ExtractionSettings, SegmentationTrainingSettings

Seed = Annotated[int, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DicomCase(_Table):
    """One patient of a DICOM cohort."""

    folder: Path
    """Folder of the DICOM files; relative to the cohort file."""
    mvi: bool
    """Microvascular invasion, from pathology."""
    labels: Path | None = None
    """NIfTI on the grid of the hepatobiliary series: 1 liver, 2 tumour; needed to train the segmentation."""
    clinical: dict[Analyte, float] = Field(default_factory=dict)
    """Laboratory values by `Analyte`; may be incomplete."""


class Cohort(_Table):
    """The cases of the classifier."""

    name: Annotated[str, Field(min_length=1)]
    """For tables and logs."""
    kind: Literal["phantom", "dicom"]
    """Phantoms are made from seeds; DICOM cases are listed."""
    first_seed: Seed = 0
    """Seed of the first phantom; the others follow."""
    count: Annotated[int, Field(ge=0)] = 0
    """Number of phantoms."""
    mvi_prevalence: Annotated[float, Field(gt=0, lt=1)] = 1 / 3
    """Share of phantoms with microvascular invasion."""


class PhantomSeeds(_Table):
    """Phantoms of the segmentation: not those of the classifier, whose cases must be unseen."""

    first_seed: Seed = 0
    """Seed of the first training phantom."""
    count: Annotated[int, Field(ge=0)] = 0
    """Number of training phantoms."""
    first_held_out_seed: Seed = 0
    """Seed of the first held-out phantom."""
    held_out_count: Annotated[int, Field(ge=0)] = 0
    """Number of phantoms evaluated while training."""


class BundleTarget(_Table):
    """The bundle that training writes."""

    name: Annotated[str, Field(pattern=BUNDLE_NAME_PATTERN)]
    """Name by which `model.active` chooses it."""
    version: Annotated[str, Field(pattern=VERSION_PATTERN)]
    """Raised with every change of weights or settings."""
    intended_use: Annotated[str, Field(min_length=1)] = DEMONSTRATION_USE
    """Printed in every result."""
    segmentation_of: Annotated[str, Field(pattern=BUNDLE_NAME_PATTERN)] | None = None
    """An installed bundle whose segmentation is taken as it is, and only the classifier fitted: for a site that
    knows the outcome of its patients and has drawn none of their tumours. None: the segmentation is trained."""


class CohortManifest(_Table):
    """Everything that `mvi-node cohort` needs."""

    cohort: Cohort
    """The cases of the classifier."""
    cases: tuple[DicomCase, ...] = ()
    """Patients of a DICOM cohort."""
    phantoms: PhantomSeeds = PhantomSeeds()
    """Phantoms of the segmentation."""
    pipeline: PipelineSettings = PipelineSettings()
    """Settings of every stage; they become part of the bundle."""
    segmentation: SegmentationTrainingSettings = SegmentationTrainingSettings()
    """Optimisation of the segmentation network."""
    extraction: ExtractionSettings = ExtractionSettings()
    """What is measured beside the features of the automatic outline."""
    classifier: ClassifierTrainingSettings = ClassifierTrainingSettings()
    """Optimisation of the classifier."""
    bundle: BundleTarget
    """The bundle that training writes."""

    @model_validator(mode="after")
    def _cases_fit_the_kind(self) -> Self:
        problems = self._phantom_problems() if self.cohort.kind == "phantom" else self._dicom_problems()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _phantom_problems(self) -> list[str]:
        problems = ['[[cases]] belong to kind = "dicom"'] if self.cases else []
        if not self.cohort.count:
            problems.append("cohort.count: at least one phantom is needed")
        if not self.phantoms.count and self.bundle.segmentation_of is None:
            problems.append("phantoms.count: at least one phantom is needed to train the segmentation")
        ranges = {
            "cohort": range(self.cohort.first_seed, self.cohort.first_seed + self.cohort.count),
            "phantoms": range(self.phantoms.first_seed, self.phantoms.first_seed + self.phantoms.count),
            "held-out phantoms": range(
                self.phantoms.first_held_out_seed, self.phantoms.first_held_out_seed + self.phantoms.held_out_count
            ),
        }
        names = list(ranges)
        for n, first in enumerate(names):
            for second in names[n + 1 :]:
                if set(ranges[first]) & set(ranges[second]):
                    problems.append(f"the seeds of {first} and {second} overlap")  # noqa: PERF401 - clearer so
        return problems

    def _dicom_problems(self) -> list[str]:
        problems = [] if self.cases else ["[[cases]]: a DICOM cohort lists its cases"]
        if self.cohort.count or self.phantoms.count:
            problems.append('seeds and counts belong to kind = "phantom"')
        return problems


def load_manifest(path: Path) -> CohortManifest:
    """Read a cohort file.

    Raises
    ------
    ConfigError
        The file is missing or no TOML, or keys are wrong; one message names them all.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError([f"cohort file {path} does not exist"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not valid TOML: {error}"]) from error
    try:
        manifest = CohortManifest.model_validate(document)
    except ValidationError as error:
        problems = [f"{path}: " + _sentence(item["loc"], item["msg"], item["type"]) for item in error.errors()]
        raise ConfigError(problems) from error
    here = path.parent
    cases = tuple(
        case.model_copy(update={"folder": here / case.folder, "labels": case.labels and here / case.labels})
        for case in manifest.cases
    )
    return manifest.model_copy(update={"cases": cases})


def _sentence(location: tuple[int | str, ...], message: str, kind: str) -> str:
    key = ".".join(str(part) for part in location) or "cohort file"
    return (
        f"{key}: unknown key" if kind == "extra_forbidden" else f"{key}: {message.removeprefix('Value error, ')}"
    )
