"""`mvi-node match`: series matching alone, as a dry run."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.loading import load_settings
from config.series_rules import load_series_rules, rules_in_force
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import RESEARCH_USE, ExitCode, complain, print_json, verb

if TYPE_CHECKING:
    from dicom_io.assembly.match_result import MatchResult, RejectedSubVolume, RoleMatch
    from dicom_io.assembly.scanning import UnreadableFile

_COLUMNS = ("role", "series", "description", "images", "score", "why")


@verb
def match(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of DICOM files, searched through.")],
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="Series rules to try instead of those in force."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which series of a folder fills which role, and why; nothing is analysed and nothing written.

    Exit code 3: a study is refused, with its code. Exit code 1: no DICOM file can be read.
    """
    from dicom_io.assembly import match_studies, scan_folder  # noqa: PLC0415 - `--help` needs no DICOM

    settings = load_settings(config, os.environ)
    series_rules = load_series_rules(rules) if rules else rules_in_force(settings.matching)
    scan = scan_folder(folder)
    _complain_of(scan.unreadable)
    results = match_studies(scan, series_rules)
    if as_json:
        documents = [result.to_json() for result in results]
        print_json(documents[0] if len(documents) == 1 else {"studies": documents})
    else:
        _show(results)
    if any(result.code is not None for result in results):
        raise typer.Exit(ExitCode.REFUSED)


def _show(results: Sequence["MatchResult"]) -> None:
    console = Console(highlight=False)
    for result in results:
        if sys.stdout.isatty():
            console.print(f"[bold]Study {result.study_instance_uid}[/bold]")
            console.print(_table(result))
        else:
            typer.echo(f"study {result.study_instance_uid}")
            for row in _rows(result):
                typer.echo("\t".join(row))
        for entry in result.rejected:
            typer.echo(f"not used: {_name(entry)}: {entry.code}, {entry.because}")
        clock = result.clock_source or "none"
        typer.echo(f"clock: {clock}; injection {result.t0}")
        verdict = "accepted" if result.code is None else f"refused {result.code}"
        typer.echo(" ".join(part for part in (f"{verdict}: {result.message}", result.remedy) if part))
    typer.echo(RESEARCH_USE)


def _complain_of(files: Sequence["UnreadableFile"]) -> None:
    """Name every damaged file; other files of a folder, which are no DICOM, are only counted."""
    foreign = [file for file in files if file.is_foreign]
    for file in files:
        if file not in foreign:
            complain(f"{file.path}: {file.reason}")
    if foreign:
        complain(f"{len(foreign)} file(s) are no DICOM, the first {foreign[0].path}")


def _name(entry: "RejectedSubVolume") -> str:
    number = "?" if entry.series_number is None else str(entry.series_number)
    described = f' "{entry.series_description}"' if entry.series_description else ""
    part = f" ({entry.sub_volume})" if entry.sub_volume else ""
    return f"series {number}{described}{part} {entry.series_instance_uid}"


def _table(result: "MatchResult") -> Table:
    table = Table(*_COLUMNS)
    for row in _rows(result):
        table.add_row(*(escape(cell) for cell in row))
    return table


def _rows(result: "MatchResult") -> list[tuple[str, ...]]:
    return [
        (
            role.value,
            "" if choice.series_number is None else str(choice.series_number),
            choice.series_description,
            str(len(choice.frame_numbers or choice.instances)),
            f"{choice.score:g}",
            _why(choice),
        )
        for role, choice in result.roles.items()
    ]


def _why(choice: "RoleMatch") -> str:
    """Return the evidence as one phrase, the weightiest first."""
    ordered = sorted(choice.evidence, key=lambda item: -abs(item.weight))
    return "; ".join(f"{item.family} {item.weight:+g} ({item.value})" for item in ordered)
