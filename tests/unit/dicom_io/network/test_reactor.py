import threading
import time
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.fsm import StateMachine

from dicom_io.network.limits import TransportLimits
from dicom_io.network.reactor import GuardedAE, ReactorGate
from tests.unit.dicom_io.network.receiver import AE_TITLE, receiving

VERIFICATION = "1.2.840.10008.1.1"
DIMSE_S = 0.5


def lag(monkeypatch: pytest.MonkeyPatch, kind: type[threading.Event]) -> None:
    """Delay the reactor behind the gate, and the sender before it looks for its answer, as a busy machine does."""
    passing, getting = kind.wait, DIMSEServiceProvider.get_msg

    def wait(self: threading.Event, timeout: float | None = None) -> bool:
        passed = passing(self, timeout)
        if threading.current_thread().name.startswith("RequestorThread"):
            time.sleep(0.05)
        return passed

    def get_msg(self: DIMSEServiceProvider, block: bool = False) -> Any:
        if block:
            time.sleep(0.15)
        return getting(self, block)

    monkeypatch.setattr(kind, "wait", wait)
    monkeypatch.setattr(DIMSEServiceProvider, "get_msg", get_msg)


def echoes(ae: AE, port: int) -> list[bool]:
    ae.add_requested_context(VERIFICATION, ImplicitVRLittleEndian)
    ae.dimse_timeout = DIMSE_S
    assoc = ae.associate("127.0.0.1", port, ae_title=AE_TITLE)
    answered = []
    for _ in range(5):
        if assoc.is_established:
            answered.append("Status" in assoc.send_c_echo())
            time.sleep(0.01)  # Until the reactor has passed the gate again.
    assoc.release()
    return answered


def test_answer_when_the_reactor_lags_then_reaches_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        lag(monkeypatch, ReactorGate)

        assert echoes(GuardedAE("SCANNER", TransportLimits()), receiver.scp.port) == [True] * 5


def test_association_when_its_provider_lags_behind_the_request_then_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = StateMachine.transition

    def late(self: StateMachine, state: str) -> None:
        if state == "Sta3":
            time.sleep(0.1)  # The association has the request already, and answers it.
        moved(self, state)

    monkeypatch.setattr(StateMachine, "transition", late)
    with receiving() as receiver:
        assert echoes(GuardedAE("SCANNER", TransportLimits()), receiver.scp.port) == [True] * 5


def test_gate_when_closed_then_holds_only_once_the_reactor_stands_there() -> None:
    gate, passed = ReactorGate(), threading.Event()

    def react() -> None:
        gate.wait()
        passed.set()

    assert not gate.holds()
    reactor = threading.Thread(target=react)
    reactor.start()
    deadline = time.monotonic() + 5
    while not gate.holds():
        assert time.monotonic() < deadline
    assert not passed.is_set()

    gate.set()
    reactor.join(5)
    assert passed.is_set()
    gate.clear()
    assert not gate.holds()


def test_gate_when_nobody_opens_it_then_gives_up_after_the_timeout() -> None:
    assert not ReactorGate().wait(0.01)


def test_paused_when_the_association_has_ended_then_is_true() -> None:
    with receiving() as receiver:
        ae = GuardedAE("SCANNER", TransportLimits())
        ae.add_requested_context(VERIFICATION, ImplicitVRLittleEndian)
        assoc = ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)
        assoc.release()
        assoc.join(5)

    assert assoc._is_paused


def test_release_when_the_provider_meets_a_fault_then_does_not_wait_for_an_answer() -> None:
    with receiving() as receiver:
        ae = GuardedAE("SCANNER", TransportLimits())
        ae.add_requested_context(VERIFICATION, ImplicitVRLittleEndian)
        assoc = ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)
        # PS3.8 table 9-10 has no such event for an established association; the thread of the provider ends.
        assoc.dul.event_queue.put("Evt8")
        assoc.dul.join(5)
        releasing = threading.Thread(target=assoc.release, daemon=True)
        releasing.start()
        releasing.join(TransportLimits().acse_timeout_s / 3)

        assert not releasing.is_alive()
        assert assoc.is_aborted
