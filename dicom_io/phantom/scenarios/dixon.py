"""Dixon imaging in every vendor's coding."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dicom_io.phantom.plan import Dixon, Part, Quirk, SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.scenario import Edit, Scenario, also, moved_to
from dicom_io.phantom.scenarios.clocks import dynamic, with_quirks
from pipeline.phantom import PhantomCase
from pipeline.volume import Volume

FAT_RESIDUAL = 0.14
"""Of the signal of fat, what its suppression leaves in the images that the phantom acquires."""

_GAS = 2.2
"""Times the noise of air: what is darker inside the body is gas."""

_DARK, _DARK_PERCENT = 0.34, 30
"""Of the 90th percentile of the body: most of what is darker is fat, of this percentile at its brightness."""

_ALL_FAT, _NO_FAT = 1.3, 1.7
"""Times the brightness of suppressed fat: up to there fat alone, from there on water alone."""

_TO_SIGMA = 1 / np.sqrt(np.pi / 2)
"""From the mean of a magnitude image in air to the deviation of its noise (doi:10.1002/mrm.1910340618)."""

_CORNER = 4
"""Pixels of a corner of the image, where nobody lies."""

LATE_DYNAMIC_S = 300.0

_PHASES = (SeriesKind.T1_PRE, SeriesKind.T1_ARTERIAL, SeriesKind.T1_PORTAL, SeriesKind.T1_HEPATOBILIARY)


def dixon_parts(part: Part) -> tuple[Part, ...]:
    """Return the four Dixon images of a volume; the water image keeps its role.

    Fat takes up no contrast: its image is the same in every phase but for breath and noise.
    """
    water = part.volume.array
    fat = fat_image(part.volume, seed=round(1000 * abs(part.at_s)))
    images = {
        Dixon.WATER: water,
        Dixon.FAT: fat,
        Dixon.IN_PHASE: water + fat,
        Dixon.OPPOSED: np.abs(water - fat),
    }
    return tuple(
        replace(
            part,
            volume=Volume(np.rint(image), part.volume.grid),
            dixon=dixon,
            role=part.role if dixon is Dixon.WATER else None,
        )
        for dixon, image in images.items()
    )


def fat_image(water: Volume, *, seed: int) -> npt.NDArray[np.float32]:
    """Return the fat image beside a fat-suppressed volume, (k, j, i), in its scale.

    Parameters
    ----------
    water
        Fat-suppressed; fat is what it leaves dark inside the body.
    seed
        Of the noise, that of `water` in strength.
    """
    array = water.array.astype(np.float64)
    air = float(array[:, :_CORNER, :_CORNER].mean())
    body = array > _GAS * air
    dark = array[body & (array < _DARK * np.percentile(array[body], 90))]
    level = float(np.percentile(dark, _DARK_PERCENT)) if dark.size else 0.0
    share = np.clip((_NO_FAT - array / max(level, 1.0)) / (_NO_FAT - _ALL_FAT), 0, 1) * body
    real, imaginary = np.random.default_rng(seed).normal(0, air * _TO_SIGMA, (2, *array.shape))
    return np.asarray(np.hypot(level / FAT_RESIDUAL * share + real, imaginary), np.float32)


def _together(series: SeriesPlan) -> SeriesPlan:
    return replace(series, parts=tuple(image for part in series.parts for image in dixon_parts(part)))


def _split(series: SeriesPlan, factor: int) -> list[SeriesPlan]:
    """Return a series for each Dixon image, numbered `factor` times the number and up."""
    return [
        replace(
            series,
            parts=tuple(image for part in series.parts for image in dixon_parts(part) if image.dixon is dixon),
            number=factor * series.number + index,
            key=dixon.value,
        )
        for index, dixon in enumerate(Dixon)
    ]


def dixon_series(factor: int, *kinds: SeriesKind) -> Edit:
    """Return an edit that divides series into one for each Dixon image, numbered from `factor` times theirs."""

    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        found = [series for series in plan.series if series.kind in kinds]
        return plan.without(*kinds).adding(*(one for series in found for one in _split(series, factor)))

    return edit


def _mdixon(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Pack five dynamics of four types into one series, and the late phase into another."""
    packed = plan.of(SeriesKind.T1_DYNAMIC)
    late = moved_to(LATE_DYNAMIC_S)(replace(packed, parts=packed.parts[-1:]))
    plan = plan.changing(lambda series: replace(series, parts=(*series.parts, *late.parts)), SeriesKind.T1_DYNAMIC)
    return plan.changing(_together, SeriesKind.T1_DYNAMIC, SeriesKind.T1_HEPATOBILIARY)


SCENARIOS = {
    "dixon": Scenario(
        "every phase as water, fat, in- and opposed-phase series",
        dixon_series(10, *_PHASES),
        vendors=("siemens", "siemens-xa", "uih", "canon", "toshiba", "unknown"),
    ),
    "dixon-hundreds": Scenario(
        "LAVA-Flex: Dixon images as series numbered in hundreds", dixon_series(100, *_PHASES), vendors=("ge",)
    ),
    "dixon-dynamic": Scenario(
        "water, fat, in- and opposed-phase series of four phases each",
        also(dynamic(), dixon_series(100, SeriesKind.T1_DYNAMIC), dixon_series(100, SeriesKind.T1_HEPATOBILIARY)),
        vendors=("ge", "siemens", "siemens-xa"),
    ),
    "mdixon": Scenario(
        "five dynamics of four Dixon types in one series",
        also(dynamic(), _mdixon),
        vendors=("philips", "philips-enhanced"),
    ),
    "mdixon-r12": Scenario(
        "the same with the frame types of release 12",
        also(dynamic(), _mdixon, with_quirks(Quirk.R12_FRAME_TYPES)),
        vendors=("philips-enhanced",),
    ),
}
"""By name."""
