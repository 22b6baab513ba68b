"""Images that a workstation computed and sent as acquisitions, under names that no lexicon knows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from dicom_io.phantom.plan import SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.scenario import Edit, Scenario, moved_to, no_longer
from pipeline.phantom import PhantomCase
from pipeline.volume import Volume

_ARTERIAL, _PORTAL, _LATE = SeriesKind.T1_ARTERIAL, SeriesKind.T1_PORTAL, SeriesKind.T1_HEPATOBILIARY
Process = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


def _sharpened(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    smooth = gaussian_filter(array.astype(np.float64), (0, 1, 1))
    return np.clip(np.rint(2 * array - smooth), 0, None).astype(np.float32)


def _through(process: Process) -> Callable[[SeriesPlan], SeriesPlan]:
    def change(series: SeriesPlan) -> SeriesPlan:
        return replace(
            series,
            parts=tuple(
                replace(part, volume=Volume(process(part.volume.array), part.volume.grid)) for part in series.parts
            ),
        )

    return change


def _copy_of(kind: SeriesKind, later_s: float) -> Edit:
    """Add a sharpened copy of a phase that says it was acquired later."""

    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        original = plan.of(kind)
        copy = _through(_sharpened)(no_longer(original, key="edge", number=original.number + 60, suffix=" EDGE"))
        return plan.adding(moved_to(original.at_s + later_s)(copy))

    return edit


def _portal_from_arterial(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Send a sharpened copy of the arterial phase in the place of the portal venous one."""
    portal, arterial = plan.of(_PORTAL), plan.of(_ARTERIAL)
    (own,), (given,) = portal.parts, arterial.parts
    return plan.changing(
        lambda series: _through(_sharpened)(replace(series, parts=(replace(own, volume=given.volume),))), _PORTAL
    )


SCENARIOS = {
    "sharpened-arterial": Scenario(
        "a sharpened copy of the arterial phase says that it was acquired 8 s later",
        _copy_of(_ARTERIAL, 8.0),
        "SM-AMBIG-T1_ARTERIAL",
    ),
    "sharpened-hepatobiliary": Scenario(
        "a sharpened copy of the hepatobiliary phase says that it was acquired a minute later",
        _copy_of(_LATE, 60.0),
        "SM-AMBIG-T1_HEPATOBILIARY",
    ),
    "copied-portal": Scenario(
        "what is called portal venous is a sharpened copy of the arterial phase",
        _portal_from_arterial,
        "SM-PIXEL",
    ),
}
"""By name."""
