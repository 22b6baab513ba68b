"""Protocols drawn at random and written by any vendor's scanner: order, repeats, packing, parameters, noise."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.series_rules import SeriesRules
from dicom_io.assembly import match_studies, scan_folder
from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.plan import Agent, Parameters, Part, SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.protocol import transitional, usual_plan
from dicom_io.phantom.scenario import moved_to, no_longer
from dicom_io.phantom.scenarios import SCENARIOS
from dicom_io.phantom.scenarios.clocks import dynamic
from dicom_io.phantom.scenarios.diffusion import weighted
from dicom_io.phantom.scenarios.dixon import dixon_series
from dicom_io.phantom.truth import truth_document
from dicom_io.phantom.vendors import DIALECTS
from dicom_io.phantom.writing import write_study
from pipeline.phantom import PhantomCase
from pipeline.study import Role
from tests.integration.scenario_table import Outcome, wrong_roles

PHASES = (SeriesKind.T1_PRE, SeriesKind.T1_ARTERIAL, SeriesKind.T1_PORTAL, SeriesKind.T1_HEPATOBILIARY)
NOISE = ("derived", "in-opposed-interleaved", "several-t2")
AGENTS = (Agent(), Agent(start_recorded=False), Agent("Primovist", ()), Agent("CONTRAST", ()), Agent("", ()))


def draw_plan(case: PhantomCase, vendor: str, draw: random.Random, *, without: Role | None = None) -> StudyPlan:
    """Draw a protocol.

    Parameters
    ----------
    without
        A role that no series fills.
    """
    plan = _with_times(usual_plan(case), draw)
    plan = _with_parameters(plan, draw)
    plan = _with_b_values(case, plan, draw)
    plan = _with_repeats(plan, draw)
    for name in NOISE:
        if draw.random() < 0.3:
            plan = SCENARIOS[name].edit(case, plan)
    plan = _packed(case, plan, vendor, draw) if without is None else _lacking(plan, without)
    return replace(plan, agent=draw.choice(AGENTS), series=_renumbered(plan.series, draw))


def answer_at_random(
    case: PhantomCase, seed: int, folder: Path, rules: SeriesRules, *, lacking: bool = False
) -> Outcome:
    """Write the protocol of a seed for a vendor drawn with it, match it and compare.

    Parameters
    ----------
    lacking
        Whether a role, drawn as well, is missing; then any refusal is right.
    """
    draw = random.Random(seed)
    vendor, without = draw.choice(list(DIALECTS)), draw.choice(list(Role)) if lacking else None
    plan = draw_plan(case, vendor, draw, without=without)
    identity = PhantomIdentity(seed, f"{vendor}/random", plan.injected_after_h)
    out = folder / f"random-{seed}-{lacking}"
    frames = write_study(plan, out, identity, DIALECTS[vendor], 3.0)
    truth: dict[str, Any] = truth_document(case, frames, vendor=vendor, scenario="random", code=None)
    (result,) = match_studies(scan_folder(out), rules)
    wrong = wrong_roles(result, truth["roles"]) if result.code is None else ()
    expected = result.code if lacking else _refusal(plan)
    return Outcome(vendor, f"random {seed} without {without}", expected, result.code, wrong, result.message)


def _refusal(plan: StudyPlan) -> str | None:
    """Name the code of a complete protocol that nobody could match.

    Phases that share a series have no names of their own; where no injection is recorded either, a study without
    its first phase would look the same, all phases moved by one.
    """
    together = any(series.kind is SeriesKind.T1_DYNAMIC for series in plan.series)
    recorded = plan.agent.start_recorded and (plan.agent.name or plan.agent.code)
    return f"SM-WEAK-{Role.T1_ARTERIAL}" if together and not recorded else None


def _with_times(plan: StudyPlan, draw: random.Random) -> StudyPlan:
    arterial = draw.uniform(20, 38)
    times = {
        SeriesKind.T1_PRE: -draw.uniform(30, 200),
        SeriesKind.T1_ARTERIAL: arterial,
        SeriesKind.T1_PORTAL: draw.uniform(max(60.0, arterial + 24), 85),
        SeriesKind.T1_HEPATOBILIARY: draw.uniform(900, 1500),
    }
    between = draw.random() < 0.6
    for kind in (SeriesKind.T2, SeriesKind.DWI):
        times[kind] = draw.uniform(330, 800) if between else -draw.uniform(250, 600)
    times[SeriesKind.ADC] = times[SeriesKind.DWI]
    times[SeriesKind.T1_SUBTRACTION] = arterial
    times[SeriesKind.T1_CORONAL] = times[SeriesKind.T1_HEPATOBILIARY] + 60
    for kind, at_s in times.items():
        plan = plan.changing(moved_to(round(at_s, 1)), kind)
    return plan


def _with_parameters(plan: StudyPlan, draw: random.Random) -> StudyPlan:
    tr_ms, te_ms, flip_deg = draw.uniform(2.6, 6.0), draw.uniform(0.9, 2.4), draw.choice((9.0, 10.0, 12.0, 15.0))
    late_flip_deg = draw.choice((flip_deg, 25.0, 30.0))
    values = dict.fromkeys((*PHASES, SeriesKind.T1_SUBTRACTION), (tr_ms, te_ms, flip_deg))
    values[SeriesKind.T1_HEPATOBILIARY] = (tr_ms, te_ms, late_flip_deg)
    values[SeriesKind.T2] = (draw.uniform(2000, 9000), draw.uniform(70, 110), draw.choice((90.0, 120.0, 150.0)))
    values[SeriesKind.DWI] = (draw.uniform(3000, 9000), draw.uniform(50, 85), 90.0)
    for kind, (tr, te, flip) in values.items():
        plan = plan.changing(_parametrised(round(tr, 2), round(te, 2), flip), kind)
    return plan


def _parametrised(tr_ms: float, te_ms: float, flip_deg: float) -> Callable[[SeriesPlan], SeriesPlan]:
    def change(series: SeriesPlan) -> SeriesPlan:
        return replace(series, parameters=Parameters(series.parameters.technique, tr_ms, te_ms, flip_deg))

    return change


def _with_b_values(case: PhantomCase, plan: StudyPlan, draw: random.Random) -> StudyPlan:
    low, high = plan.of(SeriesKind.DWI).parts
    others = [b for b in (50.0, 200.0, 400.0, 1000.0, 1200.0) if draw.random() < 0.4]
    more = [replace(low, volume=weighted(case, b), b_s_per_mm2=b) for b in others]
    parts: list[Part] = sorted([low, high, *more], key=lambda part: part.b_s_per_mm2 or 0.0)
    return plan.changing(lambda series: replace(series, parts=tuple(parts)), SeriesKind.DWI)


def _with_repeats(plan: StudyPlan, draw: random.Random) -> StudyPlan:
    if draw.random() < 0.3:
        pre = plan.of(SeriesKind.T1_PRE)
        plan = plan.adding(no_longer(moved_to(pre.at_s - 60)(pre), key="first"))
    if draw.random() < 0.3:
        late = plan.of(SeriesKind.T1_HEPATOBILIARY)
        plan = plan.adding(no_longer(moved_to(draw.uniform(1520, 2400))(late), key="later"))
    return plan


def _packed(case: PhantomCase, plan: StudyPlan, vendor: str, draw: random.Random) -> StudyPlan:
    way = draw.choice(("separate", "delayed", "dynamic", "dixon"))
    if way == "delayed":
        return plan.adding(transitional(case, plan, draw.uniform(150, 300)))
    single = all(series.key != "first" for series in plan.series)
    if way == "dynamic" and single:
        return dynamic()(case, plan)
    if way == "dixon" and vendor in SCENARIOS["dixon"].vendors:
        keyed = {series.kind for series in plan.series if series.key}
        return plan if keyed & set(PHASES) else dixon_series(10, *PHASES)(case, plan)
    return plan


def _lacking(plan: StudyPlan, role: Role) -> StudyPlan:
    """Leave out whatever could fill a role: repeats, and T2 without fat suppression or in a single shot."""
    others = {
        Role.T2: (SeriesKind.T2_PLAIN, SeriesKind.T2_SINGLE_SHOT),
        Role.T1_HEPATOBILIARY: (SeriesKind.T1_CORONAL,),
    }
    return plan.without(SeriesKind(role.value), *others.get(role, ()))


def _renumbered(series: tuple[SeriesPlan, ...], draw: random.Random) -> tuple[SeriesPlan, ...]:
    numbers = draw.sample(range(2, 900), len(series))
    return tuple(replace(item, number=number) for item, number in zip(series, numbers, strict=True))
