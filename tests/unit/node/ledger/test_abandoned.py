"""A node that stands still in the middle of a transaction, and the other that wants the same study."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from node.ledger import abandoned
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.records import Recorded
from node.ledger.rows import locked
from tests.unit.node.doubles import STUDY, FakeClock, instance

pytestmark = [
    pytest.mark.peer("postgresql"),
    pytest.mark.parametrize("ledger", ["postgresql"], indirect=True),
]
STANDS_STILL_S = 0.2
TOO_LONG_MS = 30_000


def test_record_when_another_node_stands_still_with_the_study_then_does_not_wait_for_it(
    ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abandoned, "STANDS_STILL_S", STANDS_STILL_S)
    ledger.record_instance(instance(clock, number=1))
    url = ledger.engine.url.render_as_string(hide_password=False)
    with open_ledger(url, clock, clock.monotonic_s) as still, still.engine.connect() as standing:
        standing.begin()
        locked(standing, STUDY)
        with ledger.engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {TOO_LONG_MS}"))
            locked(connection, STUDY)
        assert ledger.record_instance(instance(clock, number=2)) is Recorded.NEW
        # As where the server is away: its work is tried again, and is no bug.
        with pytest.raises(OperationalError, match="idle-in-transaction timeout"):
            standing.scalar(select(1))
