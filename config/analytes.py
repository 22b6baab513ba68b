"""Laboratory values of the clinical model: codes, units, plausible ranges, date window."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.analyte_text import contains, fold_unit
from config.errors import ConfigError

LoincNumber = Annotated[str, Field(pattern=r"^[0-9]{1,7}-[0-9]$")]
Factor = Annotated[float, Field(gt=0)]

BUILT_IN: Final = files("config") / "analytes.toml"
"""The rules that come with the software."""


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


class LocalCode(_Section):
    """A laboratory's own code, reviewed by that laboratory."""

    code: Annotated[str, Field(min_length=1)]
    """As it stands in OBX-3."""
    system: str = ""
    """Name of the coding system beside it (HL7 table 0396); empty: any but LOINC."""


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
    local: tuple[LocalCode, ...] = ()
    """Codes of the site's laboratories that mean the same."""
    text: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the analyte, in any language; one of them must stand beside a code."""
    not_text: tuple[str, ...] = ()
    """Words that tell of another test; with one of them the value is refused whatever its code."""
    qualitative: bool = False
    """Whether only 0 (negative) and 1 (positive) exist."""
    positive: tuple[str, ...] = ()
    """Words for positive, lower case."""
    negative: tuple[str, ...] = ()
    """Words for negative, lower case."""

    def factor(self, unit: str) -> float | None:
        """Return the factor from `unit` to the unit of the section; None where it is not accepted."""
        exact = self.units.get(unit)
        if exact is not None:
            return exact
        # Senders write u/l, G/DL and µkat/L for U/L, g/dL and ukat/L; two meanings of one spelling are refused.
        alike = {factor for name, factor in self.units.items() if fold_unit(name) == fold_unit(unit)}
        return alike.pop() if len(alike) == 1 else None

    def is_named_in(self, text: str) -> bool:
        """Tell whether `text` names this analyte and no other test."""
        return contains(text, (self.display, *self.text)) and not self.is_contradicted_by(text)

    def is_contradicted_by(self, text: str) -> bool:
        """Tell whether `text` has a word of another test."""
        return contains(text, self.not_text)

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
    """Of the rules; `mvi-node doctor` names it."""
    window: DateWindow = DateWindow()
    """Dates."""
    analytes: Annotated[dict[str, AnalyteRule], Field(min_length=1)]
    """By name with unit, for example ``ast_u_per_l``."""
    not_used: tuple[RejectedCode, ...] = ()
    """Codes of analytes that the model does not know."""

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        codes: list[str] = []
        for rule in self.analytes.values():
            codes += [item.code for item in rule.loinc]
            codes += [item.code for item in rule.rejected]
        codes += [item.code for item in self.not_used]
        double = sorted({code for code in codes if codes.count(code) > 1})
        if double:
            raise ValueError(f"LOINC codes named twice: {', '.join(double)}")
        return self


def load_analytes(path: Path | None = None) -> AnalyteRules:
    """Read the rules that come with the software, and what a site adds to them.

    Parameters
    ----------
    path
        A site's file, which holds only what differs: its tables are merged into the built-in ones, its lists are
        appended, anything else is replaced. It must raise `version`.

    Raises
    ------
    ConfigError
        A file is missing or wrong; the message names every wrong key.
    """
    source = BUILT_IN if path is None else path
    document = _read(BUILT_IN)
    if path is not None:
        own = _read(path)
        if own.get("version", document["version"]) == document["version"]:
            raise ConfigError([f'{path}: version: must be there and differ from "{document["version"]}"'])
        document = _merged(document, own)
    try:
        return AnalyteRules.model_validate(document)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc']) or source}: {item['msg']}" for item in error.errors()
        ]
        raise ConfigError(problems) from error


def analytes_in_force(path: str) -> AnalyteRules:
    """Return the rules that [labs] analytes names; the built-in ones where it is empty.

    Raises
    ------
    ConfigError
        The site's file is missing or wrong.
    """
    return load_analytes(Path(path) if path else None)


def _read(source: Traversable | Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{source} is not valid TOML: {error}"]) from error
    except OSError as error:
        raise ConfigError([f"{source} cannot be read: {error.strerror}"]) from error


def _merged(built_in: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(built_in)
    for key, value in own.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = _merged(known, value)
        elif isinstance(known, list) and isinstance(value, list) and key != "plausible":
            merged[key] = [*known, *value]
        else:
            merged[key] = value
    return merged
