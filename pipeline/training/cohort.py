"""The offline verbs: a cohort file in, features and a model bundle out."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from config.errors import NodeError
from pipeline.analysis import ModelIdentity
from pipeline.classification.ensemble import to_tensors
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, PipelineSettings, load_bundle, write_bundle
from pipeline.training.classifier import ClassifierFit, fit_classifier
from pipeline.training.device import Device
from pipeline.training.engines import Extracted
from pipeline.training.errors import TrainingError
from pipeline.training.extraction import FEATURES, extract_cohort, is_done
from pipeline.training.feature_table import read_table
from pipeline.training.held_out import held_out_dice
from pipeline.training.limits import with_limits
from pipeline.training.manifest import CohortManifest
from pipeline.training.parquet import AUTOMATIC, PARQUET, read_outlines, write_parquet
from pipeline.training.record import provenance, record_of, require_rows
from pipeline.training.segmentation import Progress
from pipeline.training.segmentation_stage import fit_segmentation, teachers_of
from pipeline.training.sources import Sources
from pipeline.training.teachers import Teachers, note_image, note_teachers, taught_among, without_image

logger = logging.getLogger(__name__)

FREE_OF_WEIGHTS = frozenset({"stride_kji", "search", "blending", "flip_axes"})
"""Settings of a segmentation that its weights do without: a cohort file may state its own."""


@dataclass(frozen=True)
class Watch:
    """What the caller lends to a long training: a clock and two ears."""

    clock: Callable[[], float]
    on_step: Callable[[Progress], None]
    on_case: Callable[[Extracted], None]


@dataclass(frozen=True)
class Resources:
    """How much of the machine may be used, and the cluster that extracts in its place."""

    threads: int
    processes: int
    cluster: Executor | None = None
    device: Device = Device.AUTO


@dataclass(frozen=True)
class Base:
    """What a cohort takes over from an installed bundle (`BundleTarget.segmentation_of`).

    Parameters
    ----------
    identity
        Of the bundle.
    settings, weights
        Of its segmentation.
    training
        How it was made.
    """

    identity: ModelIdentity
    settings: PipelineSettings
    weights: Mapping[str, npt.NDArray[Any]]
    training: Mapping[str, Any] = field(default_factory=dict)


def based_on(manifest: CohortManifest, base: Base) -> CohortManifest:
    """Return `manifest` with the grid and the segmentation of `base`, on which its weights depend.

    Raises
    ------
    TrainingError
        The cohort file states others.
    """
    own, theirs = manifest.pipeline, base.settings
    stated = own.segmentation.model_fields_set
    segmentation = theirs.segmentation.model_copy(
        update={name: getattr(own.segmentation, name) for name in FREE_OF_WEIGHTS & stated}
    )
    spacing = "working_spacing_xyz_mm"
    contradicted = [
        f"segmentation.{name}"
        for name in sorted(stated)
        if getattr(own.segmentation, name) != getattr(segmentation, name)
    ]
    if spacing in own.model_fields_set and own.working_spacing_xyz_mm != theirs.working_spacing_xyz_mm:
        contradicted.append(spacing)
    if contradicted:
        raise TrainingError(
            f"pipeline.{', pipeline.'.join(contradicted)} of the cohort file differ from those of "
            f"{base.identity.name}, whose segmentation is taken over; leave them out"
        )
    taken = {spacing: theirs.working_spacing_xyz_mm, "segmentation": segmentation}
    return manifest.model_copy(update={"pipeline": own.model_copy(update=taken)})


def extract(
    manifest: CohortManifest,
    sources: Sources,
    work: Path,
    watch: Watch,
    use: Resources,
    base: Base | None = None,
) -> list[Path]:
    """Fit the segmentation where that is not done, extract the features of every case, and join them."""
    rows = extract_cohort(
        sources.classifier,
        weights=_segmentation(manifest, sources, work, watch, use, base),
        settings=manifest.pipeline,
        work=work,
        processes=use.processes,
        report=watch.on_case,
        outlines=manifest.extraction,
        cluster=use.cluster,
    )
    _note_who_taught(manifest, sources, work, base)
    tables = read_outlines(work / FEATURES, [source.name for source in sources.classifier])
    if AUTOMATIC in tables:
        taught = taught_among(work / FEATURES, [source.name for source in sources.classifier])
        whence = {
            **provenance(manifest, work / FEATURES, _identity_of(base)),
            "taught_segmentation": taught,
        }
        write_parquet(work / PARQUET, tables, whence)
    return rows


def _teachers(manifest: CohortManifest, work: Path, base: Base | None) -> Teachers:
    return teachers_of(work, manifest) if base is None else Teachers.of_bundle(base.training)


def _note_who_taught(manifest: CohortManifest, sources: Sources, work: Path, base: Base | None) -> None:
    """Keep whom the segmentation learnt from, and the digests of cases that an earlier version extracted."""
    folder = work / FEATURES
    note_teachers(folder, _teachers(manifest, work, base))
    done = [source.name for source in sources.classifier if is_done(folder, source)]
    missing = set(without_image(folder, done))
    for source in sources.classifier:
        if source.name in missing:
            try:
                note_image(folder, source.name, source.load().study)
            except NodeError as error:
                logger.warning(
                    "nobody can tell whether the segmentation learnt from a case case=%s: %s", source.name, error
                )


def train_bundle(
    manifest: CohortManifest,
    sources: Sources,
    work: Path,
    out: Path,
    watch: Watch,
    use: Resources,
    base: Base | None = None,
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
    base
        Bundle whose segmentation is taken over; `manifest` is from `based_on` then.

    Raises
    ------
    TrainingError
        A stage cannot go on; the message says why.
    ModelBundleError
        What came out is no model.
    """
    rows = extract(manifest, sources, work, watch, use, base)
    if unfinished := [source.name for source in sources.classifier if not is_done(work / FEATURES, source)]:
        raise TrainingError(
            f"{len(unfinished)} cases failed and may succeed another time ({', '.join(unfinished[:5])}); "
            "the same command goes on"
        )
    require_rows(rows, work / FEATURES)
    table = read_table(rows)
    fit = fit_classifier(table, manifest.pipeline.classification, manifest.classifier)
    weights = _segmentation(manifest, sources, work, watch, use, base)
    identity = write_bundle(
        out,
        name=manifest.bundle.name,
        version=manifest.bundle.version,
        intended_use=manifest.intended_use,
        settings=with_limits(manifest.pipeline, fit, table),
        tensors={SEGMENTATION: weights, CLASSIFIER: to_tensors(fit.classifier)},
        training={
            **record_of(manifest, sources, table, fit, _identity_of(base)),
            "segmentation_teachers": _teachers(manifest, work, base).document(),
            "held_out_dice": _held_out_dice(sources, work / FEATURES, base),
        },
    )
    # What nobody could use must not be called trained: such as weights beyond half precision.
    load_bundle(out)
    return identity, fit


def _identity_of(base: Base | None) -> ModelIdentity | None:
    return None if base is None else base.identity


def _held_out_dice(sources: Sources, folder: Path, base: Base | None) -> dict[str, Any]:
    """Measure the segmentation on the cases it did not learn from; on none where that is not known."""
    names = [source.name for source in sources.classifier]
    taught = taught_among(folder, names)
    if taught is None:
        taught = names if base else [source.name for source in sources.segmentation]
    return held_out_dice(folder, [name for name in names if name not in taught])


def _segmentation(
    manifest: CohortManifest, sources: Sources, work: Path, watch: Watch, use: Resources, base: Base | None
) -> Mapping[str, npt.NDArray[Any]]:
    if base is not None:
        return base.weights
    return fit_segmentation(
        manifest,
        sources,
        work,
        threads=use.threads,
        clock=watch.clock,
        report=watch.on_step,
        device=use.device,
    )
