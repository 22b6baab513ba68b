"""From the bytes of a message to the ledger and the answer."""

from collections.abc import Sequence
from pathlib import Path

import hl7
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from config.analytes import load_analytes
from node.labs.hl7_encoding import CHARACTER_SETS, Separators
from node.labs.hl7_receiver import Hl7Receiver
from node.ledger.lab_messages import ControlIdInUseError, Incoming
from node.ledger.lab_records import Taken
from node.ledger.labs import Labs
from node.ledger.ledger import Ledger
from tests.unit.node.doubles import FakeClock
from tests.unit.node.labs.hl7_samples import EXPECTED, PANEL, SYSTEMS, panel
from tests.unit.node.labs.receiving import NOW, P1, answered, joined, kept, with_line
from tests.unit.node.labs.sender import code_of


@pytest.mark.parametrize("name", SYSTEMS)
def test_answer_when_a_laboratory_system_writes_then_its_values_are_kept(
    ledger: Ledger, receiver: Hl7Receiver, name: str
) -> None:
    message, expected = SYSTEMS[name]
    assert answered(receiver, message) == ("AA", "")
    assert kept(ledger) == pytest.approx(dict(expected))
    assert {row.collected_at[:10] for row in ledger.labs.values(P1)} == {"2026-02-01"}


def test_answer_when_all_six_come_then_each_has_its_provenance(ledger: Ledger, receiver: Hl7Receiver) -> None:
    assert answered(receiver, panel("M-7")) == ("AA", "")
    assert kept(ledger) == pytest.approx(dict(EXPECTED))
    row = next(row for row in ledger.labs.values(P1) if row.analyte == "fibrinogen_g_per_l")
    assert (row.original_value, row.original_unit, row.unit) == ("310", "mg/dL", "g/L")
    assert (row.source, row.sender, row.message_id) == ("hl7", "LAB|HOSP", "M-7")
    assert (row.code, row.collected_at) == ("3255-7 LN", "2026-02-01T08:30:00")


def test_answer_when_read_by_another_parser_then_is_an_ack_to_the_sender(receiver: Hl7Receiver) -> None:
    answer = receiver.answer(panel("M-7"))
    assert answer is not None
    parsed = hl7.parse(answer)
    msh = parsed.segment("MSH")
    assert [str(msh[number]) for number in (3, 4, 5, 6, 9, 11, 12)] == [
        "MVI", "HOSP", "LAB", "HOSP", "ACK^R01", "P", "2.5.1",
    ]  # fmt: skip
    assert str(parsed.segment("MSA")[2]) == "M-7"


def test_answer_when_a_message_comes_again_then_the_same_answer_and_nothing_new(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    wrong = panel("9", values={"ast_u_per_l": "41"}).replace(b"|U/L|", b"|furlong|")
    first = answered(receiver, wrong)
    assert first[0] == "AE"
    assert answered(receiver, wrong.replace(b"20260201090000", b"20260201100000")) == first
    assert len(ledger.labs.refusals(P1)) == 1
    for _ in range(2):
        assert answered(receiver, panel("10"))[0] == "AA"
    assert len(ledger.labs.values(P1)) == len(PANEL)


def test_answer_when_a_control_id_comes_with_other_content_then_refuses_it(
    ledger: Ledger, receiver: Hl7Receiver, clock: FakeClock
) -> None:
    other = panel("1", values={"ast_u_per_l": "500"}, order="A2")
    assert answered(receiver, panel("1"))[0] == "AA"
    acknowledgement, because = answered(receiver, other)
    assert (acknowledgement, "MSH-10" in because) == ("AE", True)
    assert kept(ledger)["ast_u_per_l"] == 41
    assert answered(receiver, other.replace(b"|LAB|HOSP|", b"|LAB2|HOSP|"))[0] == "AA"
    clock.advance(25 * 3600)  # The counter of a sender may have come round.
    assert answered(receiver, other)[0] == "AA"


@pytest.mark.parametrize("status", list("PRSIOUN"))
def test_answer_when_a_result_is_not_final_then_is_accepted_and_not_kept(
    ledger: Ledger, receiver: Hl7Receiver, status: str
) -> None:
    assert answered(receiver, panel(status=status)) == ("AA", "")
    assert kept(ledger) == {}


@pytest.mark.parametrize(
    ("name", "value", "unit", "because"),
    [
        ("2324-2^ALT^LN", "41", "U/L", "LAB-TEXT"),
        ("13952-7^Anti-HCV^LN", "Positive", "", "LAB-TEXT"),
        ("1920-8^AST^LN", "41", "mg/dL", "LAB-UNIT"),
        ("1920-8^AST^LN", "41", "", "LAB-UNIT"),
        ("2885-2^Protein^LN", "7.1", "g/L", "LAB-RANGE"),
        ("2885-2^Protein^LN", "71", "g/L^g/dL^UCUM", "LAB-UNIT"),
        ("1920-8^AST^LN^1742-6^AST^LN", "41", "U/L", "LAB-CODE"),
    ],
)
def test_answer_when_one_value_contradicts_itself_then_it_is_named_and_the_others_are_kept(
    ledger: Ledger, receiver: Hl7Receiver, name: str, value: str, unit: str, because: str
) -> None:
    sound = panel(values={"lymphocyte_percent": "31.5"})
    acknowledgement, reason = answered(
        receiver, with_line(sound, f"OBX|9|NM|{name}||{value}|{unit}|||||F|||20260201")
    )
    assert acknowledgement == "AE"
    assert reason.startswith("OBX 9: ")
    assert because in reason
    assert kept(ledger) == {"lymphocyte_percent": 31.5}
    assert [refusal.code for refusal in ledger.labs.refusals(P1)] == [because]


def test_answer_when_the_code_of_afp_comes_then_it_is_no_value_of_anything(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    line = "OBX|9|NM|19177-5^AFP^LN||12|ng/mL|||||F|||20260201"
    assert answered(receiver, with_line(panel(values={}), line)) == ("AA", "")
    assert ledger.labs.values() == ()


def test_answer_when_a_sound_test_has_no_number_then_is_accepted_with_a_warning(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    message = panel(values={"ast_u_per_l": "hemolysed", "ggt_u_per_l": "62"})
    acknowledgement, reason = answered(receiver, message)
    assert (acknowledgement, "LAB-VALUE" in reason) == ("AA", True)
    assert "hemolysed" not in reason
    assert kept(ledger) == {"ggt_u_per_l": 62}


def test_answer_when_a_value_is_a_bound_then_it_is_kept_as_one(ledger: Ledger, receiver: Hl7Receiver) -> None:
    line = "OBX|9|SN|1920-8^AST^LN||<^5|U/L|||||F|||20260201"
    assert answered(receiver, with_line(panel(values={}), line))[0] == "AA"
    (row,) = ledger.labs.values(P1)
    assert (row.comparator, row.value, row.original_value) == ("<", 5.0, "<5")


@pytest.mark.parametrize(
    ("value", "flag", "expected"),
    [
        ("5", "<", ("<", 5.0)),
        ("5", ">", (">", 5.0)),
        ("<5", "<", ("<", 5.0)),
        ("5", "A~<^below scale^HL70078", ("<", 5.0)),
        ("5", "L", ("", 5.0)),
        (">5", "<", None),
        ("5", "<~>", None),
    ],
)
def test_answer_when_a_value_is_off_the_scale_then_it_is_a_bound(
    ledger: Ledger, receiver: Hl7Receiver, value: str, flag: str, expected: tuple[str, float] | None
) -> None:
    line = f"OBX|9|NM|1920-8^AST^LN||{value}|U/L||{flag}|||F|||20260201"
    assert answered(receiver, with_line(panel(values={}), line))[0] == "AA"
    assert [(row.comparator, row.value) for row in ledger.labs.values(P1)] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("old", "new", "acknowledgement", "because"),
    [
        (b"ORU^R01^ORU_R01", b"ORM^O01", "AR", "message type"),
        (b"ORU^R01^ORU_R01", b"ADT^A01", "AR", "message type"),
        (b"|2.5.1", b"|2.7", "AR", "version"),
        (b"|P|2.5.1", b"|T|2.5.1", "AR", "MSH-11"),
        (b"|1|P|", b"||P|", "AR", "MSH-10"),
        (b"|P|2.5.1", b"|P|2.5.1||||||EBCDIC", "AE", "MSH-18"),
        (b"Doe^Jane", b"D\xf6e|", "AE", "character set"),
        (b"P1^^^HOSP^MR", b"", "AE", "PID-3"),
        (b"P1^^^HOSP^MR", b"1-2-3^^^SSA^SS", "AE", "PID-3"),
        (b"\rPID", b"\rPIX", "AE", "PID"),
        (b"Doe^Jane", b"Doe\x00Jane", "AR", "NUL"),
    ],
)
def test_answer_when_a_message_cannot_be_taken_then_says_why(
    ledger: Ledger, receiver: Hl7Receiver, old: bytes, new: bytes, acknowledgement: str, because: str
) -> None:
    message = panel()
    if because == "character set":
        message = message.replace(b"|2.5.1\r", b"|2.5.1||||||UNICODE UTF-8\r")
    found, reason = answered(receiver, message.replace(old, new))
    assert (found, because in reason) == (acknowledgement, True)
    assert ledger.labs.values() == ()
    assert "Doe" not in reason


def test_answer_when_the_character_set_is_not_named_then_latin_letters_do_no_harm(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    assert answered(receiver, panel().replace(b"Doe", b"D\xf6e"))[0] == "AA"
    assert kept(ledger) == pytest.approx(dict(EXPECTED))


@pytest.mark.parametrize("block", [b"", b"hello", b"\r\r", b"GET / HTTP/1.1\r\n\r\n"])
def test_answer_when_there_is_no_message_then_drops_the_block_with_a_line(
    receiver: Hl7Receiver, block: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert receiver.answer(block) is None
    assert "dropped" in caplog.text


def test_answer_when_refused_then_the_log_names_the_message_and_no_patient(
    receiver: Hl7Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer(panel("X-77").replace(b"|U/L|", b"|furlong|"))
    assert "X-77" in caplog.text
    assert "Doe" not in caplog.text
    assert "P1" not in caplog.text


def test_answer_when_a_batch_comes_then_each_message_has_its_answer(ledger: Ledger, receiver: Hl7Receiver) -> None:
    messages = [panel("1", order="A1"), panel("2").replace(b"ORU^R01^ORU_R01", b"ORM^O01"), panel("3", order="A3")]
    block = b"\r".join([b"FHS|^~\\&|LAB", b"BHS|^~\\&|LAB", *messages, b"BTS|3", b"FTS|1"])
    answer = receiver.answer(block)
    assert answer is not None
    batch = hl7.parse_batch(answer.decode())
    assert [str(item.segment("MSA")[1]) for item in batch] == ["AA", "AR", "AA"]
    assert [str(item.segment("MSA")[2]) for item in batch] == ["1", "2", "3"]


@pytest.mark.parametrize("name", [name for name in CHARACTER_SETS if name])
def test_answer_when_a_character_set_of_the_table_is_named_then_its_text_is_read(
    ledger: Ledger, receiver: Hl7Receiver, name: str
) -> None:
    message = panel().replace(b"|2.5.1\r", f"|2.5.1||||||{name}\r".encode())
    assert answered(receiver, message) == ("AA", "")
    assert kept(ledger) == pytest.approx(dict(EXPECTED))


def test_answer_when_a_value_is_repeated_then_it_is_no_one_number(ledger: Ledger, receiver: Hl7Receiver) -> None:
    acknowledgement, reason = answered(receiver, panel(values={"ast_u_per_l": "41~42", "ggt_u_per_l": "62~"}))
    assert (acknowledgement, "OBX 1: AST is not one number" in reason) == ("AA", True)
    assert kept(ledger) == {"ggt_u_per_l": 62}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"AST \T\ co", "AST & co"),
        (r"a\F\b\S\c\R\d\E\e", "a|b^c~d\\e"),
        (r"\X41\\H\ST\N\ GOT", "AST GOT"),
        (r"AST\.br\GOT", "AST\nGOT"),
        ("lone \\ mark", "lone \\ mark"),
        (r"\Zown\AST", "AST"),
    ],
)
def test_unescape_when_sequences_stand_in_a_text_then_gives_what_they_mean(written: str, meant: str) -> None:
    assert Separators().unescape(written) == meant


def test_answer_when_the_reason_is_given_then_also_as_err_where_the_version_has_it(receiver: Hl7Receiver) -> None:
    wrong = panel().replace(b"|U/L|", b"|furlong|")
    for version, number in ((b"2.5.1", 2), (b"2.3", 0)):
        answer = receiver.answer(wrong.replace(b"|1|P|2.5.1", b"|V" + version + b"|P|" + version))
        assert answer is not None
        errors = [line.split("|") for line in answer.decode().split("\r") if line.startswith("ERR")]
        assert [(error[3].split("^")[0], error[4], "LAB-UNIT" in error[8]) for error in errors] == [
            ("207", "E", True)
        ] * number


def test_answer_when_a_site_maps_its_own_codes_then_its_messages_count(ledger: Ledger, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        'version = "1.1.1"\n[analytes.ast_u_per_l]\nlocal = [{ code = "GOT7", system = "99LAB" }]\n'
        'text = ["got 37 grad"]\nunits = { "nkat/L" = 0.06 }\n',
        encoding="utf-8",
    )
    line = "OBX|9|NM|GOT7^GOT 37 Grad^99LAB||1000|nkat/L|||||F|||20260201"
    for rules, expected in ((load_analytes(), {}), (load_analytes(site), {"ast_u_per_l": 60.0})):
        mapped = Hl7Receiver(ledger.labs, rules, "HOSP", lambda: NOW)
        assert answered(mapped, with_line(panel(rules.version, values={}), line)) == ("AA", "")
        assert kept(ledger) == pytest.approx(expected)


@pytest.mark.parametrize("name", SYSTEMS)
def test_fields_when_read_by_another_parser_then_are_the_same(name: str) -> None:
    from node.labs.hl7_message import read_message  # noqa: PLC0415 - only here

    message = read_message(SYSTEMS[name][0].replace(b"\n", b"\r"))
    text = "\r".join(message.header.separators.field.join(s.fields) for s in message.segments[1:])
    header = SYSTEMS[name][0].replace(b"\n", b"\r").split(b"\r")[0].decode(message.codec)
    parsed = hl7.parse(f"{header}\r{text}")
    for own, other in zip(message.segments[1:], parsed[1:], strict=True):
        assert [str(field) for field in other] == list(own.fields)


def test_answer_when_a_byte_order_mark_stands_before_it_then_it_is_read(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    bom = b"\xef\xbb\xbf"
    assert answered(receiver, bom + panel()) == ("AA", "")
    second = bom + panel("2", order="A2")
    batch = receiver.answer(joined(bom + b"FHS|^~\\&|LAB", b"BHS|^~\\&|LAB", second, b"BTS|1"))
    assert batch is not None
    assert batch.startswith(b"BHS")
    assert len(ledger.labs.values(P1)) == 2 * len(PANEL)


def test_answer_when_lines_stand_before_the_header_then_they_are_dropped_with_a_line(
    receiver: Hl7Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    assert answered(receiver, joined(b"MSX|broken", panel())) == ("AA", "")
    assert "before the first MSH segment dropped" in caplog.text


def test_refuse_long_when_its_header_is_whole_then_is_an_ar_to_its_sender(receiver: Hl7Receiver) -> None:
    answer = receiver.refuse_long(panel("L-1")[:200])
    assert answer is not None
    assert [str(hl7.parse(answer).segment("MSA")[number]) for number in (1, 2)] == ["AR", "L-1"]
    assert receiver.refuse_long(b"x" * 200) is None


def test_answer_group_when_the_ledger_takes_one_of_them_not_then_the_others_are_entered(ledger: Ledger) -> None:
    class Picky(Labs):
        def take_group(self, group: Sequence[Incoming]) -> list[Taken | ControlIdInUseError]:
            if any(incoming.message.control_id == "2" for incoming in group):
                raise OperationalError("", None, RuntimeError("no"))
            return super().take_group(group)

    receiver = Hl7Receiver(Picky(ledger.engine, ledger.clock), load_analytes(), "HOSP", lambda: NOW)
    answers = receiver.answer_group(
        [panel(str(number), f"P{number}^^^HOSP^MR", values={"ast_u_per_l": "41"}) for number in (1, 2, 3)]
    )
    assert [code_of(answer or b"") for answer in answers] == ["AA", "AR", "AA"]
    assert [row.patient_id for row in ledger.labs.values()] == ["P1", "P3"]


def test_answer_group_when_several_wait_then_they_are_one_transaction_in_their_order(
    ledger: Ledger, receiver: Hl7Receiver
) -> None:
    seen: list[str] = []
    event.listen(ledger.engine, "commit", lambda _connection: seen.append("COMMIT"))
    messages = [panel(str(number), values={"ast_u_per_l": f"4{number}"}) for number in range(5)]
    answers = receiver.answer_group([*messages, messages[0], b"rubbish", panel("9").replace(b"|2.5.1", b"|9")])
    assert [answer and code_of(answer) for answer in answers] == ["AA"] * 6 + [None, "AR"]
    assert len(seen) == 1
    assert kept(ledger) == {"ast_u_per_l": 44}


@pytest.mark.parametrize(
    ("sent", "kept_as"),
    [
        ("20260201", "2026-02-01"),
        ("2026020109", "2026-02-01"),
        ("202602010930", "2026-02-01T09:30:00"),
        ("20260201093015.25+0100", "2026-02-01T09:30:15+01:00"),
        ("2026020125", ""),
        ("202602", ""),
    ],
)
def test_answer_when_the_time_of_the_specimen_is_less_exact_then_no_more_of_it_is_kept(
    ledger: Ledger, receiver: Hl7Receiver, sent: str, kept_as: str
) -> None:
    receiver.answer(panel(values={"ast_u_per_l": "41"}, taken=sent))
    assert [row.collected_at for row in ledger.labs.values(P1)] == ([kept_as] if kept_as else [])
