"""`mvi-node demo`: the whole loop on one machine, with nothing configured."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from config.loading import load_settings
from config.series_rules import rules_in_force
from node.cli.config import JsonOption
from node.cli.output import RESEARCH_USE, ExitCode, complain, print_json, verb
from node.cli.tables import show_table

if TYPE_CHECKING:
    from node.demo.folder import DemoOutcome

VIEWERS = ("weasis", "aliza", "Slicer", "mitkWorkbench", "aeskulap")
"""Desktop viewers that open a folder of DICOM files given as their argument."""


@verb
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the study and its results.")] = Path(
        "mvi-node-demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the phantom.", min=0)] = 18,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="Open the result in a viewer, where one is installed.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Configuration whose model and series rules are demonstrated; nothing else of it is used. "
            "Default: the built-in ones.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the whole loop: embedded PACS, node, phantom study in by C-STORE, SEG and SR back.

    For research use only. Not a medical device.
    """
    from node.demo.loop import run_demo  # noqa: PLC0415 - keeps --help fast
    from node.demo.steps import Step  # noqa: PLC0415 - keeps --help fast

    # Only where it is named: a demonstration needs nothing configured, and a node.toml here is no part of it.
    site = load_settings(config, os.environ) if config else None
    if site is not None:
        rules_in_force(site.matching)
    began_s = time.monotonic()
    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=Step.DONE.number)

        def show(step: Step, detail: str) -> None:
            words = f"{step.words}{detail and ': '}{detail}"
            if not console.is_terminal and step.number != progress.tasks[task].completed:
                complain(words)
            progress.update(task, completed=step.number, description=words)

        outcome = run_demo(out, seed=seed, on_step=show, site=site)
    seconds = time.monotonic() - began_s
    if as_json:
        print_json(
            {
                "seconds": round(seconds, 1),
                "sent": outcome.sent,
                "match": outcome.match,
                "result": outcome.document,
            }
        )
    else:
        _tell(outcome, out, seconds)
    if viewer:
        _open_viewer(out)
    if outcome.document["status"] != "analysed":
        raise typer.Exit(ExitCode.REFUSED)


def _tell(outcome: "DemoOutcome", out: Path, seconds: float) -> None:
    document, truth = outcome.document, outcome.truth
    _show_matched(outcome)
    if document["status"] == "analysed":
        _show_found(document, truth)
        typer.echo(_risk_sentence(document, truth))
        for warning in document["warnings"]:
            typer.echo(f"Warning: {warning}")
    else:
        typer.echo(f"Refused with {document['code']}: {document['message']}")
    delivered = ", ".join(f"{item.kind} to {item.destination}" for item in outcome.deliveries)
    typer.echo(f"Delivered and confirmed by storage commitment: {delivered}")
    model = document["model"]
    typer.echo(
        f"Model {model['name']} {model['version']} (sha256 {model['sha256'][:12]}): {model['intended_use']}"
    )
    typer.echo(f"{seconds:.0f} s; files in {out}. {RESEARCH_USE}")


def _show_matched(outcome: "DemoOutcome") -> None:
    rows = []
    for role, match in outcome.match["roles"].items():
        right = set(match["sop_instance_uids"]) == set(outcome.truth["roles"][role]["sop_instance_uids"])
        rows.append((role, match["series_number"], match["series_description"], "yes" if right else "NO"))
    show_table(("role", "series", "description", "as written?"), rows, "Matched")


def _show_found(document: dict[str, Any], truth: dict[str, Any]) -> None:
    lesions = [(lesion["tracking_id"], lesion) for lesion in document["lesions"]]
    lesions += [(f"planted {number}", tumour) for number, tumour in enumerate(truth["tumours"], 1)]
    rows = [
        (name, f"{lesion['longest_diameter_mm']:.1f}", f"{lesion['volume_cm3']:.1f}") for name, lesion in lesions
    ]
    show_table(("lesion", "longest diameter / mm", "volume / cm3"), rows, "Found")


def _risk_sentence(document: dict[str, Any], truth: dict[str, Any]) -> str:
    risk = document["risk"]
    if risk is None:
        return "No tumour was found, so there is no risk to tell."
    low, high = risk["interval_95"]
    name = "probability" if risk["calibrated"] else "score"
    return (
        f"MVI {name} {risk['probability']:.2f} (95 % interval {low:.2f} to {high:.2f}), {risk['category']}; "
        f"{document['features']['count']:,} features; classifier {risk['classifier']}; "
        f"planted in the phantom: MVI {'present' if truth['mvi'] else 'absent'}"
    )


def _open_viewer(out: Path) -> None:
    for name in VIEWERS:
        program = shutil.which(name)
        if program:
            subprocess.run([program, str(out)], check=False)
            return
    complain(f"no viewer found ({', '.join(VIEWERS)}); open {out / 'summary.png'}, or load {out} into your own")
