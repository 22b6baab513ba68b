"""`mvi-node studies assign`: override the choice of series of one study, by hand."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.loading import load_settings
from config.series_rules import rules_in_force
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import RESEARCH_USE, ExitCode, complain, print_json, verb
from node.cli.person import person
from node.cli.study_argument import named
from node.cli.tables import show_table
from node.ledger.ledger import open_ledger
from node.storage.folder import existing_ledger_url

if TYPE_CHECKING:
    from node.studies.assignment_wishes import AssignmentError


@verb
def assign(
    study: Annotated[str, typer.Argument(metavar="STUDY_INSTANCE_UID", help="StudyInstanceUID.")],
    wishes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ROLE=SERIES[:KEY]]...",
            help="A role, and the number or UID of the series that is to fill it; KEY names a part of the series. "
            "None: list what may be assigned.",
            show_default=False,
        ),
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option("--withdraw", metavar="ROLE", help="Let the rules choose this role again; may be repeated."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Assign series to roles by hand, and have the study matched and analysed anew.

    The new result replaces the earlier one, names it, and says who assigned what. Geometry, derived images,
    missing slices, the order of the phases and what the pixels show are not overridden: exit code 3. Exit code 2:
    the role or the series is not known, or not clear. Exit code 1: the study is not known, or is being analysed.
    """
    from node.studies.assignment_wishes import AssignmentError, Kind  # noqa: PLC0415 - `--help` needs no DICOM

    codes = {Kind.USAGE: ExitCode.USAGE, Kind.REFUSED: ExitCode.REFUSED, Kind.FAILED: ExitCode.FAILED}
    try:
        document = _run(study, wishes or [], withdraw or [], config)
    except AssignmentError as error:
        if as_json:
            print_json(_refusal(study, error))
        complain(str(error))
        raise typer.Exit(codes[error.kind]) from error
    if as_json:
        print_json(document)
    else:
        _show(document)


def _run(study: str, wishes: list[str], withdraw: list[str], config: Path | None) -> dict[str, Any]:
    from node.studies.assigning import Assigner  # noqa: PLC0415 - `--help` needs no DICOM
    from node.studies.assignment_wishes import Wish, read_role  # noqa: PLC0415

    wanted = [Wish.read(text) for text in wishes]
    freed = [read_role(name) for name in withdraw]
    settings = load_settings(config, os.environ)
    rules = rules_in_force(settings.matching)
    with open_ledger(existing_ledger_url(settings)) as ledger:
        assigner = Assigner(ledger, settings.node.storage, rules, named(ledger, study))
        if wanted or freed:
            return assigner.change(wanted, freed, person())
        return assigner.show()


def _refusal(study: str, error: "AssignmentError") -> dict[str, str]:
    status = "refused" if error.kind.name == "REFUSED" else "failed"
    return {"study_instance_uid": study, "status": status, "code": error.code, "message": error.message}


def _show(document: Mapping[str, Any]) -> None:
    for item in document["assignments"]:
        gone = f"; until {item['withdrawn_at']}, {item['withdrawn_by']}" if item["withdrawn_at"] else ""
        part = f" ({item['sub_volume']})" if item["sub_volume"] else ""
        number = "?" if item["series_number"] is None else item["series_number"]
        by = f"{item['assigned_by']} at {item['assigned_at']}{gone}"
        typer.echo(f"{item['role']}: series {number}{part} {item['series_instance_uid']}, by {by}")
    if "candidates" in document:
        show_table(
            ("series", "key", "description", "images", "may be", "against it"),
            [
                (
                    "" if item["series_number"] is None else item["series_number"],
                    item["key"],
                    f"{item['series_description']} {item['sub_volume']}".strip(),
                    item["images"],
                    " ".join(item["roles"]),
                    f"{item['code']}: {item['because']}" if item["code"] else "",
                )
                for item in document["candidates"]
            ],
        )
        typer.echo(f"Example: mvi-node studies assign {document['study_instance_uid']} T2=7 T1_PORTAL=12:KEY")
        return
    match = document["match"]
    typer.echo(f"study {document['study_instance_uid']} is {document['state']}")
    verdict = "accepted" if match["code"] is None else f"refused {match['code']}"
    typer.echo(f"by its headers it will be {verdict}: {match['message']}")
    typer.echo(RESEARCH_USE)
