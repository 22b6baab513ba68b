from collections.abc import Iterator

import pytest
from sqlalchemy import text

from node.ledger.alone import alone
from node.ledger.ledger import Ledger, open_ledger
from tests.unit.node.delivery_doubles import FakeTransport, courier, queue
from tests.unit.node.doubles import STUDY, FakeClock


@pytest.fixture
def other(ledger: Ledger, clock: FakeClock) -> Iterator[Ledger]:
    """Give the ledger as another node has it."""
    with open_ledger(ledger.engine.url.render_as_string(hide_password=False), clock, clock.monotonic_s) as opened:
        yield opened


def test_alone_when_two_nodes_share_a_ledger_then_one_has_it_until_its_block_ends(
    ledger: Ledger, other: Ledger
) -> None:
    # The embedded ledger has one node; `sole_node` sees to that.
    shared = ledger.engine.dialect.name == "postgresql"
    with alone(ledger.engine, "deliver pacs") as mine:
        assert mine
        with alone(other.engine, "deliver pacs") as theirs, alone(other.engine, "deliver archive") as another:
            assert (theirs, another) == (not shared, True)
    with alone(other.engine, "deliver pacs") as theirs:
        assert theirs


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_alone_when_the_server_ends_the_session_then_what_was_done_meanwhile_stands(
    ledger: Ledger, other: Ledger
) -> None:
    end_the_idle = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND state = 'idle in transaction'"
    )
    with alone(ledger.engine, "deliver pacs") as mine:
        assert mine
        with other.engine.connect() as connection:
            assert len(connection.execute(end_the_idle).all()) == 1
    with alone(ledger.engine, "deliver pacs") as mine:
        assert mine


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_deliver_when_another_node_delivers_to_the_peer_then_leaves_it_alone(
    ledger: Ledger, other: Ledger, clock: FakeClock
) -> None:
    queue(ledger, clock, STUDY)
    transport = FakeTransport()
    own = courier(ledger, transport)
    with alone(other.engine, "deliver pacs"):
        own.deliver()
    assert transport.calls == 0
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]
