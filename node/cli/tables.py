"""Tables of the command line: framed on a terminal, one line a row in a pipe."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

UID_CHARACTERS = 64
"""Longest UID (PS3.5 9.1)."""
READABLE_CHARACTERS = 16
"""A column of text is not made narrower than this."""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table to standard output.

    Parameters
    ----------
    columns
        Headings.
    rows
        Cells; None is an empty one. They are text, never markup: a peer's description may look like markup.
    title
        Above the table; empty where none is needed.
    """
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _show_plain(columns, cells, title)
        return
    table = Table(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        # A UID in pieces cannot be copied; everything else may be broken, and nothing is cut off.
        uids = [len(row[number]) for row in cells if _is_uid(row[number])]
        longest = max((len(row[number]) for row in cells), default=0)
        table.add_column(column, min_width=max(uids, default=min(longest, READABLE_CHARACTERS)), overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    # Wider than the terminal where a UID needs it: a terminal that wraps the line still lets it be copied whole.
    console.print(table, width=max(console.width, console.measure(table).minimum), crop=False, soft_wrap=True)


def _show_plain(columns: Sequence[str], cells: Iterable[Sequence[str]], title: str) -> None:
    if title:
        sys.stdout.write(f"# {title}\n")
    for row in (columns, *cells):
        sys.stdout.write("\t".join(" ".join(cell.split()) for cell in row) + "\n")


def _is_uid(cell: str) -> bool:
    return len(cell) <= UID_CHARACTERS and cell.count(".") > 1 and cell.replace(".", "").isdigit()
