"""Weights of series matching: the log-odds of each kind of evidence."""

from typing import Annotated

from pydantic import AfterValidator, Field

from config.rule_values import (
    DYNAMIC_ROLE_NAMES,
    EitherWay,
    NotNegative,
    NotPositive,
    PerDynamicRole,
    PerRole,
    Positive,
    exactly,
)
from config.sections.base import Section


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
    fat_suppressed: Annotated[dict[str, NotNegative], AfterValidator(exactly(("T2", *DYNAMIC_ROLE_NAMES)))]
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
