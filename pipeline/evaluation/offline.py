"""`cohort evaluate`: from a cohort file and the features of its cases to the folder of the report."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.further import aligned_with, with_further
from pipeline.evaluation.identities import require_each_once, require_others
from pipeline.evaluation.reading import read_cohort
from pipeline.evaluation.report import Provenance
from pipeline.evaluation.seen import who_taught
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.writing import require_writable, write_evaluation
from pipeline.training.case_records import require_unchanged
from pipeline.training.cases import PatientCase
from pipeline.training.extraction import FEATURES, ROW
from pipeline.training.further_columns import IsFurther
from pipeline.training.making import RECORD, digest
from pipeline.training.manifest import load_manifest
from pipeline.training.sources import Patient, PatientSource, sources_of

PACKAGES = ("mvi-node", "numpy", "scipy", "scikit-learn", "torch", "matplotlib", "pyradiomics")


@dataclass(frozen=True)
class Place:
    """A cohort on disk.

    Parameters
    ----------
    file
        Cohort file.
    work
        Folder that `cohort extract` filled.
    """

    file: Path
    work: Path


@dataclass(frozen=True)
class Options:
    """What the command line states.

    Parameters
    ----------
    repeats, seed
        Of the splits.
    permutations
        Shuffles of the permutation test.
    shuffle
        Deal the outcomes out anew.
    with_networks
        Fit the end-to-end networks too.
    select_clinical
        Choose the clinical values anew in each training part.
    command, made_at
        For the report.
    is_further
        Which columns of a cohort file are no values of the model, and are described beside them.
    """

    repeats: int
    seed: int
    permutations: int
    shuffle: bool
    with_networks: bool
    select_clinical: bool
    command: str
    made_at: str
    is_further: IsFurther = lambda _: False


def evaluate_place(
    place: Place,
    external: Place | None,
    out: Path,
    options: Options,
    executor: Executor | None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Evaluate a cohort and write the report; returns the document of ``evaluation.json``.

    Parameters
    ----------
    place, external
        The cohort, and one of other patients that is tested on only.
    out
        Folder of the report.
    options
        From the command line.
    executor
        Does splits, see `local_workers`; None: here. The numbers are the same.
    report
        Called with a line before each long step.

    Raises
    ------
    ConfigError
        A cohort file is wrong.
    TrainingError
        No case has features.
    EvaluationError
        The cohort cannot be evaluated, or shares a patient with the external one (``EV-TWICE``).
    OSError
        The folder of the report cannot be written to: said before anything is fitted.
    """
    cohort = _with_further(open_cohort(place), place, options)
    others = None
    if external is not None:
        others = _external(aligned_with(_with_further(open_cohort(external), external, options), cohort))
    if external is not None:
        require_others(load_manifest(place.file), load_manifest(external.file))
    manifest = load_manifest(place.file)
    settings = EvaluationSettings(
        repeats=options.repeats,
        seed=options.seed,
        permutations=options.permutations,
        select_clinical=options.select_clinical,
        network=manifest.pipeline.classification,
        training=manifest.classifier,
        epochs=(manifest.classifier.epochs, 2 * manifest.classifier.epochs),
    )
    require_writable(out)
    evaluation = evaluate(
        cohort,
        settings,
        external=others,
        shuffle=options.shuffle,
        with_networks=options.with_networks,
        executor=executor,
        report=report,
    )
    checksums = _checksums("cohort", place, cohort)
    if external is not None and others is not None:
        checksums |= _checksums("external cohort", external, others)
    versions = {package: version(package) for package in PACKAGES}
    return write_evaluation(evaluation, Provenance(options.command, options.made_at, versions, checksums), out)


def open_cohort(place: Place) -> EvaluationCohort:
    """Read the cases of a cohort file that have features."""
    manifest = load_manifest(place.file)
    require_each_once(manifest)
    sources = sources_of(manifest, _no_reader)
    cases = [source.name for source in sources.classifier]
    require_unchanged(place.work / FEATURES, sources.classifier, ROW)
    return read_cohort(
        place.work / FEATURES,
        cases,
        name=manifest.cohort.name,
        taught=who_taught(manifest, sources, place.work),
        synthetic=manifest.cohort.kind == "phantom",
    )


def _with_further(cohort: EvaluationCohort, place: Place, options: Options) -> EvaluationCohort:
    sources = sources_of(load_manifest(place.file), _no_reader).classifier
    cells = {source.name: source.case.clinical for source in sources if isinstance(source, PatientSource)}
    return with_further(cohort, cells, options.is_further, select=options.select_clinical)


def _external(cohort: EvaluationCohort) -> EvaluationCohort:
    """Name the patients apart: a case is named by its place in its file. The same patient is known by features."""
    return replace(cohort, patients=tuple(f"external-{patient}" for patient in cohort.patients))


@contextmanager
def local_workers(processes: int) -> Iterator[Executor | None]:
    """Lend processes of this machine; None for one, which is the caller's own."""
    if processes == 1:
        yield None
        return
    # Threads of libraries do not survive a fork.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _checksums(title: str, place: Place, cohort: EvaluationCohort) -> dict[str, str]:
    arrays = {f"{masks}": block.values for masks, block in cohort.radiomics.items()}
    found = {
        f"{title} file": hashlib.sha256(place.file.read_bytes()).hexdigest(),
        f"{title}, features and outcomes": digest({**arrays, "clinical": cohort.clinical, "mvi": cohort.mvi}),
    }
    record = place.work / FEATURES / RECORD
    if record.is_file():
        found[f"{title}, settings of its extraction"] = hashlib.sha256(record.read_bytes()).hexdigest()
    return found


def _no_reader(case: PatientCase) -> Patient:
    raise ValueError(f"an evaluation reads features, not {len(case.images)} images")
