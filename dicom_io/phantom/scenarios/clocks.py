"""Several phases in one series or object, and clocks that help or mislead."""

from dataclasses import replace

from dicom_io.phantom.plan import Agent, Quirk, SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.protocol import transitional
from dicom_io.phantom.scenario import CLASSIC, ENHANCED, Edit, Scenario, also
from pipeline.phantom import PhantomCase

DYNAMIC_KINDS = (SeriesKind.T1_PRE, SeriesKind.T1_ARTERIAL, SeriesKind.T1_PORTAL, SeriesKind.T1_TRANSITIONAL)

_BEFORE_MIDNIGHT_H = 24 - 45 / 3600


def dynamic(name: SeriesKind = SeriesKind.T1_DYNAMIC) -> Edit:
    """Return an edit that packs the phases from before contrast to the transitional one into one series."""

    def edit(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        phases = plan.adding(transitional(case, plan))
        packed = replace(
            phases.of(SeriesKind.T1_ARTERIAL),
            kind=SeriesKind.T1_DYNAMIC,
            name=name,
            parts=tuple(part for kind in DYNAMIC_KINDS for part in phases.of(kind).parts),
        )
        return plan.without(*DYNAMIC_KINDS).adding(packed)

    return edit


def with_quirks(*quirks: Quirk) -> Edit:
    """Return an edit that turns on habits of the scanner."""

    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return replace(plan, quirks=plan.quirks | set(quirks))

    return edit


def with_agent(agent: Agent) -> Edit:
    """Return an edit after which the headers say this about contrast."""

    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return replace(plan, agent=agent)

    return edit


def _injected_at(hours: float) -> Edit:
    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return replace(plan, injected_after_h=hours)

    return edit


def shuffled(series: SeriesPlan) -> SeriesPlan:
    """Return a series whose volumes are numbered slice by slice."""
    return replace(series, interleaved=True)


def _interleaved_dynamic(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return dynamic()(case, plan).changing(shuffled, SeriesKind.T1_DYNAMIC)


SCENARIOS = {
    "dynamic-series": Scenario("four phases in one series, told apart by the vendor's clock", dynamic()),
    "interleaved-dynamic": Scenario("four phases in one series, numbered slice by slice", _interleaved_dynamic),
    "drifting-trigger": Scenario(
        "four phases in one series; Trigger Time grows within each",
        also(dynamic(), with_quirks(Quirk.DRIFTING_TRIGGER)),
        vendors=("ge",),
    ),
    "object-per-phase": Scenario(
        "four phases in one series, a multi-frame object each",
        also(dynamic(), with_quirks(Quirk.OBJECT_PER_PART)),
        vendors=ENHANCED,
    ),
    "pre-post": Scenario("four phases in a series that is called PRE/POST", dynamic(SeriesKind.T1_PRE_POST)),
    "midnight": Scenario("the examination runs over midnight", _injected_at(_BEFORE_MIDNIGHT_H)),
    "midnight-undated": Scenario(
        "the examination runs over midnight, times without dates",
        also(_injected_at(_BEFORE_MIDNIGHT_H), with_quirks(Quirk.NO_DATES)),
        vendors=CLASSIC,
    ),
    "no-time": Scenario(
        "all phases give one and the same time", with_quirks(Quirk.NO_PHASE_TIME), "SM-NOTIME", CLASSIC
    ),
    "no-time-dynamic": Scenario(
        "four phases in one series without any clock",
        also(dynamic(), with_quirks(Quirk.NO_PHASE_TIME)),
        "SM-NOTIME",
        ("ge", "philips"),
    ),
    "injector-clock": Scenario(
        "the start of injection was typed on a clock an hour slow", with_agent(Agent(clock_error_s=-3600.0))
    ),
    "start-not-recorded": Scenario("no start of injection", with_agent(Agent(start_recorded=False))),
}
"""By name."""
