"""`mvi-node studies`: the work of the node, study by study."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from config.loading import load_settings
from config.series_rules import rules_in_force
from node.cli.assign import assign
from node.cli.config import ConfigOption, JsonOption
from node.cli.export import export
from node.cli.intervene import cancel, reprocess
from node.cli.match_text import show_match
from node.cli.output import RESEARCH_USE, complain, print_json, verb
from node.cli.person import person
from node.cli.purge import purge
from node.cli.study_argument import StudyArgument, named
from node.cli.tables import show_table
from node.ledger.ledger import Ledger, open_ledger
from node.states import StudyState
from node.storage.folder import existing_ledger_url
from node.studies.report import UNDECIDED, as_it_stands, as_json_value, explain_study, show_study
from node.studies.retrying import retry_study

app = typer.Typer(no_args_is_help=True, help="The work of the node, study by study.")

app.command("assign", epilog="Example: mvi-node studies assign 1.2.840.1 T1_PORTAL=7")(assign)
app.command("cancel", epilog="Example: mvi-node studies cancel 1.2.840.1")(cancel)
app.command("export", epilog="Example: mvi-node studies export 1.2.840.1 --out case/")(export)
app.command("purge", epilog="Example: mvi-node studies purge 1.2.840.1 --images-only")(purge)
app.command("reprocess", epilog="Example: mvi-node studies reprocess 1.2.840.1")(reprocess)

StateOption = Annotated[
    list[StudyState] | None, typer.Option("--state", help="Only studies in this state; may be repeated.")
]

_TABLES = {
    "deliveries": ("kind", "destination", "state", "attempts", "confirmed_by", "warning", "error"),
    "history": ("at", "event", "detail"),
}


@contextmanager
def opened(config: Path | None) -> Iterator[tuple[Ledger, Path]]:
    """Yield the ledger of the configuration in force, and the storage folder."""
    settings = load_settings(config, os.environ)
    with open_ledger(existing_ledger_url(settings)) as ledger:
        yield ledger, settings.node.storage


@app.command("list", epilog="Example: mvi-node studies list --state failed --state refused")
@verb
def list_studies(
    state: StateOption = None,
    limit: Annotated[int, typer.Option(help="Studies of a page.", min=1, max=100_000)] = 100,
    skip: Annotated[int, typer.Option(help="Studies before the page.", min=0)] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the studies, the last changed first, page by page."""
    with opened(config) as (ledger, _):
        # One more than is shown says whether there is another page; counting all of them would take longer.
        found = ledger.studies.all(state or (), limit=limit + 1, skip=skip)
    studies, more = [as_it_stands(study) for study in found[:limit]], len(found) > limit
    if as_json:
        print_json({"studies": [as_json_value(study) for study in studies], "more": more})
        return
    show_table(
        ("StudyInstanceUID", "state", "images", "code", "changed"),
        [
            (
                study.study_instance_uid,
                study.state,
                study.images,
                study.code,
                study.updated_at.isoformat(timespec="seconds"),
            )
            for study in studies
        ],
    )
    if more:
        complain(f"there are more; the next page: --limit {limit} --skip {skip + limit}")


@app.command(epilog="Example: mvi-node studies show 1.2.840.1")
@verb
def show(study: StudyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show where a study stands, what happened to it, and what reached which peer."""
    with opened(config) as (ledger, _):
        document = show_study(ledger, named(ledger, study))
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        if name not in _TABLES:
            typer.echo(f"{name}: {'' if value is None else value}")
    for title, columns in _TABLES.items():
        show_table(columns, [[row[column] for column in columns] for row in document[title]], title)


@app.command(epilog="Example: mvi-node studies explain 1.2.840.1")
@verb
def explain(study: StudyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say why each series was or was not chosen, and what the study waits for."""
    with opened(config) as (ledger, storage):
        settings = load_settings(config, os.environ)
        study = named(ledger, study)
        document = explain_study(ledger, storage, study, settings.completion, rules_in_force(settings.matching))
    if as_json:
        print_json(document)
        return
    typer.echo(f"{document['state']}; waits for {document['waits_for']}")
    show_match(document, _condition(document))
    refusal = document["refusal"]
    if refusal is not None and refusal["code"] != document["code"]:
        typer.echo(f"refused after the match, {refusal['code']}: {refusal['message']}")
    typer.echo(RESEARCH_USE)


def _condition(document: Mapping[str, Any]) -> str:
    """Return what has to come first for the verdict on a match to be that on its study."""
    if document["until"] is not None:
        return f"if nothing more arrives by {document['until']}: "
    return "not decided yet; as it stands, " if StudyState(document["state"]) in UNDECIDED else ""


@app.command(epilog="Example: mvi-node studies retry 1.2.840.1")
@verb
def retry(study: StudyArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Try again at once: send what a peer has not got, refused or did not confirm, otherwise analyse once more."""
    with opened(config) as (ledger, _):
        study = named(ledger, study)
        state = retry_study(ledger, study, person())
    if as_json:
        print_json({"study_instance_uid": study, "state": state.value})
    else:
        complain(f"study {study} is {state}")
