"""The offline verbs: a cohort file in, features and a model bundle out."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from config.errors import NodeError
from pipeline.analysis import ModelIdentity
from pipeline.classification.ensemble import to_tensors
from pipeline.model_bundle import CLASSIFIER, SEGMENTATION, PipelineSettings, write_bundle
from pipeline.training.classifier import ClassifierFit, fit_classifier
from pipeline.training.code_identity import code_identity
from pipeline.training.device import Device
from pipeline.training.engines import Extracted
from pipeline.training.errors import TrainingError
from pipeline.training.extraction import FEATURES, NO_LESION, extract_cohort, is_done
from pipeline.training.feature_table import FeatureTable, read_table
from pipeline.training.held_out import held_out_dice
from pipeline.training.making import RECORD, digest
from pipeline.training.manifest import CohortManifest
from pipeline.training.parquet import AUTOMATIC, PARQUET, read_outlines, write_parquet
from pipeline.training.refusals import REFUSAL
from pipeline.training.segmentation import Progress
from pipeline.training.segmentation_stage import fit_segmentation, teachers_of
from pipeline.training.sources import Sources
from pipeline.training.teachers import Teachers, note_image, note_teachers, taught_among, without_image

logger = logging.getLogger(__name__)

DISTANCE_ALLOWANCE = 1.5
"""The bundle accepts cases up to this multiple of what 99 % of the left-out cases keep."""
FREE_OF_WEIGHTS = frozenset({"stride_kji", "search", "flip_axes"})
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
        whence = {**provenance(manifest, work / FEATURES, base), "taught_segmentation": taught}
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


def provenance(manifest: CohortManifest, folder: Path, base: Base | None) -> dict[str, Any]:
    """Say what made the features in `folder`; names no folder and no patient."""
    record = (folder / RECORD).read_bytes()
    refusals = sorted(folder.glob(f"*{REFUSAL}"))
    return {
        "software": version("mvi-node"),
        "cohort": manifest.cohort.name,
        "settings_sha256": hashlib.sha256(record).hexdigest(),
        "segmentation_sha256": json.loads(record)["weights"],
        "model": None if base is None else asdict(base.identity),
        "refused": {
            path.name.removesuffix(REFUSAL): _why(json.loads(path.read_text(encoding="utf-8"))["because"])
            for path in refusals
        },
    }


def _why(because: str) -> str:
    """Return the code of a refusal: its sentence may name a folder, and that a patient."""
    code = re.match(r"[A-Z]+(-[A-Z0-9]+)+(?=:)", because)
    return code[0] if code else NO_LESION if because == NO_LESION else "not readable"


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
    """
    rows = extract(manifest, sources, work, watch, use, base)
    if unfinished := [source.name for source in sources.classifier if not is_done(work / FEATURES, source)]:
        raise TrainingError(
            f"{len(unfinished)} cases failed and may succeed another time ({', '.join(unfinished[:5])}); "
            "the same command goes on"
        )
    table = read_table(rows)
    fit = fit_classifier(table, manifest.pipeline.classification, manifest.classifier)
    weights = _segmentation(manifest, sources, work, watch, use, base)
    identity = write_bundle(
        out,
        name=manifest.bundle.name,
        version=manifest.bundle.version,
        intended_use=manifest.intended_use,
        settings=_with_limits(manifest.pipeline, fit, table),
        tensors={SEGMENTATION: weights, CLASSIFIER: to_tensors(fit.classifier)},
        training={
            **_record(manifest, sources, table, fit, base),
            "segmentation_teachers": _teachers(manifest, work, base).document(),
            # What a segmentation that is taken over learnt from is not known here.
            **({} if base else {"held_out_dice": held_out_dice(work / FEATURES, sources)}),
        },
    )
    return identity, fit


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


def _with_limits(settings: PipelineSettings, fit: ClassifierFit, table: FeatureTable) -> PipelineSettings:
    """Set what the model was made for from its cases, except what the cohort file states."""
    fields_t = table.field_strength_t
    measured = {
        # One case that does not tell its field strength may be of any.
        "field_strengths_t": None
        if np.isnan(fields_t).any()
        else tuple(float(field_t) for field_t in np.unique(fields_t.round(1))),
        "contrast_agents": _named_agents(table),
        "maximum_mahalanobis": round(DISTANCE_ALLOWANCE * fit.mahalanobis_99, 1),
        "maximum_outside_share": min(1.0, round(DISTANCE_ALLOWANCE * fit.outside_share_99, 3)),
    }
    stated = settings.gates.model_fields_set
    wanted = {name: limit for name, limit in measured.items() if name not in stated}
    return settings.model_copy(update={"gates": settings.gates.model_copy(update=wanted)})


def _named_agents(table: FeatureTable) -> tuple[str, ...] | None:
    """Return the contrast agents of the cases; None where a case does not tell its own, which may be any."""
    if not table.contrast_agents or not all(table.contrast_agents):
        return None
    return tuple(sorted({name for names in table.contrast_agents for name in names.split()}))


def _record(
    manifest: CohortManifest, sources: Sources, table: FeatureTable, fit: ClassifierFit, base: Base | None
) -> dict[str, Any]:
    """Say how the model was made; names no folder and no patient."""
    segmentation: dict[str, Any] = (
        {"cases": len(sources.segmentation), **manifest.segmentation.model_dump(mode="json")}
        if base is None
        else {"taken_over_from": asdict(base.identity)}
    )
    return {
        "software": version("mvi-node"),
        "code": code_identity(),
        "cohort": manifest.cohort.model_dump(mode="json", exclude={"table"}),
        "phantoms": manifest.phantoms.model_dump(mode="json"),
        "segmentation": segmentation,
        "classifier": {
            "cases": len(table.cases),
            "without_features": len(sources.classifier) - len(table.cases),
            "with_invasion": int(np.sum(table.mvi)),
            "sha256": digest({"values": table.values, "clinical": table.clinical, "mvi": table.mvi}),
            **manifest.classifier.model_dump(mode="json"),
        },
        "left_out": {
            "radiomics": asdict(fit.radiomics),
            "radiomics+clinical": None if fit.combined is None else asdict(fit.combined),
        },
    }
