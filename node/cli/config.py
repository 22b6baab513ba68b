"""`mvi-node config`: write, check and show the configuration."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from config.errors import ConfigError
from config.loading import examine_settings, find_config_file, load_settings
from config.origins import effective_keys
from node.cli.output import ExitCode, complain, print_json, verb
from node.cli.tables import show_table
from node.diagnosis.listening import shut_out
from node.labs.fhir_client import NO_SYSTEM

app = typer.Typer(no_args_is_help=True, help="Write, check and show the configuration.")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Configuration file. Default: MVI_NODE_CONFIG, then ./node.toml.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command(epilog="Example: mvi-node config init /etc/mvi-node/node.toml")
@verb
def init(
    file: Annotated[
        Path | None, typer.Argument(help="File to write. Default: ./node.toml.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="The same, as the other verbs name it.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a commented configuration file with every default."""
    if file and config and file != config:
        raise ConfigError([f"two files are named, {file} and {config}; name one"])
    path = file or config or Path("node.toml")
    try:
        with path.open("x", encoding="utf-8") as target:
            target.write(files("config").joinpath("node.toml").read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise ConfigError([f"{path} exists and is left as it is; name another file"]) from error
    if as_json:
        print_json({"written": str(path)})
    else:
        complain(f"wrote {path}; edit it, then run `mvi-node config check --config {path}`")


@app.command(epilog="Example: mvi-node config check --config /etc/mvi-node/node.toml")
@verb
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Name every wrong key of the configuration in force; exit 2 where there is one.

    What is allowed, and may not be meant, is said on standard error and changes no exit code.
    """
    from node.diagnosis.configuration import what_is_named  # noqa: PLC0415 - the other verbs need no network

    examined = examine_settings(config, os.environ)
    problems = [*examined.problems, *what_is_named(examined.settings)]
    if problems:
        if as_json:
            print_json({"valid": False, "problems": problems, "advice": []})
        for problem in problems:
            complain(problem)
        raise typer.Exit(ExitCode.USAGE)
    settings = examined.settings
    lacks_system = settings.labs.fhir_url and not settings.labs.fhir_identifier_system
    advice = [sentence for sentence in (shut_out(settings), NO_SYSTEM if lacks_system else "") if sentence]
    for sentence in advice:
        complain(sentence)
    if as_json:
        print_json({"valid": True, "problems": [], "advice": advice})
    else:
        complain(f"configuration is valid: {find_config_file(config, os.environ) or 'no file, built-in defaults'}")


@app.command(epilog="Example: mvi-node config show --json")
@verb
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the effective value and the origin of each key."""
    keys = effective_keys(load_settings(config, os.environ), config, os.environ)
    if as_json:
        print_json({item.key: {"value": item.value, "origin": item.origin} for item in keys})
        return
    show_table(("key", "value", "from"), [(item.key, item.value, item.origin) for item in keys])
