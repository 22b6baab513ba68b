"""`mvi-node labs`: laboratory values, imported by hand and looked at."""

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from config.analytes import analytes_in_force
from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import ExitCode, complain, print_json, verb
from node.cli.person import person
from node.cli.studies import opened
from node.cli.tables import show_table
from node.ledger.lab_records import Entered, LabRefusal, LabState, LabValue
from node.studies.report import as_json_value

app = typer.Typer(no_args_is_help=True, help="Laboratory values of the clinical model.")

IssuerOption = Annotated[
    str | None, typer.Option("--issuer", help="Assigning authority of the patient ID. Default: labs.issuer.")
]
_COLUMNS = ("patient_id", "issuer", "analyte", "value", "unit", "as_sent", "collected_at", "source", "state")


@app.command("import", epilog="Example: mvi-node labs import labs.csv --config /etc/mvi-node/node.toml")
@verb
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file, in one of the two forms above.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter the values of a CSV file, all of them or none.

    One value a line: patient_id,analyte,value,unit,collected_on. Or one specimen a line with the units in the
    header: patient_id,collected_on,AST [U/L],GGT [U/L],... A column issuer may stand beside them. Exit code 3: a
    line is wrong; every wrong line is named, and nothing was entered. Who enters values, and of whom, is written
    into the audit trail.
    """
    from node.audit.lab_entry import record_lab_entry  # noqa: PLC0415 - `--help` needs no ledger
    from node.audit.trail import Trail  # noqa: PLC0415
    from node.labs.csv_import import import_lab_file  # noqa: PLC0415
    from node.labs.csv_table import LabFileError  # noqa: PLC0415 - `--help` needs no ledger
    from node.ledger.ledger import open_ledger  # noqa: PLC0415
    from node.storage.folder import ledger_url, prepare_storage  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    rules = analytes_in_force(settings.labs.analytes)
    prepare_storage(settings.node.storage)
    try:
        with open_ledger(ledger_url(settings)) as ledger:
            told = partial(
                record_lab_entry, Trail(settings.node.storage), settings.node.ae_title, person(), ledger.clock
            )
            entered = import_lab_file(ledger, file, rules, issuer=settings.labs.issuer, tell=told)
    except LabFileError as error:
        if as_json:
            print_json({"entered": None, "problems": list(error.problems)})
        for problem in error.problems:
            complain(f"{file.name}: {problem}")
        complain("nothing was entered")
        raise typer.Exit(ExitCode.REFUSED) from error
    if as_json:
        print_json({"entered": _counts(entered), "problems": []})
    else:
        complain(f"{entered.new} new, {entered.replaced} corrected, {entered.unchanged} known already")


@app.command("list", epilog="Example: mvi-node labs list --all --json")
@verb
def list_values(
    history: Annotated[bool, typer.Option("--all", help="Also corrected and withdrawn values.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the values of all patients, in the order of their receipt."""
    with opened(config) as (ledger, _):
        values = ledger.labs.values(states=tuple(LabState) if history else (LabState.CURRENT,))
    if as_json:
        print_json({"values": [as_json_value(value) for value in values]})
    else:
        _print(values)


@app.command(epilog="Example: mvi-node labs show P123 --issuer HOSPITAL")
@verb
def show(
    patient: Annotated[str, typer.Argument(metavar="PATIENT_ID", help="Patient ID.")],
    issuer: IssuerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the values of one patient with where they came from, and what was refused and why.

    Exit code 1: neither is known.
    """
    from node.labs.observation import PatientIdentity  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    whose = PatientIdentity.of(patient, issuer or "", settings.labs.issuer)
    with opened(config) as (ledger, _):
        values = ledger.labs.values(whose, states=tuple(LabState))
        refusals = ledger.labs.refusals(whose)
        others = [name for name in ledger.labs.issuers(patient) if name != whose.issuer]
    document: dict[str, Any] = {
        "patient_id": whose.patient_id,
        "issuer": whose.issuer,
        "values": [as_json_value(value) for value in values],
        "refused": [as_json_value(refusal) for refusal in refusals],
        "other_issuers": others,
    }
    if as_json:
        print_json(document)
    else:
        _print(values)
        _print_refusals(refusals)
    if others:
        named = ", ".join(name or "(none)" for name in others)
        complain(f"other patients have this ID: issuer {named}; choose one with --issuer")
    if not values and not refusals:
        complain("no laboratory value is known for this patient ID and issuer")
        raise typer.Exit(ExitCode.FAILED)


def _counts(entered: Entered) -> dict[str, int]:
    # A file corrects by its specimens, and none of its lines can miss what it corrects.
    return {name: number for name, number in asdict(entered).items() if name != "unmatched"}


def _print(values: tuple[LabValue, ...]) -> None:
    rows = [
        (
            row.patient_id,
            row.issuer,
            row.analyte,
            f"{row.comparator}{row.value:g}",
            row.unit,
            f"{row.original_value} {row.original_unit}".strip(),
            row.collected_at,
            f"{row.source} {row.sender} {row.message_id}",
            row.state,
        )
        for row in values
    ]
    show_table(_COLUMNS, rows)


def _print_refusals(refusals: tuple[LabRefusal, ...]) -> None:
    rows = [
        (row.received_at.isoformat(timespec="seconds"), row.analyte, row.because, row.message_id)
        for row in refusals
    ]
    show_table(("received", "analyte", "because", "message"), rows, title="refused")
