"""Run the benchmark of the queue on a few studies, so that it does not rot."""

from pathlib import Path

from sqlalchemy import text

from node.ledger.connection import make_engine
from tests.bench.bench_queue import ROUNDS, WAITING, measure


def test_queue_is_measured_on_studies_that_can_be_claimed(tmp_path: Path) -> None:
    measured = measure(tmp_path, studies=10)
    assert all(taken > 0 for taken in measured.values())
    with make_engine(f"sqlite:///{tmp_path / 'ledger.sqlite3'}").connect() as connection:
        rows = connection.execute(text("select state, count(*) from studies group by state"))
        assert {row[0]: row[1] for row in rows} == {
            "analysing": ROUNDS,
            "delivered": 10,
            "ready": WAITING - ROUNDS,
        }


def test_last_changed_studies_are_found_by_an_index_and_not_by_sorting(tmp_path: Path) -> None:
    measure(tmp_path, studies=10)
    query = "explain query plan select * from studies order by updated_at desc, study_instance_uid limit 100"
    with make_engine(f"sqlite:///{tmp_path / 'ledger.sqlite3'}").connect() as connection:
        plan = " ".join(str(row[-1]) for row in connection.execute(text(query)))
    assert "USING INDEX ix_studies_updated_at" in plan
