"""The listener in its own process: what was answered AA outlives it, also for a sender that reconnects."""

import random
import time
from pathlib import Path

import pytest
from hl7.client import MLLPClient

from node.labs.observation import PatientIdentity
from node.ledger.lab_records import LabValue
from node.ledger.ledger import open_ledger
from node.reception.process import ReceptionError
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.labs.hl7_samples import EXPECTED, panel
from tests.unit.node.labs.listening import LOOPBACK, free_port, kill, ledger_url, listening
from tests.unit.node.labs.sender import Sender, code_of, deliver
from tests.unit.node.labs.test_mllp import client_context

MESSAGES = 45
P1 = PatientIdentity("P1", "HOSP")


def patient_panel(number: int) -> bytes:
    """Return a message of a patient of its own, with a value that tells which."""
    values = {"ast_u_per_l": str(100 + number)}
    return panel(f"C{number}", f"P{number}^^^HOSP^MR", order=f"A{number}", values=values)


def kept(folder: Path) -> tuple[LabValue, ...]:
    with open_ledger(ledger_url(folder)) as ledger:
        return ledger.labs.values()


def test_listener_when_another_library_sends_then_it_gets_its_ack(tmp_path: Path) -> None:
    with listening(tmp_path) as process, MLLPClient(LOOPBACK, process.settings.labs.port) as client:
        assert b"MSA|AA|1|" in client.send_message(panel("1").decode())
    assert {row.analyte: row.value for row in kept(tmp_path)} == pytest.approx(dict(EXPECTED))


def test_listener_when_killed_between_receipt_and_ack_then_every_acknowledged_value_is_there_once(
    tmp_path: Path,
) -> None:
    chance, kills = random.Random(7), 0
    with listening(tmp_path) as process:

        def perhaps_kill(number: int) -> None:
            nonlocal kills
            if number % 15 == 5 and kills <= number // 15:
                kills += 1
                time.sleep(chance.uniform(0, 0.01))  # Before, within or after the transaction.
                kill(process)

        def start_again() -> None:
            process.watch()
            time.sleep(0.05)

        answers = deliver(
            lambda: process.settings.labs.port,
            [patient_panel(number) for number in range(MESSAGES)],
            wait=start_again,
            before=perhaps_kill,
        )
    assert kills == MESSAGES // 15
    assert {code_of(answer) for answer in answers} == {"AA"}
    found = [(row.patient_id, row.value) for row in kept(tmp_path)]
    assert found == [(f"P{number}", 100.0 + number) for number in range(MESSAGES)]


def test_listener_when_a_sender_reconnects_each_time_then_nothing_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    with listening(tmp_path) as process:
        for number in range(20):
            with Sender(process.settings.labs.port) as hasty:
                hasty.send(patient_panel(number))  # Gone before the answer, as after a time-out.
            with Sender(process.settings.labs.port) as patient:
                assert code_of(patient.ask(patient_panel(number))) == "AA"
    assert sorted(row.patient_id for row in kept(tmp_path)) == sorted(f"P{number}" for number in range(20))


def test_listener_when_senders_speak_tls_and_plain_then_both_are_heard(tmp_path: Path) -> None:
    server = new_authority(tmp_path / "ca").issue("localhost")
    files = {"tls_certificate": str(server.certificate), "tls_key": str(server.key), "tls_port": free_port()}
    with listening(tmp_path, **files) as process:
        labs = process.settings.labs
        with (
            Sender(labs.tls_port, client_context(tmp_path / "ca" / "ca.pem")) as secret,
            Sender(labs.port) as plain,
        ):
            assert code_of(secret.ask(patient_panel(1))) == code_of(plain.ask(patient_panel(2))) == "AA"


def test_listener_when_its_port_is_taken_then_says_so(tmp_path: Path) -> None:
    with listening(tmp_path) as first:
        taken = first.settings.labs.port
        sentence = rf"HL7 listener: {LOOPBACK}:{taken} .*\(address already in use\); .*labs\.port"
        with pytest.raises(ReceptionError, match=sentence), listening(tmp_path / "other", port=taken):
            raise AssertionError
