import threading

import pytest

from dicom_io.network.receiving_memory import Loan, ReceivingMemory

OWN, SHARED = 10, 100


@pytest.fixture
def memory() -> ReceivingMemory:
    return ReceivingMemory(OWN, SHARED)


def test_hold_when_it_is_within_its_own_part_then_needs_nobody(memory: ReceivingMemory) -> None:
    Loan(memory, 0).hold(OWN + SHARED)
    Loan(memory, 0).hold(OWN)


def test_hold_when_others_have_it_then_gives_up_in_time(memory: ReceivingMemory) -> None:
    Loan(memory, 0).hold(OWN + SHARED - 5)
    another = Loan(memory, 0.01)
    another.hold(OWN + 5)
    with pytest.raises(ConnectionAbortedError):
        another.hold(OWN + 6)


def test_hold_when_it_grows_then_takes_only_the_difference(memory: ReceivingMemory) -> None:
    loan = Loan(memory, 0)
    for total in (5, OWN + 40, OWN + 80, OWN + 20, OWN + SHARED):
        loan.hold(total)
    with pytest.raises(ConnectionAbortedError):
        Loan(memory, 0).hold(OWN + 1)
    loan.release()
    Loan(memory, 0).hold(OWN + SHARED)


def test_hold_when_another_releases_then_goes_on(memory: ReceivingMemory) -> None:
    first, second = Loan(memory, 0), Loan(memory, 30)
    first.hold(OWN + SHARED)
    waiting = threading.Thread(target=second.hold, args=(OWN + 50,))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    first.release()
    waiting.join(10)
    assert not waiting.is_alive()
