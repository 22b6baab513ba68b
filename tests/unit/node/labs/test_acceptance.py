"""The gate: code, unit and text must agree, or there is no value."""

from dataclasses import replace
from datetime import date

import pytest

from config.analytes import AnalyteRules, load_analytes
from node.labs.acceptance import accept, analyte_of, not_used_because, resembles
from node.labs.observation import AcceptedValue, CodedName, Observation, RefusedObservationError
from pipeline.study import Analyte

RULES = load_analytes()
TODAY = date(2026, 3, 1)


def observation(
    code: str = "1920-8",
    text: str = "AST",
    value: str = "41",
    unit: str = "U/L",
    *,
    system: str = "LN",
    collected_at: str = "2026-02-01",
) -> Observation:
    return Observation("OBX 1", (CodedName(code, text, system),), (value,), unit, collected_at)


def taken(found: Observation, rules: AnalyteRules = RULES) -> AcceptedValue:
    analyte = analyte_of(found, rules)
    assert analyte is not None
    return accept(found, analyte, rules, TODAY)


def refusal(found: Observation, rules: AnalyteRules = RULES) -> str:
    with pytest.raises(RefusedObservationError) as caught:
        taken(found, rules)
    return caught.value.code


@pytest.mark.parametrize(
    ("code", "text", "value", "unit", "expected"),
    [
        ("1920-8", "Aspartate aminotransferase", "41", "U/L", 41.0),
        ("30239-8", "ASAT (P5P)", "0.5", "µkat/L", 30.0),
        ("2324-2", "GGT", "60", "u/l", 60.0),
        ("2324-2", "γ-谷氨酰转移酶", "60", "U/L", 60.0),
        ("2885-2", "Protein total", "7.1", "g/dL", 71.0),
        ("736-9", "Limfocite", "31.5", "%", 31.5),
        ("3255-7", "Fibrinogen", "310", "mg/dL", 3.1),
        ("13952-7", "HBc Ab", "Non-Reactive", "", 0.0),
        ("16933-4", "Anti-HBc", "POSITIVE", "", 1.0),
    ],
)
def test_accept_when_all_agrees_then_the_value_has_the_unit_of_the_analyte(
    code: str, text: str, value: str, unit: str, expected: float
) -> None:
    found = taken(observation(code, text, value, unit))
    assert found.value == pytest.approx(expected)
    assert (found.original_value, found.original_unit, found.code) == (value, unit, f"{code} LN")


@pytest.mark.parametrize(
    ("code", "text", "unit"),
    [
        ("2324-2", "ALT", "U/L"),  # Public maps give the code of GGT to ALT,
        ("2324-2", "GPT (ALAT)", "U/L"),
        ("13952-7", "Anti-HCV", ""),  # and that of HBcAb to antibodies against hepatitis C.
        ("13952-7", "Hepatitis C virus Ab", ""),
        ("16933-4", "HBc IgM", ""),
        ("1920-8", "GGT", "U/L"),
        ("1920-8", "AST/ALT ratio", "U/L"),
        ("1920-8", "", "U/L"),
        ("1920-8", "something", "U/L"),
        ("3255-7", "Fibrinogen antigen", "g/L"),
        ("2885-2", "C reactive protein", "g/L"),
        ("736-9", "Lymphocytes absolute", "%"),
    ],
)
def test_accept_when_the_text_names_another_test_then_refuses(code: str, text: str, unit: str) -> None:
    assert refusal(observation(code, text, "41", unit)) == "LAB-TEXT"


def test_accept_when_one_of_two_texts_names_another_test_then_refuses() -> None:
    found = observation("2324-2", "GGT")
    assert refusal(replace(found, names=(*found.names, CodedName("X1", "ALT", "L")))) == "LAB-TEXT"
    assert taken(replace(found, names=(*found.names, CodedName("X1", "enzyme 7", "L")))).value == 41


@pytest.mark.parametrize("code", ["19177-5", "1834-1", "731-0", "24113-3", "2888-6", "3256-5"])
def test_code_when_refused_by_name_then_is_no_analyte_and_says_why(code: str) -> None:
    found = observation(code, "AFP", unit="ng/mL")
    assert analyte_of(found, RULES) is None
    assert not_used_because(found, RULES)


@pytest.mark.parametrize(
    ("value", "unit", "code"),
    [
        ("41", "", "LAB-UNIT"),
        ("41", "mU/mL", "LAB-UNIT"),
        ("41", "mg/dL", "LAB-UNIT"),
        ("", "U/L", "LAB-VALUE"),
        ("hemolysed", "U/L", "LAB-VALUE"),
        ("41,5", "U/L", "LAB-VALUE"),
        ("1e3", "U/L", "LAB-VALUE"),
        ("40-50", "U/L", "LAB-VALUE"),
        ("41 H", "U/L", "LAB-VALUE"),
        ("NaN", "U/L", "LAB-VALUE"),
        ("0", "U/L", "LAB-RANGE"),
        ("99999", "U/L", "LAB-RANGE"),
    ],
)
def test_accept_when_value_or_unit_is_in_doubt_then_refuses(value: str, unit: str, code: str) -> None:
    assert refusal(observation(value=value, unit=unit)) == code


@pytest.mark.parametrize(
    ("value", "unit", "code"),
    [("0.08", "", "LAB-VALUE"), ("1", "", "LAB-VALUE"), ("0.08", "S/CO", "LAB-UNIT"), ("1:80", "", "LAB-VALUE"),
     ("borderline", "", "LAB-VALUE")],
)  # fmt: skip
def test_accept_when_an_antibody_is_a_quantity_then_refuses(value: str, unit: str, code: str) -> None:
    assert refusal(observation("13952-7", "HBcAb", value, unit)) == code


def test_accept_when_code_and_text_of_a_coded_value_disagree_then_refuses() -> None:
    found = observation("13952-7", "HBcAb", unit="")
    assert taken(replace(found, values=("10828004", "Positive"))).value == 1
    assert refusal(replace(found, values=("10828004", "Negative"))) == "LAB-VALUE"


@pytest.mark.parametrize(("text", "comparator"), [("<5", "<"), ("> 1210", ">"), ("<=5", "<="), ("≥5", ">=")])
def test_accept_when_the_value_is_a_bound_then_keeps_the_comparator(text: str, comparator: str) -> None:
    found = taken(observation(value=text))
    assert (found.comparator, found.original_value) == (comparator, text)


@pytest.mark.parametrize("collected_at", ["", "2026-03-03"])
def test_accept_when_the_day_is_unknown_or_to_come_then_refuses(collected_at: str) -> None:
    assert refusal(observation(collected_at=collected_at)) == "LAB-TIME"


def test_local_code_when_a_site_maps_it_then_counts_and_the_system_must_fit() -> None:
    document = RULES.model_dump()
    document["analytes"]["ast_u_per_l"]["local"] = [{"code": "GOT7", "system": "99LAB"}]
    site = AnalyteRules.model_validate(document)
    local = observation("GOT7", "GOT", system="99LAB")
    assert analyte_of(local, RULES) is None
    assert resembles(local, RULES) is Analyte.AST
    assert taken(local, site).code == "GOT7 99LAB"
    assert analyte_of(observation("GOT7", "GOT", system="L"), site) is None


def test_codes_when_they_mean_different_things_then_refuses() -> None:
    found = observation()
    assert refusal(replace(found, names=(*found.names, CodedName("2324-2", "AST", "LN")))) == "LAB-CODE"
    assert refusal(replace(found, names=(*found.names, CodedName("1742-6", "AST", "LN")))) == "LAB-CODE"
