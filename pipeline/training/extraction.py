"""Second stage of `cohort train`: the features of every case, through the very stages that serve patients."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from config.analytes import load_analytes
from config.errors import NodeError
from pipeline.aligned import align
from pipeline.classification import CLINICAL_FEATURES
from pipeline.clinical import clinical_features
from pipeline.errors import TransientError, UnsuitableStudyError
from pipeline.lesions import delineate, measure
from pipeline.model_bundle import PipelineSettings
from pipeline.quality import displaced_likeness, registration_gates, require
from pipeline.radiomics import extract_outlines
from pipeline.run import tumour_outline
from pipeline.segmentation.stage import segment
from pipeline.specimen import Examined
from pipeline.study import FIXED_ROLE
from pipeline.training.case_records import discard_changed
from pipeline.training.engines import Extracted, do_here, do_in_processes, do_on_cluster
from pipeline.training.feature_table import Acquired, write_row
from pipeline.training.making import digest, require_same_making
from pipeline.training.outlines import Files, compare, further_outlines
from pipeline.training.pictures import PICTURES, make_pictures, write_pictures
from pipeline.training.refusals import REFUSAL, forget_mended, write_refusal
from pipeline.training.settings import ExtractionSettings
from pipeline.training.sources import Source
from pipeline.training.teachers import note_image

logger = logging.getLogger(__name__)

FEATURES = "features"
ROW = ".npz"
NO_LESION = "no lesion was found"

Weights = Mapping[str, npt.NDArray[Any]]


def extract_cohort(
    sources: Sequence[Source],
    *,
    weights: Weights,
    settings: PipelineSettings,
    work: Path,
    processes: int,
    report: Callable[[Extracted], None],
    outlines: ExtractionSettings = ExtractionSettings(repeats=0),  # noqa: B008 - frozen
    cluster: Executor | None = None,
) -> list[Path]:
    """Extract the features of every case that has none yet; one that fails stops no other.

    Parameters
    ----------
    sources
        Cases of the classifier.
    weights
        Of the segmentation network.
    settings
        Of every stage.
    work
        Keeps one file a case, so that a second call goes on.
    processes
        Cases at once.
    report
        Called after each case.
    outlines
        What is measured beside the features, see `pipeline.training.outlines`.
    cluster
        Does the cases in place of processes of this machine; the numbers are the same.

    Returns
    -------
    list[Path]
        Rows in the order of the sources; a refused case, or one without a lesion, has none.

    Raises
    ------
    TrainingError
        `work` holds features of other settings or weights.
    """
    folder = features_folder(work, weights, settings)
    for name in discard_changed(folder, sources):
        logger.warning("the cohort file says something else of a case than before; it is done anew case=%s", name)
    for name in forget_mended(folder, sources):
        logger.info("the files of a refused case are others than before; it is tried again case=%s", name)
    repeats = [outlines.repeats if n < outlines.repeat_cases else 0 for n in range(len(sources))]
    waiting = [job for job in zip(sources, repeats, strict=True) if not is_done(folder, job[0])]
    work_case = partial(_extract_into, weights=dict(weights), settings=settings)
    if cluster is not None:
        outcomes = do_on_cluster(waiting, work_case, folder, cluster)
    elif processes == 1:
        outcomes = do_here(waiting, work_case, folder)
    else:
        outcomes = do_in_processes(waiting, work_case, folder, processes)
    for outcome in outcomes:
        report(outcome)
    return [path for source in sources if (path := folder / f"{source.name}{ROW}").is_file()]


def features_folder(work: Path, weights: Weights, settings: PipelineSettings) -> Path:
    """Return the folder of the features of these weights and settings; `TrainingError` where it holds others."""
    folder = work / FEATURES
    making = {**_settings_of_features(settings), "weights": digest(weights)}
    require_same_making(folder, making, _completed)
    return folder


def _settings_of_features(settings: PipelineSettings) -> dict[str, Any]:
    """Without what is learnt from features later, and how fast they are made; gates refuse cases, and stay."""
    return settings.model_dump(
        mode="json", exclude={"classification": True, "registration": {"threads"}, "radiomics": {"processes"}}
    )


def _completed(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a record the settings that came later: their defaults do what the software did without them."""
    known = {name: value for name, value in stored.items() if name in PipelineSettings.model_fields}
    try:
        settings = PipelineSettings.model_validate(known)
    except ValidationError:
        return stored
    further = {name: value for name, value in stored.items() if name not in PipelineSettings.model_fields}
    return {**further, **_settings_of_features(settings)}


def is_done(folder: Path, source: Source) -> bool:
    """Tell whether a case has features or was refused."""
    return (folder / f"{source.name}{ROW}").is_file() or (folder / f"{source.name}{REFUSAL}").is_file()


def _extract_into(
    source: Source, folder: Path, repeats: int, *, weights: Weights, settings: PipelineSettings
) -> Extracted:
    return extract_case(source, weights, settings, folder, repeats)


def extract_case(
    source: Source, weights: Weights, settings: PipelineSettings, folder: Path, repeats: int = 0
) -> Extracted:
    """Register, segment, delineate and extract one case; write its row or why it has none.

    Parameters
    ----------
    source, weights, settings
        As of `extract_cohort`.
    folder
        From `features_folder`.
    repeats
        Outlines that are drawn anew from the automatic one and measured as well.

    Raises
    ------
    TransientError
        The case may succeed another time; it has no row and no refusal.
    """
    inputs = source.inputs()
    try:
        reason = _extract(source, weights, settings, folder, repeats)
    except TransientError:
        raise
    except NodeError as error:  # Also a folder without DICOM files: of this case alone.
        reason = str(error)
    if reason:
        write_refusal(folder, source.name, reason, inputs)
    return Extracted(source.name, reason)


def _extract(source: Source, weights: Weights, settings: PipelineSettings, folder: Path, repeats: int) -> str:
    case = source.load()
    fixed = case.study.volumes[FIXED_ROLE].grid
    aligned = align(case.study, settings)
    require(registration_gates(aligned.outcomes, settings.gates))
    labels = segment(aligned.registered, weights=weights, settings=settings.segmentation)
    found = delineate(labels, fixed, settings=settings.lesions)
    native = found.on(fixed)
    lesions = measure(native.lesion_map)
    drawn = compare(case, aligned.outcomes, native)
    files = Files(folder, source.name)
    files.write_agreement(drawn)
    note_image(folder, source.name, case.study)
    if not lesions:
        return NO_LESION
    clinical = clinical_features(
        case.study.clinical,
        tumour_size_mm=max(lesion.longest_diameter_mm for lesion in lesions),
        examined=Examined(case.study.examined_on, case.study.began_at),
        rules=load_analytes(),
    )
    known = clinical.complete or {}
    row = [known.get(name, np.nan) for name in CLINICAL_FEATURES]
    further = further_outlines(drawn, found, settings, source.name, repeats)
    outlines = [tumour_outline(found), *further.values()]
    own, *others = extract_outlines(aligned.registered, outlines, settings=settings.radiomics)
    if isinstance(own, UnsuitableStudyError):
        raise own
    acquired = Acquired(
        case.study.field_strength_t,
        case.study.contrast_agents,
        max(displaced_likeness(outcome) for outcome in aligned.outcomes.values()),
    )
    for end, features in zip(further, others, strict=True):
        if isinstance(features, UnsuitableStudyError):
            continue  # The case has its own features; a reader sees that these are absent.
        write_row(folder / f"{source.name}{end}", features, row, case.mvi, acquired)
    pictures = make_pictures(aligned.registered, found.lesion_map, settings.segmentation.normalisation)
    write_pictures(folder / f"{source.name}{PICTURES}", pictures)
    files.write_outline(drawn, case.study.volumes[FIXED_ROLE], native)
    # The row comes last: a case that has one is done.
    write_row(folder / f"{source.name}{ROW}", own, row, case.mvi, acquired)
    return ""
