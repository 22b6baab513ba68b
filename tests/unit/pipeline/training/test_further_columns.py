"""What a further clinical column is, is told by all of its cells."""

import math

import pytest

from pipeline.training.further_columns import FurtherColumn, further_columns

Cells = dict[str, float | str]


def read(*cells: str, name: str = "x") -> tuple[tuple[FurtherColumn, ...], list[tuple[tuple[int, ...], str]]]:
    patients: list[Cells] = [{name: cell} if cell else {} for cell in cells]
    columns, unclear = further_columns(patients, lambda column: column == name)
    return columns, [(found.patients, found.because) for found in unclear]


def test_column_when_of_numbers_then_they_are_its_values_and_the_unit_is_in_the_brackets() -> None:
    ((column,), unclear) = read("3.5", "", "12", name="AFP [ng/mL]")
    assert (column.name, column.unit, column.is_binary, unclear) == ("AFP", "ng/mL", False, [])
    assert column.values[0] == 3.5
    assert math.isnan(column.values[1])


def test_column_when_of_yes_and_no_in_any_spelling_then_one_and_zero() -> None:
    ((column,), _) = read("yes", "No", "1", "0", "positive")
    assert (column.is_binary, column.values) == (True, (1.0, 0.0, 1.0, 0.0, 1.0))


def test_column_when_of_words_then_each_is_a_yes_or_no_and_of_two_the_first() -> None:
    columns, _ = read("A", "B", "", "C", "a", name="child_pugh")
    assert [column.name for column in columns] == ["child_pugh = a", "child_pugh = B", "child_pugh = C"]
    assert columns[0].values[:2] == (1.0, 0.0)
    assert columns[0].values[3:] == (0.0, 1.0)
    assert math.isnan(columns[0].values[2])
    ((sex,), _) = read("m", "f", "m")
    assert (sex.name, sex.values) == ("x = f", (0.0, 1.0, 0.0))


@pytest.mark.parametrize(
    ("cells", "at", "said"),
    [
        (("3", "<2", "4,5"), (1, 2), "other cells are numbers"),
        (tuple("abcdefghijk"), (), "11 different words"),
        (("1,5", "2", "3,25"), (0, 2), "decimal comma; write a point"),
        (("1,5", "2,5"), (0, 1), "decimal comma; write a point"),
    ],
)
def test_column_when_neither_then_it_is_said_where_and_no_cell_is_repeated(
    cells: tuple[str, ...], at: tuple[int, ...], said: str
) -> None:
    columns, ((patients, because),) = read(*cells)
    assert (columns, patients) == ((), at)
    assert said in because
    assert "<2" not in because


@pytest.mark.parametrize("cells", [("Doe", "Doe", "", "doe"), ("Doe", "Roe", "Poe")])
def test_column_when_its_words_tell_no_patients_apart_then_they_may_be_names_and_are_not_shown(
    cells: tuple[str, ...],
) -> None:
    columns, ((patients, because),) = read(*cells)
    assert (columns, patients) == ((), ())
    assert "leave it out" in because
    assert not any(cell in because for cell in cells if cell)
