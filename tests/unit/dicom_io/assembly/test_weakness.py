"""Choices of a phase that too little speaks for: no names, no recorded injection, a word that the time denies."""

from pathlib import Path
from typing import Any

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import match_studies, scan_folder
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    DYNAMIC,
    GADOXETATE,
    T1,
    StudyWriter,
    standard,
)


@pytest.mark.parametrize(
    ("times_s", "recorded", "code"),
    [
        ((0, 125, 165, 1300), "100140", None),
        ((0, 125, 165, 1300), "", "SM-WEAK-T1_ARTERIAL"),
        # Without its arterial phase the study looks like a complete one with all phases moved by one.
        ((0, 165, 225, 1300), "", "SM-WEAK-T1_ARTERIAL"),
        ((0, 165, 225, 1300), "100140", "SM-WEAK-T1_ARTERIAL"),
    ],
)
def test_match_when_all_phases_are_called_alike_then_only_a_recorded_injection_tells_them_apart(
    writer: StudyWriter, match: Match, times_s: tuple[float, ...], recorded: str, code: str | None
) -> None:
    standard(writer, without=DYNAMIC)
    for time_s in times_s:
        given: dict[str, Any] = {**GADOXETATE, "ContrastBolusStartTime": recorded} if time_s else {}
        writer.series("Ax LAVA PRE/POST", T1, time_s, **given)
    result = match()
    reasons = [item for choice in result.roles.values() for item in choice.evidence if "LAVA" in item.value]
    assert not reasons
    assert result.code == code
    assert code is None or "[lexicon] arterial" in result.message


@pytest.mark.parametrize("description", ["Ax LAVA DYN", "Ax LAVA C+", "3D Ax DISCO Mph"])
@pytest.mark.parametrize("before", [True, False], ids=["mask first", "no mask"])
def test_match_when_a_nameless_dynamic_does_not_say_how_it_begins_then_it_refuses(
    writer: StudyWriter, match: Match, description: str, before: bool
) -> None:
    # Without its mask the series looks like one that has it, all phases moved by one.
    standard(writer, without=DYNAMIC)
    triggers = [0, 40_000, 80_000] if before else [0, 40_000, 85_000]
    writer.series(
        description, T1, 0 if before else 125, phases=[{}] * 3, frame=lambda p, _k: {"TriggerTime": triggers[p]}
    )
    writer.series("Ax LAVA HBP", T1, 1300)
    assert match().code == "SM-WEAK-T1_ARTERIAL"


@pytest.mark.parametrize(("after_arterial_s", "code"), [(45, None), (80, "SM-WEAK-T1_PORTAL")])
def test_match_when_a_nameless_phase_may_be_late_then_it_is_not_taken_for_the_portal_one(
    writer: StudyWriter, match: Match, after_arterial_s: float, code: str | None
) -> None:
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 C+", T1, 125 + after_arterial_s, **GADOXETATE)
    result = match()
    assert result.code == code
    assert code is None or "[time] portal_s ends at 110 s" in result.message


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (
            {"families": 4},
            "is supported by physics and text and time alone, 4 families are asked ([decision] families)",
        ),
        ({"minimum_score": 40.0}, "points, 40 are asked ([decision] minimum_score.T1_PRE)"),
    ],
)
def test_match_when_a_choice_is_weak_then_the_rule_that_asks_for_more_is_named(
    writer: StudyWriter, tmp_path: Path, decision: dict[str, Any], said: str
) -> None:
    standard(writer)
    rules = load_series_rules()
    if "minimum_score" in decision:
        decision = {"minimum_score": {**rules.decision.minimum_score, "T1_PRE": decision["minimum_score"]}}
    rules = rules.model_copy(update={"decision": rules.decision.model_copy(update=decision)})
    (result,) = match_studies(scan_folder(tmp_path), rules)
    assert result.code == "SM-WEAK-T1_PRE"
    assert "series 1 (Ax T1 pre)" in result.message and said in result.message


def test_match_when_two_phases_are_called_arterial_and_only_the_later_fits_then_it_refuses(
    writer: StudyWriter, match: Match
) -> None:
    # The phase after the arterial one bears its name: taken by it, the study has a portal phase at two minutes.
    standard(writer, without=("T1_PORTAL",))
    writer.series("Ax T1 post arterial", T1, 165, **GADOXETATE)
    writer.series("Ax T1 C+", T1, 230, **GADOXETATE)
    result = match()
    assert result.code == "SM-ORDER"
    assert "Ax T1 arterial" in result.message and "Ax T1 post arterial" in result.message
