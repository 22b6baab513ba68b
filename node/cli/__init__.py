"""The command line: one file a noun, composed here."""

import sys
from importlib.metadata import version
from typing import Annotated, cast

import typer

from node.cli import (
    analyse,
    audit,
    cohort,
    config,
    db,
    demo,
    doctor,
    labs,
    match,
    models,
    peers,
    phantom,
    queue,
    serve,
    simulate,
    studies,
)
from node.cli.output import ExitCode, ended, nobody_reads

PROGRAM = "mvi-node"

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    # Frames and colours are for a terminal; a pipe gets lines that grep and sed can work on.
    rich_markup_mode="markdown" if sys.stdout.isatty() else None,
    pretty_exceptions_enable=False,
    help="DICOM node that predicts microvascular invasion from gadoxetic-acid liver MRI. "
    "For research use only. Not a medical device.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {version('mvi-node')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version, and end.")
    ] = False,
) -> None:
    """Take what stands before the verb."""


# One import and one registration a verb, alphabetical.
app.command(epilog="Example: mvi-node analyse study/ --out result/")(analyse.analyse)
app.add_typer(audit.app, name="audit")
app.add_typer(cohort.app, name="cohort")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.command(epilog="Example: mvi-node demo --out build/demo")(demo.demo)
app.command(epilog="Example: mvi-node doctor --config /etc/mvi-node/node.toml")(doctor.doctor)
app.add_typer(labs.app, name="labs")
app.command(epilog="Example: mvi-node match study/ --json")(match.match)
app.add_typer(models.app, name="models")
app.add_typer(peers.app, name="peers")
app.command(epilog="Example: mvi-node phantom study --vendor siemens --seed 3")(phantom.phantom)
app.command(epilog="Example: mvi-node queue --json")(queue.queue)
app.command(epilog="Example: mvi-node serve --config /etc/mvi-node/node.toml")(serve.serve)
app.command(epilog="Example: mvi-node simulate --to MVINODE@10.0.0.4:11112 --report report.html")(
    simulate.simulate
)
app.add_typer(studies.app, name="studies")


USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__bases__[0])
"""What a wrong command line raises: `UsageError` of click, or of the copy of it that newer typers bring."""


def main() -> None:
    """Run the command line; a wrong one ends in one line, and with ``--json`` in one document, as other errors."""
    try:
        code = app(prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:
        sys.exit(nobody_reads())
    except USAGE_ERROR as error:
        sys.exit(_wrong(cast("typer.BadParameter", error)))
    except typer.Abort:
        sys.exit(ExitCode.FAILED)


def _wrong(error: typer.BadParameter) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        # Without any argument: the help, which a terminal has been shown already.
        sys.stdout.write(f"{error.message}\n" if error.message else "")
        return ExitCode.USAGE
    # Choices come one a line.
    message = " ".join(error.format_message().split()).rstrip(".").replace(": Value error, ", ": ")
    if message:
        command = error.ctx.command_path if error.ctx else PROGRAM
        ended(ExitCode.USAGE, f"{message}; see `{command} --help`", as_json="--json" in sys.argv)
    return ExitCode.USAGE
