"""`mvi-node analyse`: the same pipeline, offline, on a folder."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from config.analytes import analytes_in_force
from config.errors import ConfigError
from config.loading import load_settings
from config.series_rules import rules_in_force
from node.analysis.profiling import Profile
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import RESEARCH_USE, ExitCode, complain, print_json, verb

if TYPE_CHECKING:
    from node.analysis.offline import OfflineOutcome, OnStage
    from pipeline.model_bundle import ModelBundle

_WORDS = {
    "scan": "read the headers",
    "match": "match the series",
    "assemble": "assemble six volumes",
    "register": "register five sequences to the hepatobiliary phase",
    "segment": "segment the liver and tumours",
    "radiomics": "extract 14,736 features",
    "classify": "classify",
    "report": "write SEG, SR and summary",
}


@verb
def analyse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of DICOM files, searched through.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results; made where absent.")],
    labs: Annotated[
        Path | None,
        typer.Option(
            "--labs",
            metavar="FILE",
            help="CSV: patient_id,analyte,value,unit,collected_on.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Model bundle.")] = None,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile", help="Say where time and memory went, and write profile.json and profile.pstats to --out."
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Analyse a folder of DICOM files: seg.dcm, sr.dcm, summary.png and result.json.

    Several studies in the folder are analysed one by one into study-1, study-2, ... Exit code 3: a study was
    refused, and its sr.dcm and result.json say why.
    """
    from node.analysis.offline import NO_LABS, analyse_folder, in_this_process  # noqa: PLC0415
    from node.analysis.tools import local_time  # noqa: PLC0415 - `--help` needs no array
    from node.labs.csv_file import read_labs  # noqa: PLC0415
    from node.models.choice import load_active_bundle  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    rules = rules_in_force(settings.matching)
    analytes = analytes_in_force(settings.labs.analytes)
    today = local_time().date()
    if labs and not labs.is_file():
        raise ConfigError([f"--labs: {labs} is not a file; name a CSV file of laboratory values"])
    values = read_labs(labs, analytes, today=today, issuer=settings.labs.issuer) if labs else None
    bundle = load_active_bundle(settings, model)
    with _progress(quiet=as_json) as on_stage, _profiled(out, wanted=profile, on_stage=on_stage) as on_each_stage:
        outcomes = analyse_folder(
            folder,
            out,
            bundle,
            rules=rules,
            analytes=analytes,
            labs=values,
            on_stage=on_each_stage,
            analyse=in_this_process(on_each_stage, analytes, settings.compute.device),
        )
    if labs and any(NO_LABS in outcome.document.get("warnings", ()) for outcome in outcomes):
        complain(f"{labs.name} holds no values for this patient; check the patient_id column")
    _print(outcomes, bundle, as_json=as_json)
    if any(outcome.code is not None for outcome in outcomes):
        raise typer.Exit(ExitCode.REFUSED)


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[OnStage]":
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # Where nobody watches, a spinner would only fill a log.
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("begin", total=None)
        yield lambda stage: bar.update(task, description=_WORDS.get(stage, stage))


@contextmanager
def _profiled(out: Path, *, wanted: bool, on_stage: "OnStage") -> "Iterator[OnStage]":
    if not wanted:
        yield on_stage
        return
    profile = Profile()

    def begin(stage: str) -> None:
        on_stage(stage)
        profile.begin(stage)

    with profile:
        yield begin
    written = profile.write(out)
    for cost in profile.stages:
        complain(
            f"{cost.stage:9} {cost.wall_s:7.2f} s, {cost.cpu_s:7.2f} s processor, peak {cost.peak_rss_mb:5.0f} MB"
        )
    complain(f"profile: {', '.join(str(path) for path in written)}")


def _print(outcomes: "Sequence[OfflineOutcome]", bundle: "ModelBundle", *, as_json: bool) -> None:
    if as_json:
        documents = [dict(outcome.document) for outcome in outcomes]
        if len(outcomes) > 1:
            for document, outcome in zip(documents, outcomes, strict=True):
                document["folder"] = str(outcome.folder)
        print_json(documents[0] if len(documents) == 1 else {"studies": documents})
        return
    identity = bundle.identity
    complain(f"{RESEARCH_USE} Model {identity.name} {identity.version}, sha256 {identity.sha256}.")
    for outcome in outcomes:
        warnings = [f"warning: {text}" for text in outcome.document.get("warnings", ())]
        Console().print(
            _sentence(outcome.document),
            *warnings,
            _place(outcome, alone=len(outcomes) == 1),
            sep="\n",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _place(outcome: "OfflineOutcome", *, alone: bool) -> str:
    # Of several studies one must know which risk is whose; a UID says it without naming the patient.
    return str(outcome.folder) if alone else f"{outcome.folder} is study {outcome.document['study_instance_uid']}"


def _sentence(document: Mapping[str, Any]) -> str:
    if document["status"] == "refused":
        return f"refused {document['code']}: {document['message']}"
    risk = document["risk"]
    if risk is None:
        return "analysed: no tumour was found, so there is no risk to state"
    word = "probability" if risk["calibrated"] else "score"
    low, high = risk["interval_95"]
    lesions = ", ".join(f"{lesion['longest_diameter_mm']:.0f} mm" for lesion in document["lesions"])
    return (
        f"analysed: MVI {word} {risk['probability']:.2f} (95 % interval {low:.2f} to {high:.2f}), "
        f"{risk['category']}; {len(document['lesions'])} lesion(s): {lesions}; classifier {risk['classifier']}"
    )
