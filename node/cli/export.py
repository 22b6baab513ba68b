"""`mvi-node studies export`: a problem case without its patient, for support."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config.loading import load_settings
from config.series_rules import rules_in_force
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb
from node.cli.person import person
from node.cli.study_argument import StudyArgument, named
from node.ledger.ledger import open_ledger
from node.storage.folder import existing_ledger_url


@verb
def export(
    study: StudyArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder to write; absent or empty.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a study without its patient, for support: images, match.json and study.json (PS3.15 basic profile).

    Names, IDs, dates of birth, addresses, free text and private elements go; UIDs and dates are replaced alike in
    all images; pixels stay: look at them before you send the folder. It is recorded in the audit trail. Exit code
    1: the study is not known, has no image that can be read, or a text that names somebody would be left in it.
    """
    from node.studies.export import export_study  # noqa: PLC0415 - `--help` needs no DICOM

    settings = load_settings(config, os.environ)
    rules = rules_in_force(settings.matching)
    with open_ledger(existing_ledger_url(settings)) as ledger, _showing_progress(quiet=as_json) as progress:
        uid = named(ledger, study)
        document = export_study(ledger, settings.node.storage, uid, out, rules, person(), progress)
    if as_json:
        print_json({"out": str(out), **document})
        return
    complain(f"{document['images']} images without their patient are in {out}; look at them before you send them")
    for item in document["left_out"]:
        complain(f"left out: image {item['number']} {item['because']}")
    if not document["matches_alike"]:
        complain(
            "the exported images match otherwise than the original: words that were taken out made the difference"
        )


@contextmanager
def _showing_progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how many images are done, where a terminal is looked at: a study takes a minute."""
    console = Console(stderr=True)
    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
