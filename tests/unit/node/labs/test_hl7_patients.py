"""Whose a result is: several patients in a message, damaged segments, merges."""

import random
from collections.abc import Mapping

import pytest

from node.labs.hl7_receiver import Hl7Receiver
from node.labs.observation import PatientIdentity
from node.ledger.ledger import Ledger
from tests.unit.node.labs.hl7_samples import EXPECTED, panel
from tests.unit.node.labs.receiving import answered, joined, kept


def test_answer_when_two_patients_have_one_id_then_each_keeps_its_own(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    receiver.answer(panel("1", "P1^^^HOSP^MR", values={"ast_u_per_l": "41"}))
    receiver.answer(panel("2", "P1^^^CLINIC^MR", values={"ast_u_per_l": "99"}))
    assert kept(ledger) == {"ast_u_per_l": 41}
    assert kept(ledger, PatientIdentity("P1", "CLINIC")) == {"ast_u_per_l": 99}


def test_answer_when_one_message_holds_two_patients_then_nothing_is_mixed(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    second = panel("-", "P2^^^HOSP^MR", values={"ast_u_per_l": "99"}, order="A2").split(b"\r")[1:]
    message = b"\r".join([panel("1", values={"ast_u_per_l": "41"}), *second])
    assert answered(receiver, message)[0] == "AA"
    assert kept(ledger) == {"ast_u_per_l": 41}
    assert kept(ledger, PatientIdentity("P2", "HOSP")) == {"ast_u_per_l": 99}


def test_answer_when_patients_are_merged_then_values_move_to_the_survivor(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    receiver.answer(panel("1", values={"ast_u_per_l": "41"}))
    merge = (
        b"MSH|^~\\&|ADT|HOSP|MVI|HOSP|20260202||ADT^A40^ADT_A39|M1|P|2.5.1\rEVN|A40|20260202\r"
        b"PID|1||P2^^^HOSP^MR||Doe^Jane\rMRG|P1^^^HOSP^MR"
    )
    assert answered(receiver, merge) == ("AA", "")
    assert [row.patient_id for row in ledger.labs.values()] == ["P2"]
    assert kept(ledger, PatientIdentity("P2", "HOSP")) == {"ast_u_per_l": 41}
    broken: Mapping[bytes, bytes] = {b"\rMRG|P1^^^HOSP^MR": b"", b"PID|": b"ZID|", b"MRG|P1^^^HOSP^MR": b"MRG|"}
    for old, new in broken.items():
        assert answered(receiver, merge.replace(old, new).replace(b"|M1|", b"|M2|"))[0] == "AE"


@pytest.mark.parametrize(
    ("mrg", "acknowledgement"),
    [
        (b"P1^^^^AN", "AE"),
        (b"P1^^^HOSP^VN", "AE"),
        (b"P1^^^^SS", "AE"),
        (b"P9^^^HOSP^MR~P1^^^^an", "AA"),
        (b"P1^^^^PI", "AA"),
        (b"P1", "AA"),
    ],
)
def test_answer_when_a_merge_names_an_account_or_visit_then_no_patient_is_moved(
    ledger: Ledger, receiver: Hl7Receiver, mrg: bytes, acknowledgement: str
) -> None:
    receiver.answer(panel("1", values={"ast_u_per_l": "41"}))
    merge = b"MSH|^~\\&|ADT|HOSP|MVI|HOSP|20260202||ADT^A40^ADT_A39|M1|P|2.5.1\rPID|1||P2^^^HOSP^MR\rMRG|" + mrg
    found, reason = answered(receiver, merge)
    assert (found, "MRG-1" in reason) == (acknowledgement, acknowledgement == "AE")
    moved = acknowledgement == "AA" and b"AN" not in mrg.upper()
    assert [row.patient_id for row in ledger.labs.values()] == ["P2" if moved else "P1"]


def test_answer_when_the_order_of_the_segments_is_another_then_the_same_values_are_kept(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    header, *segments = panel("-").split(b"\r")
    chance = random.Random(8)
    pid = next(segment for segment in segments if segment.startswith(b"PID"))
    for number in range(20):
        chance.shuffle(segments)
        segments.remove(pid)  # Amid the results it would be that of another patient.
        segments.insert(chance.choice([0, len(segments)]), pid)
        patient, own = f"P{number}".encode(), header.replace(b"|-|", f"|{number}|".encode())
        message = b"\r".join([own, *segments]).replace(b"P1^^^", patient + b"^^^")
        assert answered(receiver, message) == ("AA", "")
        assert kept(ledger, PatientIdentity(patient.decode(), "HOSP")) == pytest.approx(dict(EXPECTED))


def test_answer_when_only_the_name_is_the_same_then_it_is_another_patient(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    receiver.answer(panel("1", "P1^^^HOSP^MR"))
    receiver.answer(panel("2", "P2^^^HOSP^MR", values={"ast_u_per_l": "99"}))  # Doe^Jane, born on the same day.
    assert kept(ledger)["ast_u_per_l"] == 41
    assert kept(ledger, PatientIdentity("P2", "HOSP")) == {"ast_u_per_l": 99}
    assert answered(receiver, panel("3", "", values={"ast_u_per_l": "98"}))[0] == "AE"


TWO = joined(
    panel("1", values={"ast_u_per_l": "41"}),
    *panel("-", "P2^^^HOSP^MR", values={"ggt_u_per_l": "99"}, order="A2").split(b"\r")[1:],
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\rPID|1||P2", b"\rPIX|1||P2"),
        (b"\rPID|1||P2", b"\rpid|1||P2"),
        (b"\rPID|1||P2", b"\rID|1||P2"),
        (b"\rPID|1||P2", b"\rZID|1||P2"),
        (b"\rPID|1||P2", b"\rPRD|1||P2"),
        (b"\rPID|1||P2", b"\rP|1||P2"),
        (b"\rPID|1||P2^^^HOSP^MR||Doe^Jane||19600102|F", b"\rP2|F"),
        (b"\rPID|1||P2", b"PID|1||P2"),
        (b"\rPID|1||P2", b"\rPID^1^^P2"),
        (b"\rPID|1||P2^^^HOSP^MR", b"\rPID|1||"),
        (b"\rPID|1||P2^^^HOSP^MR||Doe^Jane||19600102|F", b"\rPID|1"),
        (b"\rPID|1||P2^^^HOSP^MR", b"\rPID|1||1-2-3^^^SSA^SS"),
        (b"\rPID|1||P1", b"\rPIX|1||P1"),
        (b"\rPID|1||P1^^^HOSP^MR||Doe^Jane||19600102|F", b""),
        (b"\rOBR|1||A2", b"\rOBS|1||A2"),
        (b"\rOBR|1||A2", b"OBR|1||A2"),
    ],
)
def test_answer_when_a_segment_of_two_patients_is_damaged_then_nothing_lands_on_the_other(
    ledger: Ledger, receiver: Hl7Receiver, old: bytes, new: bytes
) -> None:
    assert old in TWO
    assert answered(receiver, TWO.replace(old, new))[0] == "AE"
    assert ledger.labs.values() == ()


def test_answer_when_a_pid_is_lost_between_visits_then_nothing_is_taken(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    visits = TWO.replace(b"\rOBR", b"\rPV1|1|O\rOBR")
    assert answered(receiver, visits.replace(b"|1|P|", b"|0|P|"))[0] == "AA"
    second = next(line for line in TWO.split(b"\r") if line.startswith(b"PID|1||P2"))
    acknowledgement, reason = answered(receiver, visits.replace(second + b"\r", b""))
    assert (acknowledgement, "PV1" in reason) == ("AE", True)
    assert kept(ledger) == {"ast_u_per_l": 41}


def test_answer_when_a_message_has_segments_of_its_own_then_they_do_no_harm(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    own = TWO.replace(b"\rOBR", b"\rZPI|1||X^^^HOSP^MR\rNTE|1|L|PID is meant\rOBR") + b"\rsee below: a-b, (c)"
    assert answered(receiver, own) == ("AA", "")
    assert kept(ledger) == {"ast_u_per_l": 41}


@pytest.mark.parametrize("damage", [b"PIX|2||P4^^^HOSP^MR", b"", b"ZID|2||P4^^^HOSP^MR", b"NTE|1||P4^^^HOSP^MR"])
def test_answer_when_the_second_pid_of_two_merges_is_damaged_then_nobody_is_moved(
    ledger: Ledger, receiver: Hl7Receiver, damage: bytes
) -> None:
    receiver.answer(panel("1", "P3^^^HOSP^MR", values={"ast_u_per_l": "41"}))
    merge = joined(
        b"MSH|^~\\&|ADT|HOSP|MVI|HOSP|20260202||ADT^A40^ADT_A39|M1|P|2.5.1\rPID|1||P2^^^HOSP^MR\rMRG|P1^^^HOSP^MR",
        damage,
        b"MRG|P3^^^HOSP^MR",
    )
    assert answered(receiver, merge)[0] == "AE"
    assert kept(ledger, PatientIdentity("P3", "HOSP")) == {"ast_u_per_l": 41}
