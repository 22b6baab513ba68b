"""Kinds of values that the rules of series matching hold: weights, windows, one entry a role."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, field_validator

from config.sections.base import Section

DYNAMIC_ROLE_NAMES = ("T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY")
ROLE_NAMES = ("T2", "DWI", *DYNAMIC_ROLE_NAMES)

V = TypeVar("V")
Weight = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NotPositive = Annotated[float, Field(le=0, allow_inf_nan=False)]
ForAgainst = tuple[NotNegative, NotPositive]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def exactly(names: tuple[str, ...]) -> Callable[[dict[str, V]], dict[str, V]]:
    """Return a check that a table has one entry for each of `names` and no other."""

    def check(table: dict[str, V]) -> dict[str, V]:
        wrong = [f"{name} is missing" for name in names if name not in table]
        wrong += [f"{name} is no role that it can hold" for name in table if name not in names]
        if wrong:
            raise ValueError(", ".join(wrong))
        return table

    return check


PerRole = Annotated[dict[str, ForAgainst], AfterValidator(exactly(ROLE_NAMES))]
EitherWay = Annotated[dict[str, tuple[Weight, Weight]], AfterValidator(exactly(DYNAMIC_ROLE_NAMES))]
PerDynamicRole = Annotated[dict[str, ForAgainst], AfterValidator(exactly(DYNAMIC_ROLE_NAMES))]


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] < value[1]:
        raise ValueError(f"the first number must be below the second, got {list(value)}")
    return value


class Windows(Section):
    """A section whose pairs are windows: lowest and highest value."""

    @field_validator("*")
    @classmethod
    def _windows_rise(cls, value: object) -> object:
        return _rising(value) if isinstance(value, tuple) and len(value) == 2 else value
