"""Run the benchmark of the queue on a few studies, so that it does not rot."""

from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.event import listens_for

from node.ledger import schema
from node.ledger.connection import make_engine
from node.ledger.ledger import open_ledger
from node.states import StudyState
from tests.bench.bench_queue import EVENTS, IMAGES, PEERS, ROUNDS, WAITING, fill, measure


def test_queue_is_measured_on_studies_that_can_be_claimed(tmp_path: Path) -> None:
    measured = measure(tmp_path, studies=200, with_images=1)
    assert all(taken > 0 for taken in measured.values())
    with make_engine(f"sqlite:///{tmp_path / 'ledger.sqlite3'}").connect() as connection:
        rows = connection.execute(text("select state, count(*) from studies group by state"))
        assert {row[0]: row[1] for row in rows} == {
            "analysing": ROUNDS,
            "delivered": 198,
            "failed": 2,
            "ready": WAITING - ROUNDS,
        }

        behind = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in (schema.events, schema.results, schema.outbox, schema.instances)
        }
        assert behind == {
            "events": (200 + WAITING) * EVENTS + ROUNDS,
            "results": 200 * 3,
            "outbox": 200 * 3 * len(PEERS),
            "instances": IMAGES,
        }


def test_last_changed_studies_are_found_by_an_index_and_not_by_sorting(tmp_path: Path) -> None:
    measure(tmp_path, studies=10, with_images=0)
    query = "explain query plan select * from studies order by updated_at desc, study_instance_uid limit 100"
    with make_engine(f"sqlite:///{tmp_path / 'ledger.sqlite3'}").connect() as connection:
        plan = " ".join(str(row[-1]) for row in connection.execute(text(query)))
    assert "USING INDEX ix_studies_updated_at" in plan


def test_page_of_what_most_studies_are_is_found_without_sorting_them(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    with open_ledger(url) as ledger:
        fill(url, 200, with_images=0)
        plans: list[str] = []

        @listens_for(ledger.engine, "before_cursor_execute")
        def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
            cursor.execute(f"explain query plan {statement}", parameters)
            plans.append(" ".join(str(row[-1]) for row in cursor.fetchall()))

        pages = {}
        for state in (StudyState.DELIVERED, StudyState.FAILED):
            everything = ledger.studies.all([state])
            pages[state] = ledger.studies.all([state], limit=1, skip=1)
            assert pages[state] == everything[1:2]
            sorts = "USE TEMP B-TREE FOR ORDER BY"
            assert (sorts in plans[-1]) == (state is StudyState.FAILED)
    assert pages[StudyState.DELIVERED][0].state is StudyState.DELIVERED
