"""Whose images they are: sent twice, copied, split, mixed with another patient's or another study's."""

from dataclasses import replace

from dicom_io.phantom.plan import SeriesKind, SeriesPlan, StudyPlan
from dicom_io.phantom.scenario import Scenario, no_longer
from dicom_io.phantom.scenarios.geometry import middle
from pipeline.phantom import PhantomCase

_OTHERS = (SeriesKind.T2, SeriesKind.DWI, SeriesKind.ADC)


def _two_patients(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return plan.changing(lambda series: replace(series, owner="B"), *_OTHERS)


def _sent_twice(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return replace(plan, sent=2)


def _copied(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    late = plan.of(SeriesKind.T1_HEPATOBILIARY)
    return plan.adding(no_longer(late, key="copy", number=1000 + late.number))


def _coerced(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    copies = (
        no_longer(series, key=f"{series.key}copy", number=1000 + series.number, suffix=f"{series.suffix} COERCED")
        for series in plan.series
    )
    return plan.adding(*copies)


def _split_series(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Divide the portal phase into two series, as an archive does that limits their length."""
    series = plan.of(SeriesKind.T1_PORTAL)
    slices = series.parts[0].volume.grid.shape[0]
    first = 2 * slices // 3
    upper, lower = range(first, slices), range(first)
    halves = (
        replace(series, omit=frozenset(upper)),
        replace(series, omit=frozenset(lower), key="rest", number=1000 + series.number),
    )
    return plan.without(SeriesKind.T1_PORTAL).adding(*halves)


def _foreign_slice(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Replace a slice of the portal phase by one of an earlier study."""
    series = plan.of(SeriesKind.T1_PORTAL)
    slices = series.parts[0].volume.grid.shape[0]
    (k,) = middle(slices)
    foreign = no_longer(
        series,
        key="foreign",
        examination="earlier",
        frame_of_reference="earlier",
        omit=frozenset(range(slices)) - {k},
    )

    def change(item: SeriesPlan) -> SeriesPlan:
        return replace(item, omit=frozenset({k}))

    return plan.changing(change, SeriesKind.T1_PORTAL).adding(foreign)


def _foreign_patient_slice(case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    """Replace a slice of the portal phase by one of another patient, filed under this study."""

    def change(series: SeriesPlan) -> SeriesPlan:
        return replace(series, owner="B", examination="") if series.key == "foreign" else series

    return _foreign_slice(case, plan).changing(change, SeriesKind.T1_PORTAL)


SCENARIOS = {
    "two-patients": Scenario(
        "T2 and diffusion carry another patient's identity under the same study", _two_patients, "SM-PATIENT"
    ),
    "sent-twice": Scenario("every instance is sent a second time", _sent_twice),
    "copied-series": Scenario(
        "an archive copied the hepatobiliary phase under new UIDs; the first is right", _copied
    ),
    "coerced-study": Scenario(
        "an archive sent every series again under new UIDs and descriptions; the first are right", _coerced
    ),
    "split-series": Scenario(
        "the slices of the portal phase are spread over two series", _split_series, "SM-INCOMPLETE"
    ),
    "foreign-slice": Scenario(
        "one slice of the portal phase is of another study", _foreign_slice, "SM-INCOMPLETE"
    ),
    "foreign-patient-slice": Scenario(
        "one slice of the portal phase is of another patient", _foreign_patient_slice, "SM-PATIENT"
    ),
}
"""By name."""
