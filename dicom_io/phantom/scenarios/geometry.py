"""Where the images lie: tilted, turned, incomplete, on other grids, in other frames of reference."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dicom_io.phantom.plan import SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.poses import from_above, on_the_side, prone
from dicom_io.phantom.scenario import Edit, Scenario, no_longer
from pipeline.geometry import Grid
from pipeline.phantom import PhantomCase, PhantomSettings
from pipeline.volume import Volume


def omitting(kind: SeriesKind, which: Callable[[int], range]) -> Edit:
    """Return an edit that leaves out slices of every volume of a series, given their number."""

    def change(series: SeriesPlan) -> SeriesPlan:
        return replace(series, omit=frozenset(which(series.parts[0].volume.grid.shape[0])))

    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return plan.changing(change, kind)

    return edit


def middle(slices: int) -> range:
    """Return the slice in the middle."""
    return range(slices // 2, slices // 2 + 1)


def _elsewhere(*kinds: SeriesKind) -> Edit:
    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return plan.changing(lambda series: replace(series, frame_of_reference="moved"), *kinds)

    return edit


def _lying(position: str) -> Edit:
    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return replace(plan, patient_position=position)

    return edit


def _coarser(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Acquire the portal phase with half the matrix."""

    def change(series: SeriesPlan) -> SeriesPlan:
        parts = tuple(replace(part, volume=_halved(part.volume)) for part in series.parts)
        return replace(series, parts=parts)

    return plan.changing(change, SeriesKind.T1_PORTAL)


def _halved(volume: Volume) -> Volume:
    slices, rows, columns = volume.grid.shape
    array = volume.array.reshape(slices, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
    grid = volume.grid
    origin = np.round(grid.to_lps_mm([0.5, 0.5, 0]), 6)
    spacing = grid.spacing_xyz_mm * [2, 2, 1]
    return Volume(np.rint(array), Grid((slices, rows // 2, columns // 2), spacing, origin, grid.direction))


def _short_t2(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Plan T2 too high by two thirds of its height. What it shows lies elsewhere, so that it fills no role."""

    def change(series: SeriesPlan) -> SeriesPlan:
        (part,) = no_longer(series).parts
        grid = part.volume.grid
        origin = np.round(grid.to_lps_mm([0, 0, 2 * grid.shape[0] / 3]), 4)
        moved = Grid(grid.shape, grid.spacing_xyz_mm, origin, grid.direction)
        return replace(series, parts=(replace(part, volume=Volume(part.volume.array, moved)),))

    return plan.changing(change, SeriesKind.T2)


SCENARIOS = {
    "oblique": Scenario(
        "as standard, slices tilted by 12 and 7 degrees", settings=PhantomSettings(oblique_deg=12.0)
    ),
    "feet-first": Scenario("the patient lies feet first", _lying("FFS")),
    "decubitus": Scenario("the patient lies on the right side", _lying("HFDR"), pose=on_the_side),
    "prone": Scenario("the patient lies prone", _lying("HFP"), pose=prone),
    "flipped": Scenario("images run from left to right and from head to feet", pose=from_above),
    "gap": Scenario("the portal phase lacks a slice", omitting(SeriesKind.T1_PORTAL, middle), "SM-INCOMPLETE"),
    "gap-hepatobiliary": Scenario(
        "the hepatobiliary phase lacks a slice", omitting(SeriesKind.T1_HEPATOBILIARY, middle), "SM-INCOMPLETE"
    ),
    "other-frame-t2": Scenario("T2 has another frame of reference", _elsewhere(SeriesKind.T2), "SM-FOR"),
    "other-frame-hepatobiliary": Scenario(
        "the patient left the scanner before the hepatobiliary phase",
        _elsewhere(SeriesKind.T1_HEPATOBILIARY, SeriesKind.T1_CORONAL),
        "SM-FOR",
    ),
    "short-t2": Scenario("T2 covers a third of the liver", _short_t2, "SM-GEOM"),
    "other-grid": Scenario("the portal phase has half the matrix", _coarser, "SM-GEOM"),
}
"""By name."""
