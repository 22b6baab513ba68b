"""Clinical columns of a cohort file beyond those of the model: numbers, yes or no, and words."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pipeline.training.cases import NO, YES

MOST_WORDS: Final = 10
"""Different words of a column above which it is free text, which nobody can compare."""
COMPARATORS: Final = "<>≤≥"
"""Before the number of a cell that is a bound."""
_WITH_UNIT: Final = re.compile(r"(.+?)\s*\[(.*)\]")
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d+,\d+")
Cells = Mapping[str, float | str]
IsFurther = Callable[[str], bool]
"""Whether the name of a column means no value of the model; given by the caller, who knows the names."""


@dataclass(frozen=True)
class FurtherColumn:
    """A column that is described, and may be selected.

    Parameters
    ----------
    name, unit
        As the cohort file gives them; the unit from brackets behind the name. Of a column of words the name holds
        the word: ``child_pugh = B``.
    values
        One a patient; NaN where the cell is empty. Yes is 1, no is 0.
    is_binary
        Whether it is of yes or no.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    is_binary: bool


@dataclass(frozen=True)
class UnclearColumn:
    """A column that cannot be used; `patients` are the places whose cells are at fault, none where all are."""

    patients: tuple[int, ...]
    because: str


def further_columns(
    patients: Sequence[Cells], is_further: IsFurther
) -> tuple[tuple[FurtherColumn, ...], tuple[UnclearColumn, ...]]:
    """Read the further columns of a cohort.

    What a column is, is told by all its cells: yes or no where each is such a word, 1 or 0; a number where each is
    one; otherwise words, each of which becomes a column of yes or no, of two words the first alone. Words that are
    the same in all patients, or another in each, describe nothing and may be names: they are not shown.

    Parameters
    ----------
    patients
        Cells of each by the name of the column; an empty one is absent.
    is_further
        Which columns.

    Returns
    -------
    tuple
        The columns, and those that cannot be used. Their sentences hold no cell.
    """
    names = dict.fromkeys(name for cells in patients for name in cells if is_further(name))
    columns: list[FurtherColumn] = []
    unclear: list[UnclearColumn] = []
    for name in names:
        found = _read(name, [str(cells.get(name, "")).strip() for cells in patients])
        if isinstance(found, UnclearColumn):
            unclear.append(found)
        else:
            columns += found
    return tuple(columns), tuple(unclear)


def _read(name: str, cells: list[str]) -> list[FurtherColumn] | UnclearColumn:
    split = _WITH_UNIT.fullmatch(name)
    display, unit = (split[1], split[2]) if split else (name, "")
    present = [cell.lower() for cell in cells if cell]
    if all(cell in YES | NO for cell in present):
        return [FurtherColumn(display, "", _flags(cells, lambda cell: cell.lower() in YES), True)]
    numbers = [_number(cell) for cell in cells]
    words = tuple(n for n, cell in enumerate(cells) if cell and math.isnan(numbers[n]))
    if not words:
        return [FurtherColumn(display, unit, tuple(numbers), False)]
    commas = all(_DECIMAL_COMMA.fullmatch(cells[n]) for n in words)
    if commas or len(words) < len(present):
        return UnclearColumn(words, f"column {name}: {_no_number([cells[n] for n in words])}")
    levels = sorted(set(present))
    if len(levels) > MOST_WORDS:
        return UnclearColumn(
            (),
            f"column {name}: {len(levels)} different words; use {MOST_WORDS} at most, or leave it out",
        )
    if len(levels) == 1 or len(levels) == len(present) > 2:
        each = "every patient has the same word" if len(levels) == 1 else "every patient has another word"
        return UnclearColumn((), f"column {name}: {each}, as a name or a number of a case would; leave it out")
    spelt = {cell.lower(): cell for cell in cells}
    # Two words are the yes and the no of one another.
    shown = levels[:1] if len(levels) == 2 else levels
    return [
        FurtherColumn(f"{display} = {spelt[level]}", "", _flags(cells, partial(_is_word, level)), True)
        for level in shown
    ]


def _is_word(level: str, cell: str) -> bool:
    return cell.lower() == level


def _flags(cells: list[str], holds: Callable[[str], bool]) -> tuple[float, ...]:
    return tuple(float(holds(cell)) if cell else math.nan for cell in cells)


def _no_number(words: Sequence[str]) -> str:
    """Say why cells of a column of numbers are none, and what to do; no cell is repeated."""
    if all(_DECIMAL_COMMA.fullmatch(word) for word in words):
        return "this number has a decimal comma; write a point"
    if all(word[0] in COMPARATORS for word in words):
        return (
            "other cells are numbers and this one is a bound (< or >), of which no mean can be taken; give the "
            "bound as a number where that is good enough, make the column one of words, or leave the cell empty"
        )
    return "other cells are numbers and this one is not; give a number, or leave it empty"


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
