"""The command line: one file a noun, composed here."""

import typer

from node.cli import config, phantom

app = typer.Typer(
    name="mvi-node",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="DICOM node that predicts microvascular invasion from gadoxetic-acid liver MRI. "
    "For research use only. Not a medical device.",
)

# One import and one registration a verb, alphabetical.
app.add_typer(config.app, name="config")
app.command()(phantom.phantom)


def main() -> None:
    """Run the command line."""
    app()
