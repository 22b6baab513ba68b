"""What a scenario is: how it changes the usual study, which scanners it makes sense for, and the right answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from dicom_io.phantom.classic import WrittenFrame
from dicom_io.phantom.plan import Part, SeriesPlan, StudyPlan
from pipeline.phantom import PhantomCase, PhantomSettings
from pipeline.study import Role
from pipeline.volume import Volume

CLASSIC = ("ge", "siemens", "philips", "uih", "canon", "toshiba", "unknown")
ENHANCED = ("siemens-xa", "philips-enhanced")
EVERY = ("ge", "siemens", "siemens-xa", "philips", "philips-enhanced", "uih", "canon", "toshiba", "unknown")

Edit = Callable[[PhantomCase, StudyPlan], StudyPlan]
Pose = Callable[[PhantomCase], PhantomCase]
Spoil = Callable[[Sequence[WrittenFrame]], None]
"""Damages files that were written."""


def as_planned(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Change nothing."""
    return plan


def as_written(_frames: Sequence[WrittenFrame]) -> None:
    """Damage nothing."""


def as_scanned(case: PhantomCase) -> PhantomCase:
    """Leave the patient as he lies."""
    return case


@dataclass(frozen=True)
class Scenario:
    """What is written and what a node must answer.

    Parameters
    ----------
    summary
        One line for ``--list``.
    edit
        Changes the usual plan.
    code
        Expected refusal code; None where the study must be accepted.
    vendors
        For which it makes sense.
    pose
        Changes how the images lie, and the truth with them.
    settings
        Of the case.
    spoil
        Damages what was written; the truth is not changed with it.
    """

    summary: str
    edit: Edit = as_planned
    code: str | None = None
    vendors: tuple[str, ...] = EVERY
    pose: Pose = as_scanned
    settings: PhantomSettings = field(default_factory=PhantomSettings)
    spoil: Spoil = as_written

    @property
    def status(self) -> str:
        """What series matching must answer: ``accepted`` or ``refused``."""
        return "accepted" if self.code is None else "refused"


def also(*edits: Edit) -> Edit:
    """Return the edits one after another."""

    def edit(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        for step in edits:
            plan = step(case, plan)
        return plan

    return edit


def moved_to(at_s: float) -> Callable[[SeriesPlan], SeriesPlan]:
    """Return a change that acquires a series at another instant, s after the injection."""

    def change(series: SeriesPlan) -> SeriesPlan:
        shift = at_s - series.at_s
        return replace(series, parts=tuple(replace(part, at_s=part.at_s + shift) for part in series.parts))

    return change


def no_longer(series: SeriesPlan, **changes: object) -> SeriesPlan:
    """Return a copy of a series that fills no role, for repeats and copies."""
    parts = tuple(replace(part, role=None) for part in series.parts)
    return replace(series, parts=parts, **changes)  # type: ignore[arg-type]  # as `replace` itself


_BLUR = 0.8
"""Pixels."""
_TISSUE, _TO_DEVIATION = 0.25, 1.4826


def between(first: Volume, second: Volume, share: float) -> Volume:
    """Return what lies between two phases, `share` of the way: contrast that comes or goes, with its own noise.

    No acquisition shares its noise with another, by which matching tells copies; a mean of two would.
    """
    # Smoothed first, as quick phases are: it takes the noise that both phases gave.
    blend = gaussian_filter((1 - share) * first.array + share * second.array, (0, _BLUR, _BLUR))
    tissue = second.array > _TISSUE * np.percentile(second.array, 90)
    curved = np.diff(second.array.astype(np.float64), 2, axis=2)[tissue[:, :, 1:-1]]
    # Second differences of white noise have six times its variance.
    spread = _TO_DEVIATION * np.median(np.abs(curved)) / np.sqrt(6)
    noise = np.random.default_rng(round(1000 * share)).normal(0, spread, blend.shape)
    return Volume(np.rint(np.where(tissue, np.maximum(blend + noise, 0), blend)), first.grid)


def without_roles(parts: Sequence[Part], role: Role) -> tuple[Part, ...]:
    """Return `parts` without those that fill `role`."""
    return tuple(part for part in parts if part.role is not role)
