"""`mvi-node cohort`: offline training; a cohort file in, features and a model bundle out."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from config.errors import ConfigError
from config.loading import load_settings
from config.series_rules import rules_in_force
from node.cli import cohort_evaluate
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb
from node.cohort_reader import read_study
from node.model_choice import load_active_bundle

if TYPE_CHECKING:
    from pipeline.training.cohort import Base, Watch
    from pipeline.training.extraction import Extracted
    from pipeline.training.manifest import CohortManifest
    from pipeline.training.segmentation import Progress as TrainingProgress
    from pipeline.training.sources import Sources

app = typer.Typer(no_args_is_help=True, help="Train and evaluate a model offline, from phantoms or from patients.")

app.command(epilog="Example: mvi-node cohort evaluate cohort.toml --work build --out evaluation")(
    cohort_evaluate.evaluate
)

CohortFile = Annotated[Path, typer.Argument(metavar="FILE", help="Cohort file (TOML).")]
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
    """Name everything that is wrong with a cohort file; exit 2 where something is."""
    manifest, sources, _ = _open(file, config)
    absent = [
        str(path)
        for case in manifest.cases
        for path in (case.folder, case.labels)
        if path is not None and not path.exists()
    ]
    if absent:
        raise ConfigError([f"{path} does not exist" for path in absent])
    document: dict[str, Any] = {
        "name": manifest.cohort.name,
        "kind": manifest.cohort.kind,
        "segmentation_cases": len(sources.segmentation),
        "held_out_cases": len(sources.held_out),
        "classifier_cases": len(sources.classifier),
        "bundle": {"name": manifest.bundle.name, "version": manifest.bundle.version},
    }
    if as_json:
        print_json(document)
    else:
        complain(
            f"cohort {manifest.cohort.name} is valid: {len(sources.segmentation)} cases for the segmentation, "
            f"{len(sources.held_out)} held out, {len(sources.classifier)} for the classifier"
        )


@app.command(epilog="Example: mvi-node cohort extract cohort.toml --work build")
@verb
def extract(
    file: CohortFile,
    work: WorkOption,
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

    manifest, sources, base = _open(file, config)
    with _watch(len(sources.classifier)) as watch:
        use = Resources(threads, processes, Device(device))
        rows = extract_features(manifest, sources, work, watch, use, base)
    document = {"cases": len(sources.classifier), "with_features": len(rows), "rows": [str(row) for row in rows]}
    if as_json:
        print_json(document)
    else:
        complain(f"{len(rows)} of {len(sources.classifier)} cases have features, in {work}")


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
    from dataclasses import asdict  # noqa: PLC0415 - with its users

    from pipeline.training.cohort import Resources, train_bundle  # noqa: PLC0415 - `--help` needs no torch
    from pipeline.training.device import Device  # noqa: PLC0415

    manifest, sources, base = _open(file, config)
    folder = out or work / "bundle" / manifest.bundle.name
    with _watch(len(sources.classifier)) as watch:
        use = Resources(threads, processes, Device(device))
        identity, fit = train_bundle(manifest, sources, work, folder, watch, use, base)
    left_out = {"radiomics": asdict(fit.radiomics)}
    if fit.combined is not None:
        left_out["radiomics+clinical"] = asdict(fit.combined)
    if as_json:
        print_json({"model": asdict(identity), "folder": str(folder), "left_out": left_out})
        return
    complain(f"wrote model {identity.name} {identity.version} to {folder}, sha256 {identity.sha256}")
    for name, measured in left_out.items():
        complain(
            f"{name}: area under the curve {measured['auc']:.3f}, sensitivity {measured['sensitivity']:.2f}, "
            f"specificity {measured['specificity']:.2f} on {measured['cases']} left-out cases"
        )


def _open(file: Path, config: Path | None) -> "tuple[CohortManifest, Sources, Base | None]":
    from pipeline.training.cohort import Base, based_on  # noqa: PLC0415 - `--help` needs no torch
    from pipeline.training.manifest import load_manifest  # noqa: PLC0415
    from pipeline.training.sources import sources_of  # noqa: PLC0415

    settings, manifest, base = load_settings(config, os.environ), load_manifest(file), None
    rules = rules_in_force(settings.matching)
    if manifest.bundle.segmentation_of is not None:
        bundle = load_active_bundle(settings, manifest.bundle.segmentation_of)
        base = Base(bundle.identity, bundle.settings, bundle.segmentation_weights)
        manifest = based_on(manifest, base)
    return manifest, sources_of(manifest, partial(read_study, rules=rules)), base


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
