from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.analytes import DateWindow
from node.labs.choice import values_of_examination
from pipeline.specimen import Examined
from pipeline.study import Analyte, ClinicalValue

EXAMINED = date(2025, 6, 10)
WINDOW = DateWindow(days_before=30, days_after=2)


def days(*offsets: int | None) -> list[ClinicalValue]:
    """Return one value for each day relative to the examination; None: without a date."""
    return [
        ClinicalValue(number, None if offset is None else EXAMINED + timedelta(days=offset))
        for number, offset in enumerate(offsets)
    ]


def chosen(values: list[ClinicalValue], examined_on: date | None = EXAMINED) -> float:
    return values_of_examination({Analyte.AST: values}, Examined(examined_on), WINDOW)[Analyte.AST].value


@pytest.mark.parametrize(
    ("offsets", "index"),
    [
        ([-20, -5, 10], 1),  # The last was taken after the images, the first is older than need be.
        ([10, -5, -20], 1),
        ([-5, 1], 1),
        ([3, -30], 1),
        ([-31, None], 1),
        ([-30, None], 0),
        ([-900, -40, 400], 1),  # None is inside: the nearest, for the report to name.
        ([-5, -5], 1),  # A correction follows what it corrects.
        ([None, None], 1),
    ],
)
def test_choice_when_several_are_known_then_the_nearest_inside_the_window_counts(
    offsets: list[int | None], index: int
) -> None:
    assert chosen(days(*offsets)) == index


@pytest.mark.parametrize(("offsets", "index"), [([-20, 10, None], 1), ([10, -20], 0)])
def test_choice_when_the_examination_has_no_date_then_the_last_collected_counts(
    offsets: list[int | None], index: int
) -> None:
    assert chosen(days(*offsets), None) == index


@given(st.sets(st.integers(-60, 60), min_size=1).flatmap(lambda found: st.permutations(sorted(found))))
def test_choice_when_the_file_is_in_another_order_then_the_same_day_is_near_enough(offsets: list[int]) -> None:
    inside = [abs(offset) for offset in offsets if -30 <= offset <= 2]
    expected = min(inside or [abs(offset) for offset in offsets])
    assert abs(offsets[int(chosen(days(*offsets)))]) == expected


def test_choice_when_the_last_specimen_was_taken_after_the_images_of_its_day_then_the_one_before_counts() -> None:
    taken = [("2025-06-09T08:00:00", 1.0), ("2025-06-10T08:00:00", 2.0), ("2025-06-10T12:00:00", 3.0)]
    values = [
        ClinicalValue(number, date.fromisoformat(at[:10]), collected_at=at) for at, number in (*taken, taken[0])
    ]
    for began, expected in ((time(9), 2.0), (time(7), 1.0), (None, 1.0), (time(13), 3.0)):
        found = values_of_examination({Analyte.AST: values}, Examined(EXAMINED, began), DateWindow())
        assert found[Analyte.AST].value == expected, began


@pytest.mark.parametrize("late_first", [True, False])
@pytest.mark.parametrize(("day", "expected"), [("2025-06-09", 2.0), ("2025-06-11", 1.0)])
def test_choice_when_two_specimens_are_of_one_day_then_the_nearest_counts_in_whatever_order_they_came(
    late_first: bool, day: str, expected: float
) -> None:
    values = [
        ClinicalValue(number, date.fromisoformat(day), collected_at=f"{day}T{hour}:00:00")
        for number, hour in ((1.0, "08"), (2.0, "18"))
    ]
    assert chosen(values[::-1] if late_first else values) == expected
    by_hand = ClinicalValue(3.0, date.fromisoformat(day), collected_at=day)
    assert chosen([*values, by_hand]) == 3.0
