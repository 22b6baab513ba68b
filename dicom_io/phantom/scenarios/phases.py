"""Phases of contrast: repeated, several, too late, too early, missing, misnamed."""

from dataclasses import replace

from dicom_io.phantom.plan import Part, SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.protocol import transitional
from dicom_io.phantom.scenario import CLASSIC, Edit, Scenario, between, moved_to, no_longer
from pipeline.phantom import PhantomCase
from pipeline.study import Role

_TWIST_S = (15.0, 19.0, 23.0, 27.0, 31.0)
_ARTERIAL, _PORTAL, _LATE = SeriesKind.T1_ARTERIAL, SeriesKind.T1_PORTAL, SeriesKind.T1_HEPATOBILIARY


def _coming(case: PhantomCase, plan: StudyPlan, kind: SeriesKind, at_s: float, share: float) -> SeriesPlan:
    """Return a series of `kind` in which the arterial contrast has come by `share`."""
    volumes = case.study.volumes
    volume = between(volumes[Role.T1_PRE], volumes[Role.T1_ARTERIAL], share)
    return replace(plan.of(kind), parts=(Part(volume, at_s),), key=f"{at_s:.0f}")


def _triple_arterial(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    first = replace(_coming(case, plan, _ARTERIAL, 17.0, 0.4), number=30, suffix=" 1")
    second = replace(_coming(case, plan, _ARTERIAL, 25.0, 0.8), number=31, suffix=" 2")
    plan = plan.changing(moved_to(33.0), _ARTERIAL)
    return plan.changing(lambda series: replace(series, number=32, suffix=" 3"), _ARTERIAL).adding(first, second)


def _twist(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    early = [
        replace(
            _coming(case, plan, _ARTERIAL, at_s, (index + 1) / len(_TWIST_S)),
            number=30 + index,
            suffix=f"_TTC={at_s + 0.3:.1f}s",
        )
        for index, at_s in enumerate(_TWIST_S[:-1])
    ]
    plan = plan.changing(moved_to(_TWIST_S[-1]), _ARTERIAL)
    last = 30 + len(_TWIST_S) - 1
    suffix = f"_TTC={_TWIST_S[-1] + 0.3:.1f}s"
    return plan.changing(lambda series: replace(series, number=last, suffix=suffix), _ARTERIAL).adding(*early)


def _repeat_arterial(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    first = no_longer(moved_to(20.0)(plan.of(_ARTERIAL)), key="first", number=3)
    plan = plan.changing(moved_to(40.0), _ARTERIAL)
    return plan.changing(lambda series: replace(series, number=31), _ARTERIAL).adding(first)


def _aborted_arterial(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """End the first arterial breath-hold after two thirds of its slices."""
    plan = _repeat_arterial(_case, plan)
    slices = plan.of(_PORTAL).parts[0].volume.grid.shape[0]
    aborted = frozenset(range(2 * slices // 3, slices))
    return replace(
        plan,
        series=tuple(
            replace(series, omit=aborted) if series.kind is _ARTERIAL and series.key == "first" else series
            for series in plan.series
        ),
    )


def _repeat_portal(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    first = no_longer(moved_to(52.0)(plan.of(_PORTAL)), key="first", number=4)
    plan = plan.changing(moved_to(74.0), _PORTAL)
    return plan.changing(lambda series: replace(series, number=41), _PORTAL).adding(first)


def _two_portal(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return plan.adding(no_longer(moved_to(95.0)(plan.of(_PORTAL)), key="second", number=41, suffix=" 2"))


def _no_hepatobiliary(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return plan.without(_LATE, SeriesKind.T1_CORONAL).adding(transitional(case, plan))


def _three_hepatobiliary(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    late, steep = plan.of(_LATE), plan.of(_LATE).parameters
    coming = between(case.distractors["T1_TRANSITIONAL"], case.study.volumes[Role.T1_HEPATOBILIARY], 0.6)
    ten = replace(late, parts=(Part(coming, 610.0),), key="10", number=80)
    fifteen = no_longer(moved_to(900.0)(late), key="15", number=81)
    steeper = no_longer(moved_to(1320.0)(late), key="22", number=82, parameters=replace(steep, flip_deg=30.0))
    return plan.adding(ten, fifteen, steeper)


def _full_dynamic(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    three = transitional(case, plan)
    return plan.adding(three, replace(moved_to(300.0)(three), key="5", number=51))


def _hepatobiliary_at(at_s: float) -> Edit:
    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return plan.without(SeriesKind.T1_CORONAL).changing(moved_to(at_s), _LATE)

    return edit


def _early_hepatobiliary(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    plan = plan.without(SeriesKind.T1_CORONAL, SeriesKind.T2, SeriesKind.DWI, SeriesKind.ADC).adding(
        *(moved_to(at_s)(plan.of(kind)) for kind, at_s in ((SeriesKind.T2, -300.0), (SeriesKind.DWI, -240.0)))
    )
    # No series has this volume's role: at eight minutes it is not yet a hepatobiliary phase.
    return plan.changing(lambda series: no_longer(moved_to(480.0)(series)), _LATE)


def _swapped(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    plan = plan.changing(lambda series: replace(series, name=_PORTAL), _ARTERIAL)
    return plan.changing(lambda series: replace(series, name=_ARTERIAL), _PORTAL)


def _reversed(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Exchange the images of the first and last phase, and of the two between, under their names and times."""
    plan = _exchanged(plan, SeriesKind.T1_PRE, _LATE)
    return _exchanged(plan, _ARTERIAL, _PORTAL)


def _exchanged(plan: StudyPlan, one: SeriesKind, other: SeriesKind) -> StudyPlan:
    (a,), (b,) = plan.of(one).parts, plan.of(other).parts

    def change(series: SeriesPlan) -> SeriesPlan:
        own, given = (a, b) if series.kind is one else (b, a)
        return replace(series, parts=(replace(own, volume=given.volume, role=given.role),))

    return plan.changing(change, one, other)


def _missing(*kinds: SeriesKind) -> Edit:
    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return plan.without(*kinds)

    return edit


SCENARIOS = {
    "no-hepatobiliary": Scenario("the last T1 is a transitional phase at 3 min", _no_hepatobiliary, "SM-NOHBP"),
    "missing-t2": Scenario("no T2 series", _missing(SeriesKind.T2), "SM-MISSING-T2"),
    "missing-dwi": Scenario("no diffusion series", _missing(SeriesKind.DWI, SeriesKind.ADC), "SM-MISSING-DWI"),
    "missing-pre": Scenario(
        "no T1 before contrast",
        _missing(SeriesKind.T1_PRE, SeriesKind.T1_SUBTRACTION),
        "SM-MISSING-T1_PRE",
    ),
    "missing-arterial": Scenario(
        "no arterial phase", _missing(_ARTERIAL, SeriesKind.T1_SUBTRACTION), "SM-MISSING-T1_ARTERIAL"
    ),
    "missing-portal": Scenario("no portal venous phase", _missing(_PORTAL), "SM-MISSING-T1_PORTAL"),
    "missing-hepatobiliary": Scenario(
        "nothing after the portal venous phase", _missing(_LATE, SeriesKind.T1_CORONAL), "SM-NOHBP"
    ),
    "coronal-hepatobiliary": Scenario("the hepatobiliary phase is coronal only", _missing(_LATE), "SM-NOHBP"),
    "triple-arterial": Scenario("three arterial phases; the late one is right", _triple_arterial),
    "twist": Scenario(
        "five arterial phases of a time-resolved sequence, one series each",
        _twist,
        vendors=("siemens", "siemens-xa"),
    ),
    "repeat-arterial": Scenario("the arterial breath-hold was repeated; the later one is right", _repeat_arterial),
    "aborted-arterial": Scenario(
        "the arterial breath-hold was aborted and repeated; the complete one is right", _aborted_arterial
    ),
    "repeat-portal": Scenario("the portal breath-hold was repeated; the later one is right", _repeat_portal),
    "two-portal": Scenario("two different portal venous phases at 65 and 95 s", _two_portal, "SM-AMBIG-T1_PORTAL"),
    "full-dynamic": Scenario("transitional phases at 3 and 5 min as well", _full_dynamic),
    "three-hepatobiliary": Scenario(
        "hepatobiliary phases at 10, 15, 20 and 22 min, two flip angles, a coronal one", _three_hepatobiliary
    ),
    "late-hepatobiliary": Scenario("the hepatobiliary phase at 45 min", _hepatobiliary_at(2700.0)),
    "early-hepatobiliary": Scenario(
        "what is called hepatobiliary was acquired at 8 min", _early_hepatobiliary, "SM-NOHBP"
    ),
    "reversed-phases": Scenario(
        "headers without fault, and the images of the four phases in reverse: only the pixels tell",
        _reversed,
        "SM-PIXEL",
    ),
    "swapped-phases": Scenario(
        "arterial and portal venous phase bear each other's names", _swapped, "SM-ORDER", vendors=CLASSIC
    ),
}
"""By name."""
