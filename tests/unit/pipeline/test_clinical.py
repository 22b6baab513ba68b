"""The clinical features: complete or missing, never invented."""

import time as clock
from datetime import date, time, timedelta

import pytest

from config.analytes import AnalyteRules, DateWindow, load_analytes
from pipeline.classification import CLINICAL_FEATURES
from pipeline.clinical import clinical_features
from pipeline.specimen import Examined
from pipeline.study import Analyte, ClinicalValue

RULES = load_analytes()
EXAMINED = date(2024, 3, 10)
NORMAL = {
    Analyte.AST: 31.0,
    Analyte.GGT: 52.0,
    Analyte.TOTAL_PROTEIN: 70.0,
    Analyte.LYMPHOCYTE_RATIO: 30.0,
    Analyte.FIBRINOGEN: 2.9,
    Analyte.HBCAB: 1.0,
}


def values(age_days: int = 3, changed: dict[Analyte, float] | None = None) -> dict[Analyte, ClinicalValue]:
    numbers = NORMAL | (changed or {})
    taken = EXAMINED - timedelta(days=age_days)
    return {analyte: ClinicalValue(number, taken, "csv") for analyte, number in numbers.items()}


def test_all_values_give_the_seven_features_in_the_order_of_the_classifier() -> None:
    found = clinical_features(values(), tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES)
    assert found.complete is not None
    assert tuple(found.complete) == CLINICAL_FEATURES
    assert found.complete["tumour_size_mm"] == 41.0
    assert found.complete["fibrinogen_g_per_l"] == 2.9
    assert found.missing == found.warnings == ()


def test_no_values_name_all_six_and_warn_of_none() -> None:
    found = clinical_features({}, tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES)
    assert found.complete is None
    assert found.missing == tuple(analyte.value for analyte in Analyte)
    assert found.warnings == ()


@pytest.mark.parametrize("analyte", list(Analyte))
def test_one_absent_value_is_named_and_not_imputed(analyte: Analyte) -> None:
    received = values()
    del received[analyte]
    found = clinical_features(received, tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES)
    assert found.complete is None
    assert found.missing == (analyte.value,)


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("TOTAL_PROTEIN", 7.0, "Total protein was not used: 7 was received, and it is plausible from 20 to 150"),
        ("FIBRINOGEN", 290.0, "Fibrinogen was not used: 290 was received"),
        ("LYMPHOCYTE_RATIO", 130.0, "Lymphocyte ratio was not used"),
        ("AST", -1.0, "AST was not used"),
        ("GGT", float("nan"), "GGT was not used"),
        ("HBCAB", 0.5, "HBcAb was not used: 0.5 was received, and it must be 0 or 1"),
    ],
)
def test_implausible_value_is_missing_with_a_sentence(name: str, number: float, text: str) -> None:
    found = clinical_features(
        values(changed={Analyte[name]: number}), tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES
    )
    assert found.complete is None
    assert found.missing == (Analyte[name].value,)
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith(text)


@pytest.mark.parametrize(("age_days", "used"), [(1, True), (30, True), (31, False), (-1, False)])
def test_value_outside_the_window_is_missing(age_days: int, used: bool) -> None:
    found = clinical_features(values(age_days), tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES)
    assert (found.complete is not None) is used
    if not used:
        side = "after" if age_days < 0 else "before"
        assert f"{abs(age_days)} days {side} the images" in found.warnings[0]


def test_window_is_not_checked_where_a_date_is_unknown() -> None:
    undated = {analyte: ClinicalValue(number) for analyte, number in NORMAL.items()}
    some = values() | {Analyte.GGT: ClinicalValue(52.0), Analyte.HBCAB: ClinicalValue(1.0)}
    for received, examined, named in (
        (undated, Examined(EXAMINED), "AST, GGT, Total protein, Lymphocyte ratio, Fibrinogen, HBcAb"),
        (values(400), Examined(), "AST, GGT, Total protein, Lymphocyte ratio, Fibrinogen, HBcAb"),
        (some, Examined(EXAMINED), "GGT, HBcAb"),
    ):
        found = clinical_features(received, tumour_size_mm=9.0, examined=examined, rules=RULES)
        assert found.complete
        assert found.warnings == (f"{named}: used although nothing says how old at the images.",)


def test_undated_value_is_missing_where_the_site_requires_a_date() -> None:
    document = RULES.model_dump()
    document["window"]["require_date"] = True
    undated = {analyte: ClinicalValue(number) for analyte, number in NORMAL.items()}
    strict = AnalyteRules.model_validate(document)
    found = clinical_features(undated, tumour_size_mm=9.0, examined=Examined(EXAMINED), rules=strict)
    assert len(found.missing) == len(found.warnings) == 6


def test_bound_when_the_model_was_not_trained_with_it_then_is_missing_and_said_as_received() -> None:
    received = values()
    taken = received[Analyte.AST].collected_on
    received[Analyte.AST] = ClinicalValue(5.0, taken, "hl7", comparator="<", original_value="< 5")
    found = clinical_features(received, tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES)
    assert (found.complete, found.missing) == (None, ("ast_u_per_l",))
    assert found.warnings == ("AST was not used: <5 was received, and the model takes no bound for a value.",)
    allowed = clinical_features(
        received, tumour_size_mm=41.0, examined=Examined(EXAMINED), rules=RULES, bounded=["ast_u_per_l"]
    )
    assert allowed.complete is not None
    assert allowed.complete["ast_u_per_l"] == 5.0
    assert allowed.warnings == ()


@pytest.mark.parametrize(
    ("collected_at", "began", "because"),
    [
        ("2024-03-10T08:30:00", time(9, 0), None),
        ("2024-03-10T09:00:00", time(9, 0), None),
        ("2024-03-10T09:30:00", time(9, 0), "after they began"),
        ("2024-03-10T00:00:00", time(9, 0), "after they began, or without a time"),
        ("2024-03-10", time(9, 0), "its time is not known"),
        ("2024-03-10T08:30:00", None, "the images do not tell their time"),
        ("2024-03-10T08:30:00+00:00", time(9, 0), None),
        ("2024-03-10T08:30:00-05:00", time(9, 0), "after they began"),
        ("2024-03-09", time(0, 1), None),
    ],
)
def test_value_when_taken_on_the_day_of_the_images_then_only_surely_before_them_counts(
    monkeypatch: pytest.MonkeyPatch, collected_at: str, began: time | None, because: str | None
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    clock.tzset()
    received = values()
    taken = date.fromisoformat(collected_at[:10])
    received[Analyte.AST] = ClinicalValue(31.0, taken, "hl7", collected_at=collected_at)
    images = Examined(EXAMINED, began)
    found = clinical_features(received, tumour_size_mm=41.0, examined=images, rules=RULES)
    assert (found.complete is not None) is (because is None)
    assert found.missing == (() if because is None else ("ast_u_per_l",))
    assert because is None or because in found.warnings[0]
    late = RULES.model_copy(update={"window": DateWindow(days_after=1)})
    assert clinical_features(received, tumour_size_mm=41.0, examined=images, rules=late).complete
