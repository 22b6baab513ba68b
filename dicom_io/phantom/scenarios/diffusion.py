"""Diffusion and T2: order against contrast, several b-values, directions, computed images."""

from dataclasses import replace

import numpy as np

from dicom_io.phantom.plan import Making, Part, Quirk, SeriesKind, StudyPlan
from dicom_io.phantom.scenario import Edit, Scenario, moved_to, no_longer, without_roles
from dicom_io.phantom.scenarios.clocks import with_quirks
from pipeline.phantom import PhantomCase
from pipeline.study import Role
from pipeline.volume import Volume

_CALCULATED_B = 1400.0
_AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_BEFORE_S = {SeriesKind.T2: -320.0, SeriesKind.DWI: -240.0, SeriesKind.ADC: -240.0}


def weighted(case: PhantomCase, b_s_per_mm2: float) -> Volume:
    """Return the diffusion image of another b-value: mono-exponential through those at 0 and 800 s/mm2."""
    unweighted, measured = case.distractors["DWI_B0"], case.study.volumes[Role.DWI]
    ratio = np.maximum(measured.array, 1) / np.maximum(unweighted.array, 1)
    return Volume(np.rint(unweighted.array * ratio ** (b_s_per_mm2 / 800.0)), measured.grid)


def _with_parts(plan: StudyPlan, *parts: Part) -> StudyPlan:
    return plan.changing(lambda series: replace(series, parts=parts), SeriesKind.DWI)


def _many_b(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    low, high = plan.of(SeriesKind.DWI).parts
    others = [replace(low, volume=weighted(case, b), b_s_per_mm2=b) for b in (50.0, 400.0, 1000.0)]
    return _with_parts(plan, low, others[0], others[1], high, others[2])


def _low_b_only(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    low = plan.of(SeriesKind.DWI).parts[0]
    return _with_parts(plan, low, replace(low, volume=weighted(case, 50.0), b_s_per_mm2=50.0))


def _calculated(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    low, high = plan.of(SeriesKind.DWI).parts
    computed = replace(
        low, volume=weighted(case, _CALCULATED_B), b_s_per_mm2=_CALCULATED_B, making=Making.CALCULATED_B
    )
    adc = replace(plan.of(SeriesKind.ADC).parts[0], at_s=low.at_s)
    return _with_parts(plan, low, high, computed, adc).without(SeriesKind.ADC)


def _directional(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    low, high = plan.of(SeriesKind.DWI).parts
    directions = [replace(high, gradient=axis, role=None) for axis in _AXES]
    return _with_parts(plan, low, *directions, high)


def _separate(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Give each b-value a series of its own."""
    series = plan.of(SeriesKind.DWI)
    low = replace(series, parts=series.parts[:1], key="low", number=70)
    return _with_parts(plan, *series.parts[1:]).adding(low)


def _before_contrast(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    for kind, at_s in _BEFORE_S.items():
        plan = plan.changing(moved_to(at_s), kind)
    return plan


def _before_and_after(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    before = [
        no_longer(moved_to(at_s)(plan.of(kind)), key="before", number=plan.of(kind).number + 50)
        for kind, at_s in _BEFORE_S.items()
    ]
    return plan.adding(*before)


def _lost_b_values(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    parts = without_roles(plan.of(SeriesKind.DWI).parts, Role.DWI)
    return _with_parts(plan, *parts)


def _unsaid() -> Edit:
    return with_quirks(Quirk.UNSAID_LOW_B)


SCENARIOS = {
    "diffusion-first": Scenario("T2 and diffusion before contrast", _before_contrast),
    "diffusion-twice": Scenario(
        "T2 and diffusion before and after contrast; the later are right", _before_and_after
    ),
    "many-b-values": Scenario("b = 0, 50, 400, 800 and 1000 s/mm2 in one series", _many_b),
    "b-values-apart": Scenario("a series for each b-value", _separate),
    "b-on-weighted-only": Scenario(
        "no b-value on images without weighting",
        _unsaid(),
        vendors=("ge", "siemens", "canon", "toshiba", "unknown"),
    ),
    "calculated-b": Scenario("ADC and computed b = 1400 s/mm2 in the diffusion series", _calculated),
    "directional": Scenario(
        "three directions and the trace at b = 800 s/mm2",
        _directional,
        vendors=("siemens", "siemens-xa", "philips", "philips-enhanced", "uih", "unknown"),
    ),
    "low-b-only": Scenario("b = 0 and 50 s/mm2 only", _low_b_only, "SM-MISSING-DWI"),
    "no-weighting": Scenario("only the images without diffusion weighting", _lost_b_values, "SM-MISSING-DWI"),
}
"""By name."""
