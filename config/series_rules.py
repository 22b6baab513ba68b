"""The rules of series matching: weights, windows and lexicon, each checked when they are read."""

import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError, field_validator

from config.errors import ConfigError
from config.settings import MatchingSection, Section
from config.site_rules import lay_over

DEFAULT_RULES_FILE = Path(__file__).with_name("series_rules.toml")

DYNAMIC_ROLE_NAMES = ("T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY")
ROLE_NAMES = ("T2", "DWI", *DYNAMIC_ROLE_NAMES)

PIXEL_CHECKS = 10
"""Relations between the phases that pixels are checked for."""

V = TypeVar("V")
Weight = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NotPositive = Annotated[float, Field(le=0, allow_inf_nan=False)]
ForAgainst = tuple[NotNegative, NotPositive]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _exactly(names: tuple[str, ...]) -> Callable[[dict[str, V]], dict[str, V]]:
    """Return a check that a table has one entry for each of `names` and no other."""

    def check(table: dict[str, V]) -> dict[str, V]:
        wrong = [f"{name} is missing" for name in names if name not in table]
        wrong += [f"{name} is no role that it can hold" for name in table if name not in names]
        if wrong:
            raise ValueError(", ".join(wrong))
        return table

    return check


PerRole = Annotated[dict[str, ForAgainst], AfterValidator(_exactly(ROLE_NAMES))]
EitherWay = Annotated[dict[str, tuple[Weight, Weight]], AfterValidator(_exactly(DYNAMIC_ROLE_NAMES))]
PerDynamicRole = Annotated[dict[str, ForAgainst], AfterValidator(_exactly(DYNAMIC_ROLE_NAMES))]


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if not value[0] < value[1]:
        raise ValueError(f"the first number must be below the second, got {list(value)}")
    return value


class _Windows(Section):
    """A section whose pairs are windows: lowest and highest value."""

    @field_validator("*")
    @classmethod
    def _windows_rise(cls, value: object) -> object:
        return _rising(value) if isinstance(value, tuple) and len(value) == 2 else value


class PhysicsWindow(_Windows):
    """Acquisition parameters a role may have."""

    repetition_time_ms: tuple[float, float]
    """Repetition time, ms."""
    echo_time_ms: tuple[float, float]
    """Echo time, ms."""
    flip_angle_deg: tuple[float, float] | None = None
    """Flip angle, degrees; None: any."""


class PhysicsRules(Section):
    """Parameter windows of the three families of sequences."""

    t1: PhysicsWindow
    """Spoiled 3D gradient echo."""
    t2: PhysicsWindow
    """Fast spin echo."""
    dwi: PhysicsWindow
    """Echo planar."""


class DiffusionRules(_Windows):
    """Which diffusion weighting the model wants."""

    b_s_per_mm2: tuple[float, float]
    """b-values that may fill the role, s/mm2."""
    target_s_per_mm2: Positive
    """The nearest to it is taken, s/mm2."""


class GeometryRules(_Windows):
    """Limits on stacks of slices."""

    minimum_slices: Annotated[int, Field(ge=2)]
    """Fewer are a localizer or a fragment."""
    axial_cosine: Fraction
    """Least |normal . z|."""
    slice_thickness_mm: tuple[float, float]
    """What the model was made for, mm."""
    coverage: Fraction
    """Least part of the hepatobiliary extent that every role must cover."""
    sibling_slices: Fraction
    """Least number of slices relative to the sibling phases."""
    spacing_tolerance: Fraction
    """Relative difference of pixel spacing within the dynamic phases."""
    thickness_tolerance: Fraction
    """Relative difference of slice thickness within the dynamic phases."""
    frame_of_reference: Literal["require", "allow"]
    """Whether all roles must share one frame of reference."""


class AnatomyRules(Section):
    """What is no liver."""

    other_body_parts: tuple[str, ...]
    """Values of Body Part Examined that rule a series out; an absent or wrong-looking value does not."""


class TimeRules(_Windows):
    """Windows after the injection, s."""

    arterial_s: tuple[float, float]
    """Arterial phase, s."""
    arterial_latest_s: Positive
    """Of several arterial phases, none later than this is taken, s."""
    portal_s: tuple[float, float]
    """Portal venous phase, s."""
    portal_target_s: Positive
    """Of several phases of one series in the window, the nearest to it, s."""
    transitional_s: tuple[float, float]
    """Transitional phase, which fills no role, s."""
    hepatobiliary_s: tuple[float, float]
    """Hepatobiliary phase, s."""
    hepatobiliary_target_s: Positive
    """Of several hepatobiliary phases, the nearest to it, s."""
    portal_after_arterial_s: tuple[float, float]
    """Portal minus arterial, s."""
    hepatobiliary_after_arterial_s: Positive
    """Least hepatobiliary minus arterial, s."""
    arterial_delay_s: Positive
    """From the injection to the first arterial image where the injection is not recorded, s."""
    arterial_pick: Literal["late", "middle", "early"]
    """Which of several arterial phases is taken."""


class PixelRules(Section):
    """What blood and liver must look like in phases that are what the headers say; brightness as ratios."""

    contradictions: Annotated[int, Field(ge=1, le=PIXEL_CHECKS)]
    """From so many on, the study is refused; more than there are checks would never refuse."""
    blood_arterial: Positive
    """Least blood, arterial over before contrast."""
    blood_peak: Positive
    """Least blood, arterial over portal."""
    peak: Positive
    """Least of what the arterial phase brightens most over what the hepatobiliary phase does."""
    blood_portal: Positive
    """Least blood, portal over before contrast."""
    blood_before: Positive
    """Most blood, before contrast over hepatobiliary."""
    blood_late: Positive
    """Most blood, hepatobiliary over portal."""
    liver_portal: Positive
    """Least liver, portal over arterial."""
    liver_hepatobiliary: Positive
    """Least liver, hepatobiliary over before contrast."""
    uptake: Positive
    """Least gain times loss of brightness, hepatobiliary over before contrast: contrast darkens nothing."""
    liver_to_blood: Positive
    """Least liver over blood in the hepatobiliary phase; less: taken too early, or too little taken up."""


class DecisionRules(Section):
    """When an assignment is believed."""

    margin: Positive
    """Least distance to the best different assignment."""
    minimum_score: Annotated[dict[str, NotNegative], AfterValidator(_exactly(ROLE_NAMES))]
    """Least score of each role."""
    candidates: Annotated[int, Field(ge=2, le=20)]
    """Candidates kept for each role."""
    families: Annotated[int, Field(ge=1, le=5)]
    """Evidence families that must speak for a dynamic role."""


class Weights(Section):
    """Log-odds of each kind of evidence."""

    physics: Positive
    """All acquisition parameters known and in the window."""
    defect: Annotated[float, Field(lt=0, allow_inf_nan=False)]
    """Missing slices and the like."""
    thickness: NotNegative
    """Slice thickness as the model wants it."""
    geometry: NotNegative
    """Same grid as another T1 sub-volume."""
    geometry_hepatobiliary: NotNegative
    """The same, for the hepatobiliary phase."""
    other_grid: NotPositive
    """Hepatobiliary phase on another grid."""
    single_shot: NotPositive
    """Single-shot T2."""
    diffusion_b: NotNegative
    """b-value in the window."""
    diffusion_trace: NotNegative
    """Trace image rather than one direction."""
    text: PerRole
    """Description speaks for, contradicts."""
    fat_suppressed: Annotated[dict[str, NotNegative], AfterValidator(_exactly(("T2", *DYNAMIC_ROLE_NAMES)))]
    """Fat suppressed or Dixon water."""
    agent_phase: PerDynamicRole
    """Contrast agent phase consistent, contradicting."""
    agent_name: EitherWay
    """Contrast agent named, absent."""
    time_measured: PerDynamicRole
    """In the window, outside; injection recorded."""
    time_estimated: PerDynamicRole
    """In the window, outside; injection estimated."""
    pixels: PerDynamicRole
    """Pixels consistent, contradicting; counted once a role is chosen, so that they can veto but not choose."""


class _Terms(Section):
    """A section of regular expressions."""

    @field_validator("*")
    @classmethod
    def _terms_compile(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Without any, the joined expression would match every description.
        wrong = [problem for term in value if (problem := _wrong_term(term))] if value else ["holds no word"]
        if wrong:
            raise ValueError("; ".join(wrong))
        return value


def _wrong_term(term: str) -> str:
    """Say why a term cannot be looked for in normalised text, joined with others; empty where it can."""
    try:
        # In a group, as it will be joined with the others.
        pattern = re.compile(f"(?:{term})")
    except re.error as error:
        return f"{term!r} is not a regular expression: {error}"
    if pattern.search("") is not None:
        return f"{term!r} matches empty text"
    if pattern.groups:
        return f"{term!r} has a group; write (?:...) in place of (...)"
    letters = re.sub(r"\\.", "", term)
    if letters != letters.casefold() or "_" in letters:
        return f"{term!r} never matches: descriptions are compared in lower case, with blanks for _ . / -"
    return ""


class Lexicon(_Terms):
    """Regular expressions on normalised descriptions, by concept."""

    pre: tuple[str, ...]
    """Before contrast."""
    multiphase: tuple[str, ...]
    """Several phases: says nothing of `pre`."""
    arterial: tuple[str, ...]
    """Arterial phase."""
    portal: tuple[str, ...]
    """Portal venous phase."""
    delayed: tuple[str, ...]
    """Transitional or equilibrium phase."""
    hepatobiliary: tuple[str, ...]
    """Hepatobiliary phase."""
    t2: tuple[str, ...]
    """T2 weighting."""
    single_shot: tuple[str, ...]
    """Single-shot T2."""
    diffusion: tuple[str, ...]
    """Diffusion weighting."""
    fat_suppressed: tuple[str, ...]
    """Fat suppression."""
    localizer: tuple[str, ...]
    """Localizer."""
    subtraction: tuple[str, ...]
    """Subtraction."""
    projection: tuple[str, ...]
    """Projection or reformat."""
    map: tuple[str, ...]
    """Parameter map."""
    calculated_b: tuple[str, ...]
    """Calculated diffusion image."""
    cholangiography: tuple[str, ...]
    """Cholangiography."""
    bolus: tuple[str, ...]
    """Bolus tracking."""
    balanced: tuple[str, ...]
    """Balanced steady-state sequence."""
    dixon_fat: tuple[str, ...]
    """Dixon fat image, by prefix or last word."""
    dixon_in_phase: tuple[str, ...]
    """Dixon in-phase image."""
    dixon_opposed_phase: tuple[str, ...]
    """Dixon opposed-phase image."""


class AgentTerms(_Terms):
    """Names of contrast agents."""

    gadoxetate: tuple[str, ...]
    """The agent of the method."""
    other: tuple[str, ...]
    """Any other named agent: the study is refused."""
    none: tuple[str, ...]
    """Words that say that none was given."""


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
    key = ".".join(str(part) for part in location)
    if kind == "value_error":
        return f"{key}: {message.removeprefix('Value error, ')}"
    if kind != "extra_forbidden":
        return f"{key}: {message[0].lower()}{message[1:]}"
    table: Any = _shipped()
    for part in location[:-1]:
        table = table.get(part, {})
    near = get_close_matches(str(location[-1]), list(table), n=1)
    return f"{key}: unknown key" + (f"; {near[0]} is one" if near else "")
