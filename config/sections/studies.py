"""When a study is analysed, by which rules, and how long it is kept."""

from typing import Annotated

from pydantic import Field

from config.sections.base import Section


class CompletionSection(Section):
    """When a study is analysed."""

    settle_s: Annotated[float, Field(ge=0)] = 60.0
    """Quiet time once all six roles are filled, s."""
    deadline_s: Annotated[float, Field(gt=0)] = 5400.0
    """After the last instance a study with empty roles ends as refused, s."""
    check_every_s: Annotated[float, Field(gt=0)] = 5.0
    """Interval of the check, s."""


class MatchingSection(Section):
    """Which series fill which role."""

    rules: str = ""
    """A site's own series rules, laid over the built-in ones; empty: these alone."""


class RetentionSection(Section):
    """What is deleted when; never what a peer has still to get."""

    images_days: Annotated[float, Field(ge=0)] = 30.0
    """Images are deleted so long after every peer has confirmed their result; 0: never by age, d."""
    results_days: Annotated[float, Field(ge=0)] = 365.0
    """Results are deleted so long after they were written, and after their images; 0: never, d."""
    unconfirmed: bool = False
    """Whether results count as delivered that a peer stored and can confirm nothing about."""
    low_disk_bytes: Annotated[int, Field(ge=0)] = 5_000_000_000
    """Below this free space people are told, and what may be deleted goes early, bytes."""
    early: bool = True
    """Whether images whose result is confirmed are deleted before their time where space is short."""
    check_every_s: Annotated[float, Field(gt=0)] = 60.0
    """Interval of the check, s."""
