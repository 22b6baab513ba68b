"""`mvi-node phantom`: a synthetic gadoxetate study as DICOM, with the truth beside it."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from config.errors import ConfigError
from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import RESEARCH_USE, print_json, verb
from node.cli.tables import show_table


@verb
def phantom(
    out: Annotated[
        Path | None, typer.Argument(help="Folder for dicom/ and truth/; made where absent.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same study.", min=0)] = 7,
    vendor: Annotated[str, typer.Option(help="Whose scanner writes the headers.")] = "ge",
    scenario: Annotated[str, typer.Option(help="What the study is like; see --list.")] = "standard",
    show_list: Annotated[
        bool, typer.Option("--list", help="List scenarios and vendors, and write nothing.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a synthetic gadoxetate study as DICOM with truth/ beside it.

    For research use only. Not a medical device.
    """
    # Numerical packages are loaded only by those who need them.
    from dicom_io.phantom_series import (  # noqa: PLC0415
        PhantomRequestError,
        list_scenarios,
        make_phantom_study,
    )

    load_settings(config, os.environ)
    if show_list:
        _list(list_scenarios(), as_json=as_json)
        return
    if out is None:
        raise ConfigError(["say where to write: mvi-node phantom OUT"])
    try:
        truth = make_phantom_study(seed, out, vendor=vendor, scenario=scenario)
    except PhantomRequestError as error:
        raise ConfigError([str(error)]) from error
    if as_json:
        print_json({"out": str(out), "truth": truth})
    else:
        files = sum(1 for _ in (out / "dicom").rglob("*.dcm"))
        typer.echo(f"{files} instances in {out / 'dicom'}, truth in {out / 'truth'}. {RESEARCH_USE}")


def _list(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    every = [entry["name"] for entry in document["vendors"]]
    rows = []
    for entry in document["scenarios"]:
        vendors = "all" if entry["vendors"] == every else ", ".join(entry["vendors"])
        rows.append((entry["name"], entry["code"] or entry["status"], vendors, entry["summary"]))
    show_table(("scenario", "expected", "vendors", "what it is"), rows)
    typer.echo(f"Vendors: {', '.join(every)}. {RESEARCH_USE}")
