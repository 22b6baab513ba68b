"""The offline verbs: a cohort file in, features and a model bundle out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.analysis import ModelIdentity
from pipeline.classification.ensemble import to_tensors
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, PipelineSettings, write_bundle
from pipeline.training.classifier import ClassifierFit, fit_classifier
from pipeline.training.extraction import Extracted, extract_cohort
from pipeline.training.feature_table import FeatureTable, read_table
from pipeline.training.manifest import CohortManifest
from pipeline.training.segmentation import Progress
from pipeline.training.segmentation_stage import fit_segmentation
from pipeline.training.sources import Sources

DISTANCE_ALLOWANCE = 1.5
"""The bundle accepts cases up to this multiple of what 99 % of the left-out cases keep."""


@dataclass(frozen=True)
class Watch:
    """What the caller lends to a long training: a clock and two ears."""

    clock: Callable[[], float]
    on_step: Callable[[Progress], None]
    on_case: Callable[[Extracted], None]


@dataclass(frozen=True)
class Resources:
    """How much of the machine may be used."""

    threads: int
    processes: int


def extract(manifest: CohortManifest, sources: Sources, work: Path, watch: Watch, use: Resources) -> list[Path]:
    """Fit the segmentation where that is not done, and extract the features of every case."""
    weights = fit_segmentation(
        manifest, sources, work, threads=use.threads, clock=watch.clock, report=watch.on_step
    )
    return extract_cohort(
        sources.classifier,
        weights=weights,
        settings=manifest.pipeline,
        work=work,
        processes=use.processes,
        report=watch.on_case,
    )


def train_bundle(
    manifest: CohortManifest, sources: Sources, work: Path, out: Path, watch: Watch, use: Resources
) -> tuple[ModelIdentity, ClassifierFit]:
    """Do every stage that is not done yet, and write the bundle.

    Parameters
    ----------
    manifest, sources
        Cohort file and its cases.
    work
        Keeps everything that was computed; a second call goes on.
    out
        Folder of the bundle.
    watch, use
        Progress; threads and processes.

    Raises
    ------
    TrainingError
        A stage cannot go on; the message says why.
    """
    rows = extract(manifest, sources, work, watch, use)
    table = read_table(rows)
    fit = fit_classifier(table, manifest.pipeline.classification, manifest.classifier)
    weights = fit_segmentation(
        manifest, sources, work, threads=use.threads, clock=watch.clock, report=watch.on_step
    )
    identity = write_bundle(
        out,
        name=manifest.bundle.name,
        version=manifest.bundle.version,
        intended_use=manifest.bundle.intended_use,
        settings=_with_distribution_limits(manifest.pipeline, fit),
        tensors={SEGMENTATION: weights, CLASSIFIER: to_tensors(fit.classifier)},
        training=_record(manifest, sources, table, fit),
    )
    return identity, fit


def _with_distribution_limits(settings: PipelineSettings, fit: ClassifierFit) -> PipelineSettings:
    """Set the out-of-distribution limits from the left-out cases, except those that the cohort file states."""
    measured = {
        "maximum_mahalanobis": round(DISTANCE_ALLOWANCE * fit.mahalanobis_99, 1),
        "maximum_outside_share": min(1.0, round(DISTANCE_ALLOWANCE * fit.outside_share_99, 3)),
    }
    stated = settings.gates.model_fields_set
    wanted = {name: limit for name, limit in measured.items() if name not in stated}
    return settings.model_copy(update={"gates": settings.gates.model_copy(update=wanted)})


def _record(manifest: CohortManifest, sources: Sources, table: FeatureTable, fit: ClassifierFit) -> dict[str, Any]:
    """Say how the model was made; names no folder and no patient."""
    return {
        "cohort": manifest.cohort.model_dump(mode="json"),
        "phantoms": manifest.phantoms.model_dump(mode="json"),
        "segmentation": {"cases": len(sources.segmentation), **manifest.segmentation.model_dump(mode="json")},
        "classifier": {
            "cases": len(table.cases),
            "without_features": len(sources.classifier) - len(table.cases),
            "with_invasion": int(np.sum(table.mvi)),
            **manifest.classifier.model_dump(mode="json"),
        },
        "left_out": {
            "radiomics": asdict(fit.radiomics),
            "radiomics+clinical": None if fit.combined is None else asdict(fit.combined),
        },
    }
