"""The rules of series matching: weights, windows and lexicon, each checked when they are read."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from config.description_terms import AgentTerms, Lexicon
from config.errors import ConfigError
from config.evidence_weights import Weights
from config.matching_limits import (
    AnatomyRules,
    DecisionRules,
    DiffusionRules,
    GeometryRules,
    PhysicsRules,
    PixelRules,
    TimeRules,
)
from config.sections.base import Section
from config.sections.studies import MatchingSection
from config.site_rules import lay_over

DEFAULT_RULES_FILE = Path(__file__).with_name("series_rules.toml")


class SeriesRules(Section):
    """Everything that decides which sub-volume fills which role."""

    version: Annotated[str, Field(min_length=1)]
    """Version of the shipped rules, kept with every result."""
    site_version: str = ""
    """Version of the site's own rules laid over them; empty: none."""
    physics: PhysicsRules
    """Parameter windows."""
    diffusion: DiffusionRules
    """b-values."""
    geometry: GeometryRules
    """Stacks of slices."""
    anatomy: AnatomyRules
    """What is no liver."""
    time: TimeRules
    """Windows after the injection."""
    pixels: PixelRules
    """Sanity of the chosen phases."""
    decision: DecisionRules
    """When an assignment is believed."""
    weights: Weights
    """Log-odds of evidence."""
    lexicon: Lexicon
    """Concepts in descriptions."""
    agents: AgentTerms
    """Names of contrast agents."""

    @property
    def label(self) -> str:
        """Version of the shipped rules and of the site's own, for the record of what matched."""
        return f"{self.version} with site rules {self.site_version}" if self.site_version else self.version


def load_series_rules(path: Path | None = None) -> SeriesRules:
    """Read the rules of series matching.

    Parameters
    ----------
    path
        A site's own file, laid over the rules that come with the product; None: these alone.

    Raises
    ------
    ConfigError
        The file cannot be read, or keys are unknown or wrong; the message names them all.
    """
    if path is None:
        return _default()
    document, problems = lay_over(_shipped(), _read(path))
    return _validated(document, problems, path)


def rules_in_force(section: MatchingSection) -> SeriesRules:
    """Read the rules that the settings name.

    Raises
    ------
    ConfigError
        As `load_series_rules`.
    """
    return load_series_rules(Path(section.rules) if section.rules else None)


@cache
def _default() -> SeriesRules:
    return _validated(_shipped(), [], DEFAULT_RULES_FILE)


@cache
def _shipped() -> dict[str, Any]:
    return _read(DEFAULT_RULES_FILE)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not valid TOML: {error}"]) from error
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror}"]) from error


def _validated(document: Mapping[str, Any], problems: list[str], path: Path) -> SeriesRules:
    found = [f"{path.name}: {problem}" for problem in problems]
    try:
        rules = SeriesRules.model_validate(document)
    except ValidationError as error:
        # A version that is missing is told of already.
        wrong = [item for item in error.errors() if item["loc"] != ("site_version",)]
        found += [f"{path.name}: {_sentence(item['loc'], item['msg'], item['type'])}" for item in wrong]
        raise ConfigError(found) from error
    if found:
        raise ConfigError(found)
    return rules


def _sentence(location: tuple[int | str, ...], message: str, kind: str) -> str:
    key, last = ".".join(part for part in location if isinstance(part, str)), location[-1]
    if isinstance(last, int):
        # Not by its index: who wrote the file counts from one.
        message = message.replace("Input", f"Item {last + 1}")
    if kind == "value_error":
        return f"{key}: {message.removeprefix('Value error, ')}"
    if kind != "extra_forbidden":
        return f"{key}: {message[0].lower()}{message[1:]}"
    table: Any = _shipped()
    for part in location[:-1]:
        table = table.get(part, {})
    near = get_close_matches(str(location[-1]), list(table), n=1)
    return f"{key}: unknown key" + (f"; {near[0]} is one" if near else "")
