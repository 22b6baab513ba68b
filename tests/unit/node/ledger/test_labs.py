"""Values of laboratories in the ledger: once, corrected, withdrawn, and moved with their patient."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from node.labs.observation import AcceptedValue, PatientIdentity, RefusedObservationError
from node.ledger import lab_entry
from node.ledger.lab_messages import ControlIdInUseError
from node.ledger.lab_records import (
    Entered,
    LabMessage,
    LabSource,
    LabState,
    PatientMerge,
    PatientResults,
    WithdrawnResult,
)
from node.ledger.ledger import Ledger
from pipeline.study import Analyte
from tests.unit.node.doubles import FakeClock

P1, OTHER = PatientIdentity("P1", "HOSPITAL"), PatientIdentity("P1", "CLINIC")
LAB = "LAB|HOSPITAL"


def value(
    number: float = 41.0, *, day: str = "2026-02-01", key: str = "A1", correction: bool = False, stated: str = ""
) -> AcceptedValue:
    found = AcceptedValue(Analyte.AST, number, "", "U/L", f"{number:g}", "U/L", day, "1920-8 LN", key)
    return replace(found, correction=correction, stated_at=stated)


def enter(ledger: Ledger, *values: AcceptedValue, patient: PatientIdentity = P1, sender: str = LAB) -> Entered:
    return ledger.labs.enter(LabSource.HL7, sender, [PatientResults(patient, "M1", accepted=values)])


def known(ledger: Ledger, patient: PatientIdentity = P1, *states: LabState) -> list[float]:
    return [row.value for row in ledger.labs.values(patient, states=states or (LabState.CURRENT,))]


def test_enter_when_the_same_value_comes_again_then_it_is_there_once(ledger: Ledger) -> None:
    assert enter(ledger, value()) == Entered(new=1)
    assert enter(ledger, value()) == Entered(unchanged=1)
    assert known(ledger) == [41]


def test_enter_when_a_correction_comes_then_it_replaces_the_value_also_of_another_day(ledger: Ledger) -> None:
    enter(ledger, value())
    assert enter(ledger, value(42, day="2026-02-02", correction=True)) == Entered(replaced=1)
    assert known(ledger) == [42]
    assert known(ledger, P1, LabState.REPLACED) == [41]


T1, T2 = "2026-02-01T09:00:00", "2026-02-01T10:00:00"


@pytest.mark.parametrize(
    ("corrected_at", "stated", "expected"),
    [("", "", 41), (T2, "", 41), ("", T2, 41), (T2, T1, 41), (T2, T2, 41), (T2, T2 + "+01:00", 41), (T1, T2, 50)],
)
@pytest.mark.parametrize("first", [True, False])
def test_enter_when_a_final_result_comes_behind_its_correction_then_only_a_later_one_counts(
    ledger: Ledger, first: bool, corrected_at: str, stated: str, expected: float
) -> None:
    if first:
        enter(ledger, value(50, stated=T1))
    enter(ledger, value(41, correction=True, stated=corrected_at))
    enter(ledger, value(50, stated=stated))
    assert known(ledger) == [expected]


@pytest.mark.parametrize(("stated", "expected"), [("", []), (T1, []), (T2, [41])])
def test_enter_when_a_final_result_comes_behind_its_withdrawal_then_only_a_later_one_counts(
    ledger: Ledger, stated: str, expected: list[float]
) -> None:
    enter(ledger, value())
    part = PatientResults(P1, "M2", withdrawn=[WithdrawnResult(Analyte.AST, "A1", "2026-02-01", T1)])
    ledger.labs.enter(LabSource.HL7, LAB, [part])
    enter(ledger, value(stated=stated))
    assert known(ledger) == expected


def test_enter_when_a_correction_confirms_a_value_then_a_late_result_does_not_replace_it(ledger: Ledger) -> None:
    enter(ledger, value())
    assert enter(ledger, value(correction=True)) == Entered(unchanged=1)
    enter(ledger, value(50))
    assert known(ledger) == [41]


def test_enter_when_an_order_number_is_used_again_on_another_day_then_both_stay(ledger: Ledger) -> None:
    enter(ledger, value())
    assert enter(ledger, value(50, day="2026-02-09")) == Entered(new=1)
    assert known(ledger) == [41, 50]


def test_enter_when_two_laboratories_use_one_order_number_then_neither_replaces_the_other(ledger: Ledger) -> None:
    enter(ledger, value())
    enter(ledger, value(50), sender="OTHER|HOSPITAL")
    assert known(ledger) == [41, 50]


def test_enter_when_a_result_is_taken_back_then_it_is_no_value_any_more(ledger: Ledger) -> None:
    enter(ledger, value())
    taken_back = WithdrawnResult(Analyte.AST, "A1", "2026-02-01")
    part = PatientResults(P1, "M2", withdrawn=[taken_back])
    assert ledger.labs.enter(LabSource.HL7, LAB, [part]) == Entered(withdrawn=1)
    assert known(ledger) == []
    assert known(ledger, P1, LabState.WITHDRAWN) == [41]


def test_values_when_two_patients_have_one_id_then_the_issuer_tells_them_apart(ledger: Ledger) -> None:
    enter(ledger, value(41))
    enter(ledger, value(99), patient=OTHER)
    assert (known(ledger), known(ledger, OTHER), known(ledger, PatientIdentity("P1"))) == ([41], [99], [])
    assert ledger.labs.issuers("P1") == ("CLINIC", "HOSPITAL")


def test_merge_when_two_identities_are_one_patient_then_values_move_and_both_find_them(ledger: Ledger) -> None:
    survivor = PatientIdentity("P2", "HOSPITAL")
    enter(ledger, value())
    ledger.labs.enter(LabSource.HL7, LAB, [], merges=[PatientMerge(P1, survivor, "M9")])
    assert known(ledger, survivor) == known(ledger, P1) == [41]
    enter(ledger, value(43, key="A2"))  # Under the old ID, as a laboratory may go on to use it.
    assert known(ledger, survivor) == [41, 43]


def test_merge_when_there_and_back_then_the_last_survivor_has_the_values(ledger: Ledger) -> None:
    p2, p3 = PatientIdentity("P2", "HOSPITAL"), PatientIdentity("P3", "HOSPITAL")
    enter(ledger, value())
    for prior, survivor in ((P1, p2), (p2, p3), (p3, P1)):
        ledger.labs.enter(LabSource.HL7, LAB, [], merges=[PatientMerge(prior, survivor, "M9")])
    assert [row.patient_id for row in ledger.labs.values()] == ["P1"]
    assert known(ledger, P1) == known(ledger, p2) == known(ledger, p3) == [41]


def test_take_when_a_message_comes_again_then_nothing_is_entered_and_its_first_answer_is_due(
    ledger: Ledger,
) -> None:
    message = LabMessage(LAB, "77", "ab" * 32, "AA", "[]")
    part = PatientResults(P1, "77", accepted=[value()])
    assert ledger.labs.take(message, [part]).due == message
    # Other rules may judge the same bytes otherwise: what was answered stays answered.
    again = replace(message, acknowledgement="AE", answer='["other rules"]')
    assert ledger.labs.take(again, [PatientResults(P1, "77", accepted=[value(50, key="A2")])]).due == message
    assert known(ledger) == [41]


def test_take_when_a_control_id_names_another_message_then_refuses_it_for_a_day(
    ledger: Ledger, clock: FakeClock
) -> None:
    first, other = LabMessage(LAB, "77", "ab" * 32, "AA", "[]"), LabMessage(LAB, "77", "cd" * 32, "AE", "[]")
    ledger.labs.take(first, [PatientResults(P1, "77", accepted=[value()])])
    part = PatientResults(P1, "77", accepted=[value(50, key="A2")])
    with pytest.raises(ControlIdInUseError):
        ledger.labs.take(other, [part])
    assert known(ledger) == [41]
    clock.advance(25 * 3600)
    assert ledger.labs.take(other, [part]).due == other
    assert ledger.labs.take(first, []).due == first  # A sender may still repeat the old one.
    assert known(ledger) == [41, 50]


def test_take_when_a_statement_fails_then_nothing_of_the_message_is_kept(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "no space")

    message = LabMessage(LAB, "77", "ab" * 32, "AA", "[]")
    part = PatientResults(P1, "77", accepted=[value()])
    with monkeypatch.context() as broken, pytest.raises(OSError, match="no space"):
        broken.setattr(lab_entry, "mark_studies", fail)
        ledger.labs.take(message, [part])
    assert known(ledger) == []
    assert ledger.labs.take(replace(message, acknowledgement="AE"), [part]).due.acknowledgement == "AE"


def test_take_when_a_sender_goes_on_then_each_message_is_one_transaction_and_few_statements(
    ledger: Ledger,
) -> None:
    seen: list[str] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *args: seen.append(args[2].split()[0]))
    ledger.labs.take(LabMessage(LAB, "1", "ab" * 32, "AA", "[]"), [PatientResults(P1, "1", accepted=[value()])])
    # Each commit waits for the disk, and each statement costs its share of a processor.
    assert [word for word in seen if word != "BEGIN"] == [
        "SELECT", "INSERT", "SELECT", "SELECT", "SELECT", "INSERT", "UPDATE",
    ]  # fmt: skip
    assert seen.count("BEGIN") <= 1


def test_refusals_when_entered_then_say_why_for_the_patient(ledger: Ledger) -> None:
    refused = RefusedObservationError("LAB-UNIT", "OBX 3", "AST must be in U/L", Analyte.AST)
    ledger.labs.enter(LabSource.HL7, LAB, [PatientResults(P1, "M1", refused=[refused])])
    (found,) = ledger.labs.refusals(P1)
    assert (found.code, found.because) == ("LAB-UNIT", "OBX 3: AST must be in U/L (LAB-UNIT)")
    assert ledger.labs.refusals(OTHER) == ()
