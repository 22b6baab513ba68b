"""`mvi-node db`: the schema of the ledger."""

import os

import typer

from config.loading import load_settings
from node.cli.config import ConfigOption, JsonOption
from node.cli.output import complain, print_json, verb

app = typer.Typer(no_args_is_help=True, help="The database of the ledger.")


@app.callback()
def _database() -> None:
    pass


@app.command(epilog="Example: mvi-node db migrate --config /etc/mvi-node/node.toml")
@verb
def migrate(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Bring the schema to what this software needs; stop the node first."""
    from node.ledger.connection import make_engine, upgrade  # noqa: PLC0415 - `--help` needs no database
    from node.storage import ledger_url, prepare_storage  # noqa: PLC0415

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
