"""What `mvi-node simulate` says to a person: the table, what was not as expected, and how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from node.cli.output import RESEARCH_USE, complain, print_json
from node.cli.tables import show_table
from node.simulation.acceptance import Progress as Step
from node.simulation.casting import describe_plays
from node.simulation.table import COLUMNS, DIFFERENCE_COLUMNS, differences, rows
from node.simulation.verdict import Acceptance


def show_plays(*, as_json: bool) -> None:
    """Print what can be played."""
    plays = describe_plays()
    if as_json:
        print_json({"scenarios": plays})
        return
    vendors = [", ".join(map(str, play["vendors"])) if isinstance(play["vendors"], list) else "" for play in plays]
    every = max(vendors, key=len)
    cells = [
        (play["name"], play["expected"], "all" if names == every else names, play["summary"])
        for play, names in zip(plays, vendors, strict=True)
    ]
    show_table(("scenario", "expected", "vendors", "what it is"), cells)
    typer.echo(
        f"Vendors: {every}. Every scenario of `mvi-node phantom --list` can be played as well. {RESEARCH_USE}"
    )


def show_acceptance(acceptance: Acceptance) -> None:
    """Print the outcome of a run."""
    show_table(COLUMNS, rows(acceptance), title=f"Run {acceptance.plan.run}")
    wrong = list(differences(acceptance))
    if wrong:
        show_table(DIFFERENCE_COLUMNS, wrong, title="Not as expected")
    passed = sum(study.passed for study in acceptance.studies)
    for remark in acceptance.remarks:
        complain(remark)
    software = ", ".join(acceptance.software[:2]) or acceptance.implementation
    typer.echo(f"{passed} of {len(acceptance.studies)} studies as expected; {software}. {RESEARCH_USE}")


@contextmanager
def showing_progress() -> Iterator[Callable[[Step], None]]:
    """Show how far a run is: a bar on a terminal, a line now and then in a pipe; on standard error."""
    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    said = ""

    def show(step: Step) -> None:
        nonlocal said
        if console.is_terminal:
            progress.update(task, completed=step.done, total=step.total, description=escape(step.words))
        elif step.topic != said:
            said = step.topic
            complain(step.topic)

    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield show
