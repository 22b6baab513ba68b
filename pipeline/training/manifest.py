"""A cohort file: which cases, how the networks are fitted, and which bundle comes out."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from config.errors import ConfigError
from pipeline.bundle_manifest import BUNDLE_NAME_PATTERN, VERSION_PATTERN
from pipeline.model_bundle import DEMONSTRATION_USE, PipelineSettings
from pipeline.training.cases import PatientCase, Table
from pipeline.training.patient_table import read_patient_table
from pipeline.training.settings import ClassifierTrainingSettings, ExtractionSettings, SegmentationTrainingSettings

ACTIVE = "active"
"""In place of the name of a bundle: the one that the node works with."""
Seed = Annotated[int, Field(ge=0)]


class Cohort(Table):
    """The cases of the classifier."""

    name: Annotated[str, Field(min_length=1)]
    """For tables and logs."""
    kind: Literal["phantom", "dicom", "patients"]
    """Phantoms are made from seeds; patients are listed. ``dicom`` means the same as ``patients``."""
    table: Path | None = None
    """Patients as CSV, in place of [[cases]]; relative to the cohort file."""
    first_seed: Seed = 0
    """Seed of the first phantom; the others follow."""
    count: Annotated[int, Field(ge=0)] = 0
    """Number of phantoms."""
    mvi_prevalence: Annotated[float, Field(gt=0, lt=1)] = 1 / 3
    """Share of phantoms with microvascular invasion."""


class PhantomSeeds(Table):
    """Phantoms of the segmentation: not those of the classifier, whose cases must be unseen."""

    first_seed: Seed = 0
    """Seed of the first training phantom."""
    count: Annotated[int, Field(ge=0)] = 0
    """Number of training phantoms."""
    first_held_out_seed: Seed = 0
    """Seed of the first held-out phantom."""
    held_out_count: Annotated[int, Field(ge=0)] = 0
    """Number of phantoms evaluated while training."""


class BundleTarget(Table):
    """The bundle that training writes."""

    name: Annotated[str, Field(pattern=BUNDLE_NAME_PATTERN)]
    """Name by which `model.active` chooses it."""
    version: Annotated[str, Field(pattern=VERSION_PATTERN)]
    """Raised with every change of weights or settings."""
    intended_use: Annotated[str, Field(min_length=1)] | None = None
    """Printed in every result. None: for demonstration where the model learns from phantoms, for research where it
    learns from patients."""
    segmentation_of: Annotated[str, Field(pattern=BUNDLE_NAME_PATTERN)] | None = None
    """An installed bundle whose segmentation is taken as it is, and only the classifier fitted: for a site that
    knows the outcome of its patients and has drawn none of their tumours. ``active``: that of the node. None: the
    segmentation is trained."""


class CohortManifest(Table):
    """Everything that `mvi-node cohort` needs."""

    cohort: Cohort
    """The cases of the classifier."""
    cases: tuple[PatientCase, ...] = ()
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

    @property
    def intended_use(self) -> str:
        """What every result of the bundle says it is for."""
        learnt = f"research: trained on patients of the cohort {self.cohort.name}, not for clinical decisions"
        return self.bundle.intended_use or (DEMONSTRATION_USE if self.cohort.kind == "phantom" else learnt)

    @model_validator(mode="after")
    def _cases_fit_the_kind(self) -> Self:
        problems = self._phantom_problems() if self.cohort.kind == "phantom" else self._dicom_problems()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _phantom_problems(self) -> list[str]:
        problems = ['[[cases]] belong to kind = "patients"'] if self.cases else []
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
        problems = [] if self.cases else ["[[cases]]: a cohort of patients lists its cases"]
        if self.cohort.count or self.phantoms.count:
            problems.append('seeds and counts belong to kind = "phantom"')
        return problems


def load_manifest(path: Path) -> CohortManifest:
    """Read a cohort file, or a table of patients alone.

    A table alone (``.csv``) makes a cohort of its name, whose segmentation is that of the model in force.

    Raises
    ------
    ConfigError
        The file is missing or no TOML or CSV, or keys are wrong; one message names them all.
    """
    document = _of_table(path) if path.suffix.lower() == ".csv" else _of_toml(path)
    try:
        manifest = CohortManifest.model_validate(document)
    except ValidationError as error:
        problems = [f"{path}: " + _sentence(item["loc"], item["msg"], item["type"]) for item in error.errors()]
        raise ConfigError(problems) from error
    here = path.parent if manifest.cohort.table is None else (path.parent / manifest.cohort.table).parent
    cases = tuple(case.relative_to(here) for case in manifest.cases)
    return manifest.model_copy(update={"cases": cases})


def _of_toml(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError([f"cohort file {path} does not exist"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not valid TOML: {error}"]) from error
    cohort = document.get("cohort")
    table = cohort.get("table") if isinstance(cohort, dict) else None
    if isinstance(table, str):
        if "cases" in document:
            raise ConfigError([f"{path}: cohort.table stands in place of [[cases]]; leave one out"])
        document["cases"] = read_patient_table(path.parent / table)
    return document


def _of_table(path: Path) -> dict[str, Any]:
    cases = read_patient_table(path)
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "cohort"
    return {
        "cohort": {"name": path.stem, "kind": "patients"},
        "cases": cases,
        "bundle": {"name": name, "version": "1.0.0", "segmentation_of": ACTIVE},
    }


def _sentence(location: tuple[int | str, ...], message: str, kind: str) -> str:
    key = ".".join(str(part) for part in location) or "cohort file"
    return (
        f"{key}: unknown key" if kind == "extra_forbidden" else f"{key}: {message.removeprefix('Value error, ')}"
    )
