"""Which laboratory value makes a result be issued again."""

from datetime import date, time

import pytest

from config.analytes import DateWindow
from node.labs.observation import AcceptedValue, PatientIdentity
from node.labs.reissue import Reissue
from node.labs.study_values import NO_DATE, values_of_study
from node.ledger.lab_records import LabSource, PatientMerge, PatientResults, WithdrawnResult
from node.ledger.ledger import Ledger
from node.states import Event, StudyState
from pipeline.analysis import ANALYTE_UNITS
from pipeline.specimen import Examined
from pipeline.study import Analyte
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take

PATIENT = PatientIdentity("P1", "HOSPITAL")
EXAMINED = Examined(date(2026, 2, 28), time(9))
WINDOW = DateWindow()
WAIT_H, SETTLE_S = 2.0, 30.0
HOUR_S = 3600.0


def value(
    analyte: Analyte, number: float = 1.0, day: str = "2026-02-27", *, correction: bool = False
) -> AcceptedValue:
    unit = ANALYTE_UNITS[analyte]
    return AcceptedValue(analyte, number, "", unit, f"{number:g}", unit, day, "", analyte.value, correction)


def enter(ledger: Ledger, *values: AcceptedValue, patient: PatientIdentity = PATIENT) -> None:
    ledger.labs.enter(LabSource.HL7, "LAB|H", [PatientResults(patient, "M1", accepted=values)])


def analysed(ledger: Ledger, *, destinations: tuple[str, ...] = (), has_risk: bool = True) -> dict[str, int]:
    """Let a worker take the study and end it with the values that are known now."""
    claim = take(ledger)
    ledger.lab_uses.begin(STUDY, claim.generation, PATIENT, EXAMINED)
    chosen = values_of_study(ledger.labs, PATIENT, EXAMINED, WINDOW).chosen
    ledger.lab_uses.end(STUDY, chosen, has_risk=has_risk)
    version = str(claim.generation)
    ledger.work.finish(claim, Event.ANALYSED, objects=result_objects(version=version), destinations=destinations)
    return chosen


@pytest.fixture
def reissue(ledger: Ledger, clock: FakeClock) -> Reissue:
    make_ready(ledger, clock)
    return Reissue(ledger, WINDOW, wait_h=WAIT_H, settle_s=SETTLE_S)


def state(ledger: Ledger) -> StudyState:
    return ledger.studies.get(STUDY).state


def test_reissue_when_all_values_come_within_the_wait_then_at_once_and_as_a_new_generation(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    assert analysed(ledger) == {}
    before = ledger.studies.get(STUDY).generation
    clock.advance(HOUR_S)
    enter(ledger, *map(value, Analyte))
    assert reissue.check() == 1
    assert (state(ledger), ledger.studies.get(STUDY).generation) == (StudyState.READY, before + 1)
    assert len(analysed(ledger)) == len(Analyte)
    assert reissue.check() == 0


def test_reissue_when_values_come_in_parts_then_waits_until_it_is_quiet(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    analysed(ledger)
    enter(ledger, value(Analyte.AST))
    assert reissue.check() == 0
    clock.advance(SETTLE_S)
    assert reissue.check() == 1


def test_reissue_when_the_wait_is_over_then_says_so_once_and_does_not(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    analysed(ledger)
    clock.advance(WAIT_H * HOUR_S + 1)
    enter(ledger, *map(value, Analyte))
    assert [reissue.check(), reissue.check()] == [0, 0]
    assert state(ledger) is StudyState.ANALYSED
    assert [event.detail for event in ledger.history(STUDY) if event.event == "labs"] == [
        "values came later than labs_wait_h; `mvi-node studies retry` uses them"
    ]


def test_reissue_when_values_were_issued_again_then_the_wait_still_counts_from_the_first_result(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    analysed(ledger)
    clock.advance(WAIT_H * HOUR_S - 1)
    enter(ledger, *map(value, Analyte))
    assert reissue.check() == 1
    analysed(ledger)
    clock.advance(60)
    enter(ledger, value(Analyte.AST, 7, "2026-02-28"))
    assert reissue.check() == 0


@pytest.mark.parametrize("how", ["corrected", "withdrawn"])
def test_reissue_when_a_used_value_is_no_longer_valid_then_at_any_time(
    ledger: Ledger, clock: FakeClock, reissue: Reissue, how: str
) -> None:
    enter(ledger, *map(value, Analyte))
    analysed(ledger)
    clock.advance(100 * HOUR_S)
    if how == "corrected":
        enter(ledger, value(Analyte.AST, 9, correction=True))
    else:
        taken_back = [WithdrawnResult(Analyte.AST, "ast_u_per_l", "2026-02-27")]
        ledger.labs.enter(LabSource.HL7, "LAB|H", [PatientResults(PATIENT, "M2", withdrawn=taken_back)])
    assert reissue.check() == 1
    assert len(analysed(ledger)) == (len(Analyte) if how == "corrected" else len(Analyte) - 1)


@pytest.mark.parametrize(("number_of", "day"), [("P1", "2026-01-28"), ("P1", "2026-03-01"), ("P2", "2026-02-27")])
def test_reissue_when_a_value_is_too_old_or_too_late_or_of_another_then_nothing_happens(
    ledger: Ledger, clock: FakeClock, reissue: Reissue, number_of: str, day: str
) -> None:
    analysed(ledger)
    values = [value(analyte, day=day) for analyte in Analyte]
    enter(ledger, *values, patient=PatientIdentity(number_of, "HOSPITAL"))
    enter(ledger, *values, patient=PatientIdentity("P1", "CLINIC"))
    clock.advance(SETTLE_S)
    assert reissue.check() == 0


def test_reissue_when_a_merge_brings_values_then_they_count(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    other = PatientIdentity("P2", "HOSPITAL")
    enter(ledger, *map(value, Analyte), patient=other)
    analysed(ledger)
    ledger.labs.enter(LabSource.HL7, "LAB|H", [], merges=[PatientMerge(other, PATIENT, "M3")])
    assert reissue.check() == 1


def test_reissue_when_the_study_is_analysed_or_has_no_risk_then_waits_or_rests(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    analysed(ledger)
    ledger.work.ask_again(STUDY, "operator")
    enter(ledger, *map(value, Analyte))
    assert reissue.check() == 0
    analysed(ledger, has_risk=False)
    enter(ledger, value(Analyte.AST, 2, correction=True))
    assert reissue.check() == 0


def test_reissue_when_the_first_result_is_still_on_its_way_then_supersedes_it(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    analysed(ledger, destinations=("pacs",))
    assert state(ledger) is StudyState.DELIVERING
    enter(ledger, *map(value, Analyte))
    assert reissue.check() == 1
    analysed(ledger, destinations=("pacs",))
    assert len(ledger.outbox.due("pacs")) == len(result_objects())


def test_reissue_when_other_images_came_then_their_own_result_decides(
    ledger: Ledger, clock: FakeClock, reissue: Reissue
) -> None:
    analysed(ledger)
    ledger.record_instance(instance(clock, 2))
    enter(ledger, *map(value, Analyte))
    assert reissue.check() == 0
    assert state(ledger) is StudyState.RECEIVING


def test_values_when_the_images_have_no_date_then_none_is_used_and_it_is_said(ledger: Ledger) -> None:
    enter(ledger, *map(value, Analyte))
    found = values_of_study(ledger.labs, PATIENT, Examined(), WINDOW)
    assert (found.clinical, found.chosen, found.warnings) == ({}, {}, (NO_DATE,))


@pytest.mark.parametrize("correction", [True, False])
def test_reissue_when_another_source_corrects_a_used_value_then_at_any_time(
    ledger: Ledger, clock: FakeClock, reissue: Reissue, correction: bool
) -> None:
    by_hand = PatientResults(PATIENT, "file", accepted=[*map(value, Analyte)])
    ledger.labs.enter(LabSource.CSV, "", [by_hand])
    analysed(ledger)
    clock.advance(100 * HOUR_S)
    enter(ledger, value(Analyte.AST, 9, "2026-02-27T08:30:00", correction=correction))
    assert reissue.check() == correction
