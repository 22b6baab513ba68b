"""Corrections and withdrawals over HL7, in whatever order they come: a void value is never used."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from config.analytes import load_analytes
from node.labs.hl7_receiver import Hl7Receiver
from node.ledger.lab_records import LabState
from node.ledger.ledger import Ledger
from tests.unit.node.doubles import FakeClock
from tests.unit.node.labs.hl7_samples import panel
from tests.unit.node.labs.receiving import NOW, P1, answered, ast, joined, kept

PID = b"PID|1||P1^^^HOSP^MR"
OBR = b"OBR|1||A1|24323-8^panel^LN|||20260201083000"
OTHER_ORDER = b"OBR|2||A2|24323-8^panel^LN|||20260201083000"


def test_answer_when_a_correction_comes_then_replaces(ledger: Ledger, receiver: Hl7Receiver) -> None:
    receiver.answer(panel("1"))
    assert answered(receiver, panel("2", values={"ast_u_per_l": "55"}, status="C"))[0] == "AA"
    assert kept(ledger)["ast_u_per_l"] == 55
    assert kept(ledger, state=LabState.REPLACED) == {"ast_u_per_l": 41}


@pytest.mark.parametrize("status", list("DWX"))
def test_answer_when_a_result_is_taken_back_then_it_is_no_value_any_more(
    ledger: Ledger, receiver: Hl7Receiver, status: str
) -> None:
    receiver.answer(panel("1"))
    receiver.answer(panel("2", values={"ast_u_per_l": ""}, status=status))
    assert "ast_u_per_l" not in kept(ledger)
    assert kept(ledger, state=LabState.WITHDRAWN) == {"ast_u_per_l": 41}


@pytest.mark.parametrize(
    ("value", "unit"), [("HEMOLYZED", "U/L"), ('""', "U/L"), ("99999", "U/L"), ("41", "mg/dL")]
)
def test_answer_when_a_correction_cannot_be_read_then_the_old_value_is_withdrawn_and_stays_so(
    ledger: Ledger, receiver: Hl7Receiver, value: str, unit: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer(panel("1", values={"ast_u_per_l": "55"}))
    _, reason = answered(receiver, b"\r".join([panel("2", values={}), ast(value, "C", unit)]))
    assert "what it corrects is not used any more" in reason
    assert "value withdrawn" in caplog.text
    receiver.answer(panel("3", values={"ast_u_per_l": "55"}))
    assert kept(ledger) == {}
    assert kept(ledger, state=LabState.WITHDRAWN) == {"ast_u_per_l": 55}
    (refusal,) = ledger.labs.refusals(P1)
    assert "not used any more" in refusal.because


@pytest.mark.parametrize(
    ("lines", "expected", "acknowledgement"),
    [
        ([ast("50", "F"), ast("", "X")], {}, "AA"),
        ([ast("", "W"), ast("50", "F")], {}, "AA"),
        ([ast("", "D"), ast("50", "C")], {"ast_u_per_l": 50}, "AA"),
        ([ast("50", "F"), ast("41", "C")], {"ast_u_per_l": 41}, "AA"),
        ([ast("41", "C"), ast("50", "F")], {"ast_u_per_l": 41}, "AA"),
        ([ast("50", "F"), ast("50", "F")], {"ast_u_per_l": 50}, "AA"),
        ([ast("50", "F"), ast("60", "F")], {}, "AE"),
        ([ast("50", "F"), ast("60", "F"), ast("50", "F")], {}, "AE"),
        ([ast("50", "F"), ast("HEMOLYZED", "F")], {}, "AE"),
        ([ast("HEMOLYZED", "F"), ast("50", "F")], {}, "AE"),
        ([ast("50", "F"), ast("50", "F", "furlong")], {}, "AE"),
        ([ast("HEMOLYZED", "F"), ast("70", "C")], {"ast_u_per_l": 70}, "AA"),
        ([ast("HEMOLYZED", "F")], {}, "AA"),
        ([ast("50", "F"), OTHER_ORDER, ast("60", "F")], {}, "AE"),
        ([ast("50", "F"), OTHER_ORDER, ast("50", "F")], {"ast_u_per_l": 50}, "AA"),
        ([PID, OBR, ast("50", "F"), PID, OBR, ast("60", "F")], {}, "AE"),
        (
            [ast("HEMOLYZED", "F", analysed="20260201090000"), ast("50", "F", analysed="20260201100000")],
            {"ast_u_per_l": 50},
            "AA",
        ),
        ([ast("50", "F"), ast("60", "F"), ast("70", "C")], {"ast_u_per_l": 70}, "AE"),
        (
            [ast("41", "C", analysed="20260201090000"), ast("50", "F", analysed="20260201100000")],
            {"ast_u_per_l": 50},
            "AA",
        ),
        ([ast("HEMOLYZED", "C"), ast("50", "F")], {}, "AA"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_answer_when_one_message_holds_a_result_twice_then_the_last_word_of_the_laboratory_counts(
    ledger: Ledger,
    receiver: Hl7Receiver,
    known: bool,
    lines: list[bytes],
    expected: Mapping[str, float],
    acknowledgement: str,
) -> None:
    if known:
        receiver.answer(panel("1", values={"ast_u_per_l": "41"}))
    assert answered(receiver, b"\r".join([panel("2", values={}), *lines]))[0] == acknowledgement
    assert kept(ledger) == expected


@pytest.mark.parametrize("status", list("DWX"))
@pytest.mark.parametrize("taken", ["20260201083000", "20260201", ""])
def test_answer_when_a_withdrawal_comes_before_its_result_then_the_result_is_void(
    ledger: Ledger, receiver: Hl7Receiver, status: str, taken: str
) -> None:
    order = panel("1", values={}, taken=taken)
    assert answered(receiver, joined(order, ast("", status, taken=taken))) == ("AA", "")
    assert answered(receiver, panel("2", values={"ast_u_per_l": "41", "ggt_u_per_l": "62"}))[0] == "AA"
    assert kept(ledger) == {"ggt_u_per_l": 62}
    receiver.answer(panel("3", values={"ast_u_per_l": "43"}, status="C"))
    assert kept(ledger) == {"ggt_u_per_l": 62, "ast_u_per_l": 43}


def test_answer_when_a_correction_that_cannot_be_read_comes_before_its_result_then_the_result_is_void(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    receiver.answer(joined(panel("1", values={}), ast("HEMOLYZED", "C")))
    receiver.answer(panel("2", values={"ast_u_per_l": "41"}))
    assert kept(ledger) == {}


@pytest.mark.parametrize(("taken", "expected"), [("20260202083000", 43), ("20260301083000", 43)])
def test_answer_when_a_correction_of_the_day_comes_before_its_result_then_the_result_is_void(
    ledger: Ledger, receiver: Hl7Receiver, taken: str, expected: float
) -> None:
    receiver.answer(panel("1", values={"ast_u_per_l": "43"}, status="C", taken=taken))
    receiver.answer(panel("2", values={"ast_u_per_l": "41"}))
    assert [row.value for row in ledger.labs.values(P1)] == [expected]
    # The order number is used again.
    receiver.answer(panel("3", values={"ast_u_per_l": "45"}, taken="20260302083000"))
    assert [row.value for row in ledger.labs.values(P1)] == [expected, 45]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("20260201110000", "20260201100000", 55),  # It was sent earlier, and overtaken.
        ("20260201100000", "20260201110000", 57),
        ("", "20260201100000", 57),
    ],
)
def test_answer_when_two_corrections_come_then_the_later_statement_counts(
    ledger: Ledger, receiver: Hl7Receiver, first: str, second: str, expected: float
) -> None:
    for number, sent in (("55", first), ("57", second)):
        message = panel(number, values={"ast_u_per_l": number}, status="C")
        receiver.answer(message.replace(b"20260201090000", sent.encode()))
    assert kept(ledger) == {"ast_u_per_l": expected}


def test_answer_when_a_withdrawal_bears_the_time_of_the_analysis_then_it_counts_from_when_it_was_sent(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    sent = panel("1", values={}).replace(b"20260201090000", b"20260201120000")
    receiver.answer(joined(sent, ast("", "D", analysed="20260201090000")))
    receiver.answer(joined(panel("2", values={}), ast("41", "F", analysed="20260201100000")))
    assert kept(ledger) == {}


@pytest.mark.parametrize(
    ("status", "value", "expected", "unmatched"),
    [("D", "", {}, 0), ("W", "", {}, 0), ("X", "", {"ast_u_per_l": 41}, 0), ("C", "55", {"ast_u_per_l": 55}, 0)],
)
def test_answer_when_a_correction_names_another_order_then_the_specimen_decides(
    ledger: Ledger, status: str, value: str, expected: Mapping[str, float], unmatched: int
) -> None:
    counted: list[str] = []
    receiver = Hl7Receiver(ledger.labs, load_analytes(), "HOSP", lambda: NOW, counted.append)
    receiver.answer(panel("1", values={"ast_u_per_l": "41"}))
    receiver.answer(panel("2", values={"ast_u_per_l": value}, status=status, order="A77"))
    assert kept(ledger) == expected
    assert counted.count("unmatched") == unmatched


@pytest.mark.parametrize(("status", "unmatched"), [("D", 1), ("W", 1), ("C", 1), ("X", 0), ("F", 0)])
def test_answer_when_a_correction_finds_nothing_then_it_is_logged_and_counted(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, status: str, unmatched: int
) -> None:
    counted: list[str] = []
    receiver = Hl7Receiver(ledger.labs, load_analytes(), "HOSP", lambda: NOW, counted.append)
    receiver.answer(panel("1", values={"ast_u_per_l": "41"}))
    receiver.answer(panel("2", values={"ast_u_per_l": "50"}, status=status, order="A77", taken="20260205110000"))
    assert counted.count("unmatched") == caplog.text.count("not known under its order") == unmatched
    assert "P1" not in caplog.text


def test_answer_when_a_message_comes_again_after_a_site_mapped_its_code_then_it_is_judged_anew(
    ledger: Ledger, receiver: Hl7Receiver, clock: FakeClock, tmp_path: Path
) -> None:
    site = tmp_path / "site.toml"
    local = 'version = "1.1.1"\n[analytes.ast_u_per_l]\nlocal = [{ code = "GOT7", system = "99LAB" }]\n'
    site.write_text(local + 'units = { "nkat/L" = 0.06 }\n', encoding="utf-8")
    mapped = Hl7Receiver(ledger.labs, load_analytes(site), "HOSP", lambda: NOW)
    unknown = joined(panel("1", values={}), ast("41", "F", code="GOT7^AST^99LAB"))
    wrong_unit = joined(panel("2", values={}, order="A2"), ast("1000", "F", "nkat/L", taken="20260202"))
    assert [answered(receiver, message)[0] for message in (unknown, wrong_unit)] == ["AA", "AE"]
    assert (kept(ledger), len(ledger.labs.refusals(P1))) == ({}, 1)
    clock.advance(60)
    assert [answered(mapped, message)[0] for message in (unknown, wrong_unit)] == ["AA", "AA"]
    assert [row.value for row in ledger.labs.values(P1)] == [41, 60]
    assert ledger.labs.refusals(P1) == ()
    assert answered(mapped, wrong_unit) == ("AA", "")
    assert len(ledger.labs.values(P1)) == 2


@pytest.mark.parametrize("status", list("FCD"))
def test_answer_when_a_message_is_judged_anew_then_what_came_after_it_stands(
    ledger: Ledger, receiver: Hl7Receiver, clock: FakeClock, tmp_path: Path, status: str
) -> None:
    site = tmp_path / "site.toml"
    site.write_text('version = "1.1.1"\n', encoding="utf-8")
    old = panel("1", values={"ast_u_per_l": "41"})
    receiver.answer(old)
    clock.advance(60)
    receiver.answer(panel("2", values={"ast_u_per_l": "55"}, status=status))
    before = kept(ledger)
    anew = Hl7Receiver(ledger.labs, load_analytes(site), "HOSP", lambda: NOW)
    assert answered(anew, old) == ("AA", "")
    assert kept(ledger) == before


@pytest.mark.parametrize("late", ["55", "HEMOLYZED"])
@pytest.mark.parametrize("status", ["F", "C"])
def test_answer_when_a_statement_was_overtaken_by_a_later_one_then_the_later_one_stands(
    ledger: Ledger, receiver: Hl7Receiver, status: str, late: str
) -> None:
    reported = panel("1", values={}) + b"|" * 15
    for number, value, its, at in ((1, "41", "F", b"1000"), (2, late, status, b"0900")):
        order = reported.replace(b"|1|P|", b"|%d|P|" % number) + b"20260201" + at
        receiver.answer(joined(order, ast(value, its)))
    assert kept(ledger) == ({} if (status, late) == ("C", "HEMOLYZED") else {"ast_u_per_l": 41})


@pytest.mark.parametrize(("known", "expected"), [(True, {"ast_u_per_l": 43}), (False, {})])
def test_answer_when_another_order_states_a_withdrawn_specimen_then_it_counts_where_the_withdrawal_had_its_own(
    ledger: Ledger, receiver: Hl7Receiver, known: bool, expected: Mapping[str, float]
) -> None:
    if known:
        receiver.answer(panel("1", values={"ast_u_per_l": "41"}))
    receiver.answer(panel("2", values={"ast_u_per_l": ""}, status="D"))
    receiver.answer(panel("3", values={"ast_u_per_l": "43"}, order="A2"))
    assert kept(ledger) == expected
    receiver.answer(panel("4", values={"ast_u_per_l": "41"}))
    assert kept(ledger) == expected
