"""A CSV file as a table: its header, which says what its columns hold, and its lines."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.analytes import AnalyteRules
from config.errors import NodeError
from node.labs.csv_columns import Column, ColumnError, read_column

COLUMNS = ("patient_id", "analyte", "value", "unit", "collected_on")
"""One value a line; ``issuer`` may stand beside them."""
WIDE_COLUMNS = ("patient_id", "collected_on")
"""One specimen a line: these, ``issuer`` where wanted, and a column ``AST [U/L]`` for each value."""
ISSUER = "issuer"

Cells = Mapping[str | None, str | list[str] | None]


class LabFileError(NodeError):
    """A file of laboratory values that cannot be believed; nothing of it is used.

    Parameters
    ----------
    path
        Of the file.
    problems
        One sentence a wrong line, without its values.
    """

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(f"{path}: {'; '.join(problems)}")


def read_table(
    path: Path, content: bytes, rules: AnalyteRules
) -> tuple[dict[str, Column], list[tuple[int, Cells]]]:
    """Return the columns of values, none where each line holds one, and the lines with their numbers.

    Raises
    ------
    LabFileError
        It is no CSV file, or its header is wrong.
    """
    try:
        reader = csv.DictReader(content.decode("utf-8-sig").splitlines(keepends=True), strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        columns = _header(path, names, rules)
        return columns, [(reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise LabFileError(path, [f"not a CSV file in UTF-8: {error}"]) from error


def _header(path: Path, names: Sequence[str], rules: AnalyteRules) -> dict[str, Column]:
    """Return the columns of values of a file with one specimen a line; none where it has one value a line."""
    known = [name for name in names if name != ISSUER]
    if len(set(names)) == len(names) and set(known) == set(COLUMNS):
        return {}
    others = [name for name in known if name not in WIDE_COLUMNS]
    if len(set(names)) != len(names) or not set(WIDE_COLUMNS) <= set(known) or not others:
        wide = f"{','.join(WIDE_COLUMNS)},AST [U/L],..."
        raise LabFileError(path, [f"line 1: the header must be {','.join(COLUMNS)}, or {wide}"])
    try:
        return {name: read_column(name, rules) for name in others}
    except ColumnError as error:
        raise LabFileError(path, [f"line 1: {error}"]) from None


def cell(cells: Cells, name: str) -> str:
    """Return a cell without the blanks around it; empty where it is absent."""
    return str(cells.get(name) or "").strip()
