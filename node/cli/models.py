"""`mvi-node models`: which model bundles there are, and whether every byte of them is as it was trained."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.models_change import activate, install, pack
from node.cli.output import RESEARCH_USE, ExitCode, complain, print_json, verb
from node.cli.tables import show_table
from node.models.choice import model_folders, require_named, signer_of
from node.models.signature import ModelRefusedError

if TYPE_CHECKING:
    from config.settings import Settings
    from pipeline.model_bundle import ModelBundle

app = typer.Typer(no_args_is_help=True, help="List, show, verify, pack, install and activate model bundles.")
app.command(epilog="Example: mvi-node models install hospital.zip --key trainer.pem")(install)
app.command(epilog="Example: mvi-node models activate hospital")(activate)
app.command(epilog="Example: mvi-node models pack hospital hospital.zip --key private.pem")(pack)

NameArgument = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Model bundle; the active one where absent.")
]


@app.command("list", epilog="Example: mvi-node models list --json")
@verb
def list_models(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List every installed and bundled model; `*` marks the active one."""
    from pipeline.model_bundle import list_bundles  # noqa: PLC0415 - `--help` needs no numpy

    settings = load_settings(config, os.environ)
    rows = [_row(folder, settings) for folder in list_bundles(model_folders(settings))]
    if as_json:
        print_json({"models": rows})
        return
    show_table(
        ("active", "name", "version", "intended use", "state"),
        [
            (
                "*" if row["active"] else "",
                row["name"],
                row["version"],
                row["intended_use"],
                row["problem"] or "intact",
            )
            for row in rows
        ],
    )


@app.command(epilog="Example: mvi-node models show phantom-demo")
@verb
def show(
    name: NameArgument = None,
    card: Annotated[bool, typer.Option("--card", help="Print the model card, in Markdown.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a model was made, what was measured on cases left out, and its settings."""
    from pipeline.model_card import model_card  # noqa: PLC0415 - `--help` needs no numpy

    bundle, folder = _load(name, load_settings(config, os.environ))
    if card:
        print_json({"card": model_card(bundle)}) if as_json else typer.echo(model_card(bundle), nl=False)
        return
    document = _document(bundle, folder)
    if as_json:
        print_json(document)
        return
    complain(RESEARCH_USE)
    show_table(("key", "value"), _flat(document))


@app.command(epilog="Example: mvi-node models verify phantom-demo")
@verb
def verify(name: NameArgument = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check every checksum of one model, or of all, and signatures where demanded; exit 1 where one is wrong."""
    from pipeline.model_bundle import find_bundle, list_bundles  # noqa: PLC0415 - `--help` needs no numpy

    settings = load_settings(config, os.environ)
    folders = model_folders(settings)
    wanted = [find_bundle(name, folders)] if name else list_bundles(folders)
    rows = [_row(folder, settings) for folder in wanted]
    if as_json:
        print_json({"models": rows})
    else:
        for row in rows:
            complain(row["problem"] or f"{row['name']} {row['version']} is intact, sha256 {row['sha256']}")
    if any(row["problem"] for row in rows):
        raise typer.Exit(ExitCode.FAILED)


def _load(name: str | None, settings: "Settings") -> "tuple[ModelBundle, Path]":
    from pipeline.model_bundle import find_bundle, load_bundle  # noqa: PLC0415 - `--help` needs no numpy

    folder = find_bundle(name or settings.model.active, model_folders(settings))
    return load_bundle(folder), folder


def _row(folder: Path, settings: "Settings") -> dict[str, Any]:
    from pipeline.bundle_fit import require_fit  # noqa: PLC0415
    from pipeline.errors import ModelBundleError  # noqa: PLC0415 - `--help` needs no numpy
    from pipeline.model_bundle import load_bundle  # noqa: PLC0415

    row: dict[str, Any] = {
        "name": folder.name,
        "version": "",
        "sha256": "",
        "intended_use": "",
        "folder": str(folder),
        "active": folder.name == settings.model.active,
        "signed_by": None,
        "problem": "",
    }
    try:
        identity = require_fit(load_bundle(folder)).identity
        require_named(folder, identity.name)
        if settings.model.require_signature:
            row["signed_by"] = signer_of(folder, settings) or None
    except (ModelBundleError, ModelRefusedError) as error:
        return row | {"problem": str(error)}
    return row | {
        "version": identity.version,
        "sha256": identity.sha256,
        "intended_use": identity.intended_use,
    }


def _document(bundle: "ModelBundle", folder: Path) -> dict[str, Any]:
    identity = bundle.identity
    return {
        "name": identity.name,
        "version": identity.version,
        "sha256": identity.sha256,
        "intended_use": identity.intended_use,
        "folder": str(folder),
        "training": dict(bundle.training),
        "settings": bundle.settings.model_dump(mode="json"),
    }


def _flat(document: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in document.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", str(value)))
    return rows
