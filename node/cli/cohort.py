"""`mvi-node cohort`: offline training; a cohort file in, features and a model bundle out."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from config.analytes import analytes_in_force
from config.errors import ConfigError
from config.loading import load_settings
from config.series_rules import rules_in_force
from node.cli import cohort_evaluate
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, print_json, verb
from node.cli.tables import show_table
from node.cohort.studies import stored_studies
from node.compute.dask_engine import DaskExecutor
from node.ledger.ledger import utc_now
from node.models.choice import load_active_bundle
from node.storage.folder import StorageError

if TYPE_CHECKING:
    from node.cohort.reader import CohortReader
    from pipeline.training.cohort import Base, Watch
    from pipeline.training.engines import Extracted
    from pipeline.training.manifest import CohortManifest
    from pipeline.training.segmentation import Progress as TrainingProgress
    from pipeline.training.sources import PatientSource, Sources

app = typer.Typer(no_args_is_help=True, help="Train and evaluate a model offline, from phantoms or from patients.")

app.command(epilog="Example: mvi-node cohort evaluate cohort.toml --work build --out evaluation")(
    cohort_evaluate.evaluate
)

CohortFile = Annotated[Path, typer.Argument(metavar="FILE", help="Cohort file (TOML), or a table (CSV).")]
WorkOption = Annotated[
    Path,
    typer.Option("--work", metavar="DIR", help="Keeps cases, checkpoints and features; a second call goes on."),
]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, max=64, help="Threads of the network's training.")]
DeviceOption = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", help="Where the network is trained; auto: on a GPU where there is one."),
]
ProcessesOption = Annotated[int, typer.Option("--processes", min=1, max=64, help="Cases extracted at once.")]


@app.command(epilog="Example: mvi-node cohort check cohort.toml")
@verb
def check(file: CohortFile, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read all that a cohort file names and list every problem of every patient; exit 2 where there is one."""
    from node.cohort.check import clinical_columns, read_problems, stated_problems  # noqa: PLC0415 - `--help` needs no array

    opened = _open(file, config, complain)
    manifest, sources = opened.manifest, opened.sources
    with _bar("reading", len(opened.patients)) as on_patient:
        problems = stated_problems(opened.patients, opened.reader)
        problems += read_problems(opened.patients, opened.reader, on_patient)
    further = clinical_columns(opened.patients, opened.reader)
    problems.sort(key=lambda problem: problem.patient)
    document: dict[str, Any] = {
        "name": manifest.cohort.name,
        "kind": manifest.cohort.kind,
        "segmentation_cases": len(sources.segmentation),
        "held_out_cases": len(sources.held_out),
        "classifier_cases": len(sources.classifier),
        "bundle": {"name": manifest.bundle.name, "version": manifest.bundle.version},
        "further_columns": further,
        "problems": [asdict(problem) for problem in problems],
    }
    if as_json:
        print_json(document)
    elif problems:
        show_table(
            ("patient", "code", "problem"), [(found.patient, found.code, found.message) for found in problems]
        )
    if further:
        complain(
            "described beside the values of the model: " + ", ".join(f"{n} ({k})" for n, k in further.items())
        )
    if problems:
        wrong = len({problem.patient for problem in problems})
        complain(f"{len(problems)} problems of {wrong} of {len(opened.patients)} patients; nothing was changed")
        raise typer.Exit(ExitCode.USAGE)
    complain(
        f"cohort {manifest.cohort.name} is valid: {len(sources.segmentation)} cases for the segmentation, "
        f"{len(sources.held_out)} held out, {len(sources.classifier)} for the classifier"
    )


@app.command(epilog="Example: mvi-node cohort extract cohort.toml --work build")
@verb
def extract(
    file: CohortFile,
    work: WorkOption,
    retry: Annotated[bool, typer.Option("--retry", help="Try refused cases again too.")] = False,
    threads: ThreadsOption = 2,
    processes: ProcessesOption = 1,
    device: DeviceOption = "auto",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Extract the features of every case, training the segmentation first where that is not done."""
    from pipeline.training.cohort import Resources  # noqa: PLC0415 - `--help` needs no torch
    from pipeline.training.cohort import extract as extract_features  # noqa: PLC0415
    from pipeline.training.device import Device  # noqa: PLC0415
    from pipeline.training.extraction import FEATURES, is_done  # noqa: PLC0415
    from pipeline.training.refusals import forget_refusals, refusals_of  # noqa: PLC0415

    manifest, sources, base = _ready(file, config)
    names = [source.name for source in sources.classifier]
    if retry:
        forget_refusals(work / FEATURES, names)
    with _watch(len(sources.classifier)) as watch, _cluster(config) as cluster:
        use = Resources(threads, processes, cluster, Device(device))
        rows = extract_features(manifest, sources, work, watch, use, base)
    failed = [source.name for source in sources.classifier if not is_done(work / FEATURES, source)]
    refused = refusals_of(work / FEATURES, names)
    document = {
        "cases": len(sources.classifier),
        "refused": refused,
        "with_features": len(rows),
        "unfinished": failed,
        "rows": [str(row) for row in rows],
    }
    if as_json:
        print_json(document)
    elif refused:
        show_table(("case", "refused because"), list(refused.items()))
    complain(f"{len(rows)} of {len(sources.classifier)} cases have features, in {work}")
    if refused:
        complain(f"{len(refused)} are refused; once that is mended, --retry tries them again")
    if failed:
        complain(f"{len(failed)} failed and may succeed another time; the same command goes on")
    if failed or not rows:
        raise typer.Exit(ExitCode.FAILED)


@app.command(epilog="Example: mvi-node cohort train cohort.toml --work build --out models/ours")
@verb
def train(
    file: CohortFile,
    work: WorkOption,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the bundle. Default: WORK/bundle/NAME.")
    ] = None,
    threads: ThreadsOption = 2,
    processes: ProcessesOption = 1,
    device: DeviceOption = "auto",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train segmentation and classifier and write a model bundle. Interrupted, the same command goes on."""
    from pipeline.evaluation.first_page import few_warnings  # noqa: PLC0415 - `--help` needs no torch
    from pipeline.evaluation.sampling import area_bounds  # noqa: PLC0415
    from pipeline.training.cohort import Resources, train_bundle  # noqa: PLC0415
    from pipeline.training.device import Device  # noqa: PLC0415

    manifest, sources, base = _ready(file, config)
    folder = out or work / "bundle" / manifest.bundle.name
    with _watch(len(sources.classifier)) as watch, _cluster(config) as cluster:
        use = Resources(threads, processes, cluster, Device(device))
        identity, fit = train_bundle(manifest, sources, work, folder, watch, use, base)
    found = {"radiomics": fit.radiomics} | ({"radiomics+clinical": fit.combined} if fit.combined else {})
    bounds = {
        name: area_bounds(part.auc, part.positive, part.cases - part.positive) for name, part in found.items()
    }
    if as_json:
        left_out = {name: {**asdict(part), "auc_interval_95": bounds[name]} for name, part in found.items()}
        print_json({"model": asdict(identity), "folder": str(folder), "left_out": left_out})
        return
    complain(f"wrote model {identity.name} {identity.version} to {folder}, sha256 {identity.sha256}")
    for warning in few_warnings(fit.radiomics.positive, fit.radiomics.cases - fit.radiomics.positive):
        complain(warning)
    for name, part in found.items():
        complain(
            f"{name}: area under the curve {part.auc:.3f} ({bounds[name][0]:.3f} to {bounds[name][1]:.3f}), "
            f"sensitivity {part.sensitivity:.2f}, specificity {part.specificity:.2f} on {part.cases} left-out "
            "cases"
        )


@dataclass(frozen=True)
class _Opened:
    manifest: "CohortManifest"
    sources: "Sources"
    base: "Base | None"
    patients: "tuple[PatientSource, ...]"
    reader: "CohortReader"


def _ready(file: Path, config: Path | None) -> "tuple[CohortManifest, Sources, Base | None]":
    """Open a cohort file that has no problem of its own: an outcome or unit that is wrong is wrong for hours."""
    from node.cohort.check import stated_problems  # noqa: PLC0415 - `--help` needs no array

    opened = _open(file, config)
    if problems := stated_problems(opened.patients, opened.reader):
        raise ConfigError([f"{found.patient}: {found.message} ({found.code})" for found in problems])
    return opened.manifest, opened.sources, opened.base


def _open(file: Path, config: Path | None, told: Callable[[str], None] | None = None) -> _Opened:
    """Open a cohort file; where `told` hears of it, a ledger that is missing leaves the node's studies unknown."""
    from node.cohort.reader import CohortReader  # noqa: PLC0415 - `--help` needs no array
    from pipeline.training.cohort import Base, based_on  # noqa: PLC0415 - and no torch
    from pipeline.training.manifest import ACTIVE, load_manifest  # noqa: PLC0415
    from pipeline.training.sources import PatientSource, sources_of  # noqa: PLC0415

    settings, manifest, base = load_settings(config, os.environ), load_manifest(file), None
    named = manifest.bundle.segmentation_of
    if named is not None:
        bundle = load_active_bundle(settings, settings.model.active if named == ACTIVE else named)
        base = Base(bundle.identity, bundle.settings, bundle.segmentation_weights, bundle.training)
        manifest = based_on(manifest, base)
    try:
        stored = stored_studies({case.study for case in manifest.cases if case.study}, settings)
    except StorageError as error:
        if told is None:
            raise
        told(str(error))
        stored = {}
    reader = CohortReader(
        rules_in_force(settings.matching), analytes_in_force(settings.labs.analytes), utc_now().date(), stored
    )
    sources = sources_of(manifest, reader)
    patients = tuple(source for source in sources.classifier if isinstance(source, PatientSource))
    return _Opened(manifest, sources, base, patients, reader)


@contextmanager
def _cluster(config: Path | None) -> Iterator[DaskExecutor | None]:
    """Lend the cluster of the settings; None where the node computes on its own machine."""
    compute = load_settings(config, os.environ).compute
    if compute.engine != "dask":
        yield None
        return
    with DaskExecutor(compute.scheduler) as cluster:
        yield cluster


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task(title, total=total)
        yield lambda: bars.advance(task)


@contextmanager
def _watch(cases: int) -> "Iterator[Watch]":
    """Show bars on a terminal, and a line now and then elsewhere."""
    from pipeline.training.cohort import Watch  # noqa: PLC0415 - `--help` needs no torch

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        fitting = bars.add_task("segmentation", total=None)
        extracting = bars.add_task("features", total=cases)

        def on_step(progress: "TrainingProgress") -> None:
            bars.update(fitting, completed=progress.step, total=progress.steps)
            if progress.held_out:
                tumour = sum(dice for _, dice in progress.held_out) / len(progress.held_out)
                console.print(
                    f"step {progress.step}: held-out tumour Dice {tumour:.3f}, {progress.left_s / 60:.0f} min left"
                )

        def on_case(extracted: "Extracted") -> None:
            bars.advance(extracting)
            if extracted.refused_because:
                console.print(f"{extracted.name} has no features: {extracted.refused_because}")

        yield Watch(time.monotonic, on_step, on_case)
