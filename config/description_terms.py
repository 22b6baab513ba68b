"""Words of series matching: regular expressions on descriptions and on names of contrast agents."""

import re

from pydantic import field_validator

from config.sections.base import Section


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
    post: tuple[str, ...]
    """After contrast, whatever the phase: contradicts `pre` where a series is one phase."""
    multiphase: tuple[str, ...]
    """Several phases: says nothing of `pre`."""
    before_and_after: tuple[str, ...]
    """Several phases, the first of them before contrast."""
    arterial: tuple[str, ...]
    """Arterial phase."""
    portal: tuple[str, ...]
    """Portal venous phase."""
    delayed: tuple[str, ...]
    """Transitional or equilibrium phase."""
    hepatobiliary: tuple[str, ...]
    """Hepatobiliary phase."""
    t1: tuple[str, ...]
    """T1 weighting: contradicts T2 and diffusion where the description says nothing else."""
    t2: tuple[str, ...]
    """T2 weighting."""
    flair: tuple[str, ...]
    """T2 with suppressed water."""
    single_shot: tuple[str, ...]
    """Single-shot T2."""
    diffusion: tuple[str, ...]
    """Diffusion weighting."""
    fat_suppressed: tuple[str, ...]
    """Fat suppression."""
    other_region: tuple[str, ...]
    """Another part of the body, where the description names no liver beside it."""
    liver: tuple[str, ...]
    """Liver or abdomen."""
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
    motion_corrected: tuple[str, ...]
    """Copy that the scanner aligned with the other phases."""
    failed: tuple[str, ...]
    """Acquisition that the technologist gave up."""
    balanced: tuple[str, ...]
    """Balanced steady-state sequence."""
    dixon_fat: tuple[str, ...]
    """Dixon fat image, by prefix or last word."""
    dixon_in_phase: tuple[str, ...]
    """Dixon in-phase image, by prefix or last word."""
    dixon_opposed_phase: tuple[str, ...]
    """Dixon opposed-phase image, by prefix or last word."""
    dixon_fat_anywhere: tuple[str, ...]
    """Dixon fat image, wherever in the description."""
    dixon_in_phase_anywhere: tuple[str, ...]
    """Dixon in-phase image, wherever in the description."""
    dixon_opposed_phase_anywhere: tuple[str, ...]
    """Dixon opposed-phase image, wherever in the description."""


class AgentTerms(_Terms):
    """Names of contrast agents."""

    gadoxetate: tuple[str, ...]
    """The agent of the method."""
    other: tuple[str, ...]
    """Any other named agent: the study is refused."""
    none: tuple[str, ...]
    """Words that say that none was given."""
