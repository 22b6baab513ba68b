"""`mvi-node db`: the schema of the ledger, a copy of it, and the ledger put back from one."""

import os
from pathlib import Path
from typing import Annotated

import typer

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb

app = typer.Typer(no_args_is_help=True, help="The database of the ledger.")


@app.command(epilog="Example: mvi-node db migrate --config /etc/mvi-node/node.toml")
@verb
def migrate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Bring the schema to what this software needs; stop the node first."""
    from node.ledger.connection import make_engine, upgrade  # noqa: PLC0415 - `--help` needs no database
    from node.storage.folder import ledger_url, prepare_storage  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    prepare_storage(settings.node.storage)
    engine = make_engine(ledger_url(settings))
    try:
        before, after = upgrade(engine)
    finally:
        engine.dispose()
    if as_json:
        print_json({"before": before, "after": after})
    else:
        complain(f"schema {after}, as before" if before == after else f"schema {before or 'empty'} -> {after}")


@app.command(epilog="Example: mvi-node db backup /var/backups/mvi-node/ledger-today")
@verb
def backup(
    file: Annotated[Path, typer.Argument(help="File to write.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of the ledger, of one moment; the node may run. PostgreSQL needs pg_dump here."""
    from node.ledger.backup import back_up  # noqa: PLC0415 - `--help` needs no database
    from node.storage.folder import existing_ledger_url  # noqa: PLC0415

    back_up(existing_ledger_url(load_settings(config, os.environ)), file)
    size_bytes = file.stat().st_size
    if as_json:
        print_json({"backup": str(file), "bytes": size_bytes})
    else:
        complain(f"wrote {file}, {size_bytes} bytes")


@app.command(epilog="Example: mvi-node db restore /var/backups/mvi-node/ledger-today")
@verb
def restore(
    file: Annotated[Path, typer.Argument(help="What `db backup` wrote.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the ledger by a copy; stop the node first. What arrived since then enters it at the next start."""
    from node.ledger.backup import put_back  # noqa: PLC0415 - `--help` needs no database
    from node.storage.folder import ledger_url, prepare_storage, sole_node  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    prepare_storage(settings.node.storage)
    with sole_node(settings):
        put_back(ledger_url(settings), file)
    if as_json:
        print_json({"restored": str(file)})
    else:
        complain(f"the ledger is that of {file}; `mvi-node db migrate` where the software is newer")
