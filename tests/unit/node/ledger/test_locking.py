"""Courier and worker change one study at once: whoever locks the deliveries first would wait for ever."""

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from node.ledger import delivery
from node.ledger.delivery_records import Confirmation, Delivery
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.records import ObjectKind
from node.ledger.rows import locked
from node.states import Event
from tests.unit.dicom_io.network.receiver import wait_until
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take
from tests.unit.node.ledger.conftest import NewDatabase

pytestmark = pytest.mark.peer("postgresql")

COMMITTED = [item.sop_instance_uid for item in result_objects()]
TRANSACTION, NEXT_TRANSACTION = "2.25.1", "2.25.2"

Change = Callable[[Ledger, Delivery], object]


@pytest.fixture
def ledger(new_postgresql_database: NewDatabase, clock: FakeClock) -> Iterator[Ledger]:
    # SQLite has one writer at a time, and no deadlock.
    with open_ledger(new_postgresql_database("migrated"), clock) as opened:
        yield opened


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger, item: ledger.outbox.again(item, "no answer", 30),
        lambda ledger, item: ledger.outbox.refused(item, "never"),
        lambda ledger, item: ledger.outbox.stored(item),
        lambda ledger, item: ledger.confirmations.requested([item], NEXT_TRANSACTION, 300),
        lambda ledger, item: ledger.confirmations.confirmed([item], Confirmation.QUERY),
        lambda ledger, item: ledger.confirmations.absent([item], 300),
        lambda ledger, _: ledger.confirmations.answered(TRANSACTION, COMMITTED, {}),
        lambda ledger, _: ledger.confirmations.answered(TRANSACTION, [], dict.fromkeys(COMMITTED, "gone")),
    ],
    ids=["again", "refused", "stored", "requested", "confirmed", "absent", "committed", "not-committed"],
)
def test_outbox_when_a_worker_finishes_the_same_study_then_waits_for_it(
    ledger: Ledger, clock: FakeClock, change: Change
) -> None:
    waiting = deliver_two_of_three(ledger, clock)
    errors: list[Exception] = []

    def courier() -> None:
        try:
            change(ledger, waiting)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=courier)
    with ledger.engine.begin() as worker:
        study = locked(worker, STUDY)
        thread.start()
        wait_until(lambda: waits_for_a_lock(ledger), "the courier waits for the worker")
        delivery.enqueue(worker, study, result_objects(version="2"), {"pacs": list(ObjectKind)}, clock())
        # What `enqueue` leaves alone is locked as well: the statements of a later version may not.
        worker.execute(text("SELECT number FROM outbox FOR UPDATE"))
    thread.join()
    assert errors == []


def deliver_two_of_three(ledger: Ledger, clock: FakeClock) -> Delivery:
    """Leave two objects stored and asked about; return the third, which is on its way."""
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    *stored, waiting = ledger.outbox.due("pacs")
    for item in stored:
        ledger.outbox.stored(item)
    ledger.confirmations.requested(stored, TRANSACTION, 300)
    return waiting


def waits_for_a_lock(ledger: Ledger) -> bool:
    with ledger.engine.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
