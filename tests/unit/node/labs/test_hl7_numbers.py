"""Messages that lost a segment: their numbers and their order say so, and nothing of one patient is another's."""

import pytest

from config.analytes import load_analytes
from node.labs.hl7_receiver import Hl7Receiver
from node.ledger.ledger import Ledger
from tests.unit.node.labs.receiving import NOW, answered, joined
from tests.unit.node.labs.sender import code_of

HEADER = b"MSH|^~\\&|LAB|HOSP|MVI|HOSP|20260201090000||ORU^R01^ORU_R01|1|P|2.5.1"
SPECIMEN = b"SPM|1|||119364003^Serum specimen^SCT"
VISIT = b"PV1|1|O"


def pid(number: int, patient: str) -> bytes:
    return f"PID|{number}||{patient}^^^HOSP^MR".encode()


def obr(number: int, order: str) -> bytes:
    return f"OBR|{number}||{order}|24323-8^panel^LN|||20260201083000".encode()


def obx(number: int, code: str = "1920-8^AST^LN", unit: str = "U/L") -> bytes:
    return f"OBX|{number}|NM|{code}||41|{unit}|||||F".encode()


GGT = "2324-2^Gamma GT^LN"


@pytest.mark.parametrize(
    ("segments", "because"),
    [
        ([pid(1, "P1"), obr(1, "A"), obx(1), obr(2, "B"), obx(1, GGT), obr(1, "C"), obx(1)], "OBR-1"),
        ([pid(1, "P1"), obr(1, "A"), obx(1), obr(1, "C"), obx(1, GGT), obr(2, "D"), obx(1)], "OBR-1"),
        ([pid(1, "P1"), obr(1, "A"), obx(1), obx(2, GGT), obx(1)], "OBX-1"),
        ([pid(1, "P1"), obr(1, "A"), obx(1), VISIT, obr(1, "C"), obx(1, GGT)], "PV1"),
        ([pid(1, "P1"), obr(1, "A"), obx(1), pid(3, "P3"), obr(1, "C"), obx(1)], "PID-1"),
        (
            [pid(1, "P1"), obr(1, "A"), obx(1), pid(2, "P2"), obr(1, "C"), pid(2, "P2"), obr(1, "D"), obx(1)],
            "PID-1",
        ),
        # All of these are whole.
        ([pid(1, "P1"), obr(1, "A"), obx(1), pid(2, "P2"), obr(1, "C"), obx(1)], ""),
        ([pid(1, "P1"), obr(1, "A"), obx(1), obr(1, "C"), obx(1, GGT)], ""),
        ([pid(1, "P1"), obr(1, "A"), obx(1), obx(2, GGT), SPECIMEN, obx(1, "2951-2^Sodium^LN")], ""),
        ([pid(1, "P1"), obr(1, "A"), obx(1), obx(1, GGT)], ""),
        ([pid(1, "P1"), obr(1, "A"), obx(2), obx(1, GGT)], ""),
        ([pid(1, "P1"), obr(1, "A"), obx(1), obr(2, "B"), pid(1, "P2"), obr(1, "C"), obx(1)], ""),
        ([obx(1), VISIT, pid(1, "P1")], "LAB-TIME"),
    ],
)
def test_answer_when_numbers_or_order_say_that_a_segment_is_lost_then_nothing_is_taken(
    ledger: Ledger, receiver: Hl7Receiver, segments: list[bytes], because: str
) -> None:
    code, reason = answered(receiver, joined(HEADER, *segments))
    assert (code, because in reason) == ("AE" if because else "AA", True)
    assert bool(ledger.labs.values()) is not bool(because)


@pytest.mark.parametrize(("count", "expected"), [(b"2", "AA"), (b"", "AA"), (b"3", "AE"), (b"x", "AA")])
def test_answer_when_a_batch_counts_other_messages_than_it_holds_then_nothing_is_taken(
    ledger: Ledger, receiver: Hl7Receiver, count: bytes, expected: str
) -> None:
    messages = [
        joined(HEADER.replace(b"|1|P|", b"|%d|P|" % number), pid(1, f"P{number}"), obr(1, "A"), obx(1))
        for number in (1, 2)
    ]
    answer = receiver.answer(joined(b"BHS|^~\\&|LAB", *messages, b"BTS|" + count))
    assert answer is not None
    assert [code_of(part) for part in answer.split(b"MSH|")[1:]] == [expected] * 2
    assert len(ledger.labs.values()) == (2 if expected == "AA" else 0)


@pytest.mark.parametrize(
    ("status", "reported", "expected", "said"),
    [
        ("P", "20260201110000", [], "not used any more"),
        ("R", "20260201110000", [], "not used any more"),
        ("P", "20260201090000", [41], "the final one stands"),
        ("P", "", [41], "the final one stands"),
        ("", "20260201110000", [41], "status=?"),
        ("U", "20260201110000", [41], "status=?"),
    ],
)
def test_answer_when_a_final_result_is_stated_as_not_final_then_it_counts_unless_that_is_surely_later(
    ledger: Ledger,
    receiver: Hl7Receiver,
    status: str,
    reported: str,
    expected: list[float],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")

    def message(number: int, its: str, at: str) -> bytes:
        header = HEADER.replace(b"|1|P|", b"|%d|P|" % number)
        order = obr(1, "A") + b"|" * 15 + at.encode()
        return joined(header, pid(1, "P1"), order, obx(1).replace(b"|F", b"|" + its.encode()))

    receiver.answer(message(1, "F", "20260201100000"))
    assert answered(receiver, message(2, status, reported)) == ("AA", "")
    assert [row.value for row in ledger.labs.values()] == expected
    assert said in caplog.text
    # Sent again under another number the final one is no news; a later one is.
    receiver.answer(message(3, "F", "20260201100000"))
    assert [row.value for row in ledger.labs.values()] == expected
    receiver.answer(message(4, "F", "20260201120000"))
    assert [row.value for row in ledger.labs.values()] == [41]


@pytest.mark.parametrize(
    ("field_3", "expected"), [("", "AA"), ("123^^^SSA^SS", "AE"), ("V7^^^HOSP^VN", "AE"), ('""', "AA")]
)
def test_answer_when_pid_2_stands_beside_a_number_of_another_type_then_it_names_nobody(
    receiver: Hl7Receiver, field_3: str, expected: str
) -> None:
    patient = f"PID|1|P1|{field_3}".encode()
    assert answered(receiver, joined(HEADER, patient, obr(1, "A"), obx(1)))[0] == expected


@pytest.mark.parametrize(
    ("flag", "expected"), [("POS", []), ("IND", []), ("NEG", [0]), ("nr", [0]), ("A", [0]), ("", [0])]
)
def test_answer_when_the_interpretation_of_a_presence_contradicts_its_value_then_it_is_none(
    ledger: Ledger, flag: str, expected: list[float]
) -> None:
    receiver = Hl7Receiver(ledger.labs, load_analytes(), "HOSP", lambda: NOW)
    line = f"OBX|1|ST|13952-7^HBc Ab^LN||Negative|||{flag}|||F".encode()
    _, reason = answered(receiver, joined(HEADER, pid(1, "P1"), obr(1, "A"), line))
    assert [row.value for row in ledger.labs.values()] == expected
    assert ("LAB-VALUE" in reason) is not bool(expected)
