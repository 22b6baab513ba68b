"""Laboratory values of the clinical model: codes, units, plausible ranges, date window."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.errors import ConfigError

LoincNumber = Annotated[str, Field(pattern=r"^[0-9]{1,7}-[0-9]$")]
Factor = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LoincCode(_Section):
    """A code whose values are accepted."""

    code: LoincNumber
    """LOINC number."""
    display: Annotated[str, Field(min_length=1)]
    """Its long name."""


class RejectedCode(_Section):
    """A code that looks right and is not."""

    code: LoincNumber
    """LOINC number."""
    because: Annotated[str, Field(min_length=1)]
    """Why its values are not used."""


class AnalyteRule(_Section):
    """One laboratory value."""

    display: Annotated[str, Field(min_length=1)]
    """As a clinician calls it."""
    plausible: tuple[float, float]
    """Least and largest believable value, in the unit that the name of the section carries."""
    units: Annotated[dict[str, Factor], Field(min_length=1)]
    """Accepted UCUM units, each with its factor to the unit of the section."""
    loinc: Annotated[tuple[LoincCode, ...], Field(min_length=1)]
    """Accepted codes."""
    rejected: tuple[RejectedCode, ...] = ()
    """Codes that are refused by name."""
    qualitative: bool = False
    """Whether only 0 (negative) and 1 (positive) exist."""
    positive: tuple[str, ...] = ()
    """Words for positive, lower case."""
    negative: tuple[str, ...] = ()
    """Words for negative, lower case."""

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        low, high = self.plausible
        if not low < high:
            raise ValueError("plausible must be two rising numbers")
        return self

    def is_plausible(self, value: float) -> bool:
        """Tell whether `value`, in the unit of the section, can be believed."""
        low, high = self.plausible
        return low <= value <= high and (not self.qualitative or value in (0.0, 1.0))


class DateWindow(_Section):
    """How far the specimen may lie from the images."""

    days_before: Annotated[int, Field(ge=0)] = 30
    """Days a specimen may be older than the images."""
    days_after: Annotated[int, Field(ge=0)] = 0
    """Days it may be younger."""
    require_date: bool = False
    """Whether a value without a date is refused."""


class AnalyteRules(_Section):
    """The whole file."""

    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
    """Of the rules; results name it."""
    window: DateWindow = DateWindow()
    """Dates."""
    analytes: Annotated[dict[str, AnalyteRule], Field(min_length=1)]
    """By name with unit, for example ``ast_u_per_l``."""

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        codes: list[str] = []
        for rule in self.analytes.values():
            codes += [item.code for item in rule.loinc]
            codes += [item.code for item in rule.rejected]
        double = sorted({code for code in codes if codes.count(code) > 1})
        if double:
            raise ValueError(f"LOINC codes named twice: {', '.join(double)}")
        return self


def load_analytes(path: Path | None = None) -> AnalyteRules:
    """Read a site's file, or the one that comes with the software.

    Raises
    ------
    ConfigError
        The file is missing or wrong; the message names every wrong key.
    """
    source = path or files("config") / "analytes.toml"
    try:
        document = tomllib.loads(source.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{source} is not valid TOML: {error}"]) from error
    except OSError as error:
        raise ConfigError([f"{source} cannot be read: {error.strerror}"]) from error
    try:
        return AnalyteRules.model_validate(document)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc']) or source}: {item['msg']}" for item in error.errors()
        ]
        raise ConfigError(problems) from error
