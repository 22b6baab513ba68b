"""One specimen known from several sources: a value that one of them takes back is not used as sent by another."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from config.analytes import DateWindow, load_analytes
from node.labs.csv_import import import_lab_file
from node.labs.hl7_receiver import Hl7Receiver
from node.labs.study_values import TWO_SOURCES, values_of_study
from node.ledger.lab_records import LabSource, LabState, PatientMerge
from node.ledger.ledger import Ledger
from pipeline.specimen import Examined
from tests.unit.node.labs.fhir_asking import P1, pull
from tests.unit.node.labs.fhir_server import FhirServer, observation, patient
from tests.unit.node.labs.hl7_samples import panel
from tests.unit.node.labs.receiving import kept

TIME, DAY = "2026-02-01T08:30:00", "2026-02-01"
TAKEN = "20260201083000"


def by_hand(ledger: Ledger, folder: Path, value: str, collected_on: str, patient_id: str = "P1") -> None:
    file = folder / "labs.csv"
    file.write_text(f"patient_id,collected_on,AST [U/L]\n{patient_id},{collected_on},{value}\n", encoding="utf-8")
    import_lab_file(ledger, file, load_analytes(), issuer="HOSP")


def of(value: str, status: str, number: str, sender: bytes = b"LAB", taken: str = TAKEN) -> bytes:
    message = panel(number, values={"ast_u_per_l": value}, status=status, taken=taken)
    return message.replace(b"|LAB|", b"|" + sender + b"|")


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("collected_on", [TIME, DAY])
@pytest.mark.parametrize(("status", "value", "expected"), [("C", "55", {"ast_u_per_l": 55}), ("D", "", {})])
def test_answer_when_a_result_is_taken_back_then_its_copy_by_hand_is_not_used_either(
    ledger: Ledger,
    receiver: Hl7Receiver,
    tmp_path: Path,
    sent: bool,
    collected_on: str,
    status: str,
    value: str,
    expected: Mapping[str, float],
) -> None:
    by_hand(ledger, tmp_path, "41", collected_on)
    if sent:
        receiver.answer(of("41", "F", "1"))
    receiver.answer(of(value, status, "2"))
    unknown = status == "D" and not sent and collected_on == DAY
    assert kept(ledger) == ({"ast_u_per_l": 41} if unknown else expected)


@pytest.mark.parametrize("collected_on", [TIME, DAY])
@pytest.mark.parametrize(("status", "value", "expected"), [("C", "55", [55]), ("D", "", [])])
def test_import_when_a_value_was_taken_back_then_its_copy_is_not_used(
    ledger: Ledger,
    receiver: Hl7Receiver,
    tmp_path: Path,
    collected_on: str,
    status: str,
    value: str,
    expected: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.answer(of("41", "F", "1"))
    receiver.answer(of(value, status, "2"))
    by_hand(ledger, tmp_path, "41", collected_on)
    assert [row.value for row in ledger.labs.values(P1)] == expected
    assert "another source corrected or withdrew it" in caplog.text


def test_import_when_another_specimen_has_the_value_then_it_is_used(
    ledger: Ledger, receiver: Hl7Receiver, tmp_path: Path
) -> None:
    receiver.answer(of("41", "F", "1"))
    receiver.answer(of("", "D", "2"))
    by_hand(ledger, tmp_path, "41", "2026-02-01T17:00:00")
    by_hand(ledger, tmp_path, "41", "2026-02-03")
    by_hand(ledger, tmp_path, "43", DAY)
    assert [row.value for row in ledger.labs.values(P1)] == [41, 41, 43]


def test_fetch_when_the_server_still_states_what_hl7_corrected_then_the_correction_is_used(
    ledger: Ledger, receiver: Hl7Receiver, server: FhirServer
) -> None:
    asking = pull(server, ledger)
    asking.fetch(P1)
    receiver.answer(of("55", "C", "2"))
    assert [row.value for row in ledger.labs.values(P1)] == [55]
    # A mirror says of itself that it is newer.
    later = {"versionId": "9", "lastUpdated": "2026-02-28T10:00:00Z"}
    server.resources = [patient("7", "P1"), observation("o1", "7", meta=later), observation("o2", "7", meta=later)]
    asking.fetch(P1)
    assert [row.value for row in ledger.labs.values(P1)] == [55]
    assert [row.value for row in ledger.labs.values(P1, states=[LabState.REPLACED])] == [41]


def test_fetch_when_the_server_corrects_then_the_copy_over_hl7_is_not_used(
    ledger: Ledger, receiver: Hl7Receiver, server: FhirServer
) -> None:
    receiver.answer(of("41", "F", "1"))
    asking = pull(server, ledger)
    asking.fetch(P1)
    quantity = {"value": 44, "unit": "U/L"}
    server.resources[1] = observation(
        "o1", "7", meta={"versionId": "2"}, status="corrected", valueQuantity=quantity
    )
    asking.fetch(P1)
    assert [row.value for row in ledger.labs.values(P1)] == [44]


def test_fetch_when_the_server_loses_a_result_then_what_hl7_says_of_it_stays(
    ledger: Ledger, receiver: Hl7Receiver, server: FhirServer
) -> None:
    asking = pull(server, ledger)
    asking.fetch(P1)
    receiver.answer(of("41", "F", "1"))
    del server.resources[1]
    asking.fetch(P1)
    receiver.answer(of("41", "F", "2", b"LAB2"))
    assert {(row.value, row.source) for row in ledger.labs.values(P1)} == {(41, "hl7")}


@pytest.mark.parametrize(
    ("status", "value", "taken", "expected"),
    [
        ("C", "55", TAKEN, [55]),
        ("D", "", TAKEN, []),
        ("C", "55", "20260201170000", [41, 55]),
        ("X", "", TAKEN, [41]),
        ("F", "55", TAKEN, [41, 55]),
    ],
)
def test_answer_when_another_system_takes_a_specimen_back_then_it_is_void(
    ledger: Ledger, receiver: Hl7Receiver, status: str, value: str, taken: str, expected: list[float]
) -> None:
    receiver.answer(of("41", "F", "1"))
    receiver.answer(of(value, status, "2", b"LAB2", taken))
    assert [row.value for row in ledger.labs.values(P1)] == expected


def test_answer_when_two_systems_correct_then_the_later_statement_counts(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    later = of("55", "C", "1").replace(b"20260201090000", b"20260201110000")
    receiver.answer(later)
    receiver.answer(of("57", "C", "2", b"LAB2"))
    assert [row.value for row in ledger.labs.values(P1)] == [55]
    receiver.answer(of("59", "C", "3", b"LAB2").replace(b"20260201090000", b"20260201120000"))
    assert [row.value for row in ledger.labs.values(P1)] == [59]


@pytest.mark.parametrize("status", list("CD"))
@pytest.mark.parametrize("hand", [True, False])
def test_merge_when_what_is_known_of_one_voids_a_value_of_the_other_then_it_is_not_used(
    ledger: Ledger, receiver: Hl7Receiver, tmp_path: Path, status: str, hand: bool
) -> None:
    receiver.answer(of("55" if status == "C" else "", status, "1"))
    if hand:
        by_hand(ledger, tmp_path, "41", TIME, patient_id="P2")
    else:
        receiver.answer(of("41", "F", "2").replace(b"P1^^^", b"P2^^^"))
    receiver.answer(panel("3", "P2^^^HOSP^MR", values={"ggt_u_per_l": "62"}, order="A5"))
    assert kept(ledger, replace(P1, patient_id="P2")) == {"ast_u_per_l": 41, "ggt_u_per_l": 62}
    ledger.labs.enter(LabSource.HL7, "LAB|HOSP", [], merges=[PatientMerge(replace(P1, patient_id="P2"), P1, "M")])
    assert kept(ledger) == {"ggt_u_per_l": 62, **({"ast_u_per_l": 55} if status == "C" else {})}


@pytest.mark.parametrize(
    ("value", "unit", "taken", "sender", "used"),
    [
        ("60", "U/L", TAKEN, b"LAB2", []),
        ("0.6833", "ukat/L", TAKEN, b"LAB2", [40.998]),
        ("60", "U/L", "20260201170000", b"LAB2", [60]),
        # Two orders of one specimen at one laboratory: it has repeated the measurement.
        ("60", "U/L", TAKEN, b"LAB", [60]),
    ],
)
def test_values_when_two_sources_contradict_each_other_then_neither_is_used_and_it_is_said(
    ledger: Ledger, receiver: Hl7Receiver, value: str, unit: str, taken: str, sender: bytes, used: list[float]
) -> None:
    receiver.answer(of("41", "F", "1"))
    other = panel("2", values={"ast_u_per_l": value}, taken=taken, order="A2").replace(b"U/L", unit.encode())
    receiver.answer(other.replace(b"|LAB|", b"|" + sender + b"|"))
    assert len(ledger.labs.values(P1)) == 2
    found = values_of_study(ledger.labs, P1, Examined(date(2026, 2, 10)), DateWindow())
    assert [item.value for item in found.clinical.values()] == pytest.approx(used)
    assert len(found.chosen) == len(used)
    assert found.warnings == (() if used else (f"AST was not used: {TWO_SOURCES}.",))
