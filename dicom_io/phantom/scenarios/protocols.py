"""Whole protocols: what a clinical list of series holds besides the six."""

from dataclasses import replace

import numpy as np

from dicom_io.phantom.plan import Making, Parameters, Part, SeriesKind, SeriesPlan, StudyPlan, Technique
from dicom_io.phantom.protocol import transitional
from dicom_io.phantom.scenario import EVERY, Scenario, also
from pipeline.phantom import PhantomCase, PhantomSettings
from pipeline.study import Role
from pipeline.volume import Volume

_BEFORE_S = -200.0
_BOLUS_S = (12.0, 13.0, 14.0, 15.0, 16.0)


def dual_echo(case: PhantomCase) -> SeriesPlan:
    """Return opposed- and in-phase images of one 2D series, slice by slice."""
    water = case.study.volumes[Role.T1_PRE]
    opposed = Volume(np.rint(0.85 * water.array), water.grid)
    parts = (Part(opposed, _BEFORE_S, te_ms=1.15), Part(water, _BEFORE_S, te_ms=2.3))
    return SeriesPlan(
        SeriesKind.DUAL_ECHO, 20, Parameters(Technique.SPOILED_2D, 150.0, 1.15, 70.0), parts, interleaved=True
    )


def _in_and_opposed(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return plan.adding(dual_echo(case))


def _derived(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Add a projection of the arterial and a reformat of the portal phase."""
    return plan.adding(
        _made(plan.of(SeriesKind.T1_ARTERIAL), SeriesKind.T1_MIP, Making.MIP, 301),
        _made(plan.of(SeriesKind.T1_PORTAL), SeriesKind.T1_MPR, Making.MPR, 401),
    )


def _made(series: SeriesPlan, kind: SeriesKind, making: Making, number: int) -> SeriesPlan:
    parts = tuple(replace(part, making=making, role=None) for part in series.parts)
    return replace(series, kind=kind, number=number, parts=parts)


def _several_t2(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Add T2 without fat suppression and a single-shot one."""
    series = plan.of(SeriesKind.T2)
    return plan.adding(
        _like(series, SeriesKind.T2_PLAIN, 61, series.parameters, 380.0),
        _like(
            series,
            SeriesKind.T2_SINGLE_SHOT,
            62,
            replace(series.parameters, technique=Technique.SINGLE_SHOT),
            420.0,
        ),
    )


def _like(series: SeriesPlan, kind: SeriesKind, number: int, parameters: Parameters, at_s: float) -> SeriesPlan:
    parts = tuple(replace(part, at_s=at_s, role=None) for part in series.parts)
    return replace(series, kind=kind, number=number, parameters=parameters, parts=parts)


def _busy(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Add bolus tracking, cholangiography, a balanced sequence and the transitional phase."""
    t2, arterial = plan.of(SeriesKind.T2), plan.of(SeriesKind.T1_ARTERIAL)
    centre = arterial.parts[0].volume
    slab = Volume(centre.array[:1], replace(centre.grid, shape=(1, *centre.grid.shape[1:])))
    bolus = SeriesPlan(
        SeriesKind.BOLUS,
        21,
        Parameters(Technique.SPOILED_2D, 4.0, 1.5, 20.0),
        tuple(Part(slab, at_s) for at_s in _BOLUS_S),
    )
    shot, steady = Technique.SINGLE_SHOT, Technique.BALANCED
    return plan.adding(
        bolus,
        _like(t2, SeriesKind.MRCP, 63, Parameters(shot, 4000.0, 740.0, 90.0), 450.0),
        _like(t2, SeriesKind.BALANCED, 64, Parameters(steady, 4.2, 2.1, 60.0), 480.0),
        transitional(case, plan),
    )


SCENARIOS = {
    "derived": Scenario("a projection and a reformat beside the subtraction", _derived),
    "in-opposed-interleaved": Scenario("in- and opposed-phase images alternate in one series", _in_and_opposed),
    "several-t2": Scenario("T2 with and without fat suppression and a single-shot one", _several_t2),
    "busy": Scenario(
        "a clinical list: bolus tracking, dual echo, cholangiography, balanced, T2 three times, derived series",
        also(_several_t2, _in_and_opposed, _derived, _busy),
        vendors=EVERY,
    ),
    "low-field": Scenario("as standard at 1.5 T", settings=PhantomSettings(field_strength_t=1.5)),
}
"""By name."""
