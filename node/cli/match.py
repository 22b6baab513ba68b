"""`mvi-node match`: series matching alone, as a dry run."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.loading import load_settings
from config.series_rules import load_series_rules, rules_in_force
from node.cli.config import ConfigOption, JsonOption
from node.cli.match_text import show_match
from node.cli.output import RESEARCH_USE, ExitCode, complain, print_json, verb

if TYPE_CHECKING:
    from dicom_io.assembly.scan_result import UnreadableFile


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
    from dicom_io.assembly import inspect_files, match_studies, scan_folder  # noqa: PLC0415 - `--help` needs no DICOM

    settings = load_settings(config, os.environ)
    series_rules = load_series_rules(rules) if rules else rules_in_force(settings.matching)
    scan = scan_folder(folder)
    _complain_of(scan.unreadable)
    results = [inspect_files(result, series_rules) for result in match_studies(scan, series_rules)]
    documents = [result.to_json() for result in results]
    if as_json:
        print_json(documents[0] if len(documents) == 1 else {"studies": documents})
    else:
        _show(documents)
    if any(result.code is not None for result in results):
        raise typer.Exit(ExitCode.REFUSED)


def _show(documents: Sequence[dict[str, Any]]) -> None:
    for document in documents:
        typer.echo(f"study {document['study_instance_uid']}")
        show_match(document)
    typer.echo(RESEARCH_USE)


def _complain_of(files: Sequence["UnreadableFile"]) -> None:
    """Name every damaged file; other files of a folder, which are no DICOM, are only counted."""
    foreign = [file for file in files if file.is_foreign]
    for file in files:
        if file not in foreign:
            complain(f"{file.path}: {file.reason}")
    if foreign:
        complain(f"{len(foreign)} file(s) are no DICOM, the first {foreign[0].path}")
