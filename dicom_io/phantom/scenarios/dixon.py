"""Dixon imaging in every vendor's coding."""

from dataclasses import replace

import numpy as np

from dicom_io.phantom.plan import Dixon, Part, Quirk, SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.scenario import Edit, Scenario, also, moved_to
from dicom_io.phantom.scenarios.clocks import dynamic, with_quirks
from pipeline.phantom import PhantomCase
from pipeline.volume import Volume

FAT_SHARE = 0.15
"""Of the water signal. No fat image was simulated; a fixed share stands for it."""

LATE_DYNAMIC_S = 300.0

_PHASES = (SeriesKind.T1_PRE, SeriesKind.T1_ARTERIAL, SeriesKind.T1_PORTAL, SeriesKind.T1_HEPATOBILIARY)
_WEIGHTS = {Dixon.WATER: 1.0, Dixon.FAT: FAT_SHARE, Dixon.IN_PHASE: 1 + FAT_SHARE, Dixon.OPPOSED: 1 - FAT_SHARE}


def dixon_parts(part: Part) -> tuple[Part, ...]:
    """Return the four Dixon images of a volume; the water image keeps its role."""
    return tuple(
        replace(
            part,
            volume=Volume(np.rint(weight * part.volume.array), part.volume.grid),
            dixon=dixon,
            role=part.role if dixon is Dixon.WATER else None,
        )
        for dixon, weight in _WEIGHTS.items()
    )


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
        for index, dixon in enumerate(_WEIGHTS)
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
