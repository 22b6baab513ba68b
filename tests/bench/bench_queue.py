"""The queue with 100,000 studies behind it, beside one with 100: `python -m tests.bench.bench_queue`."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from node.ledger import schema
from node.ledger.connection import make_engine
from node.ledger.ledger import open_ledger
from node.states import StudyState
from tests.bench.figure import Figure

COMMAND = "python -m tests.bench.bench_queue"
MANY, FEW = 100_000, 100
WAITING = 60
"""Studies that wait for a worker, in both."""
ROUNDS = 25
PAGE = 100
GOALS = {"claim of the next study": "< 10 ms", "list of a page": "< 100 ms"}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(url: str, studies: int, waiting: int = WAITING) -> None:
    """Enter `studies` studies that are done, one every minute, and `waiting` that wait."""
    rows = []
    for number in range(studies + waiting):
        waits = number >= studies
        at = BEGAN + timedelta(minutes=number)
        rows.append(
            {
                "study_instance_uid": f"2.25.{number}",
                "state": (StudyState.READY if waits else StudyState.DELIVERED).value,
                "generation": 1,
                "images": 391,
                "conflicting": False,
                "first_received_at": at,
                "last_received_at": at,
                "updated_at": at,
                "attempts": 0 if waits else 1,
            }
        )
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(schema.studies), rows)
    engine.dispose()


def measure(folder: Path, studies: int) -> dict[str, float]:
    """Return the median time of what is done often, ms; `folder` is empty."""
    url = f"sqlite:///{folder / 'ledger.sqlite3'}"
    with open_ledger(url) as ledger:
        fill(url, studies)
        return {
            "claim of the next study": _median_ms(lambda: ledger.work.claim("bench/0", 60.0)),
            "list of a page": _median_ms(lambda: ledger.studies.all(limit=PAGE)),
            "number in each state": _median_ms(ledger.studies.count),
            "time of the last change": _median_ms(ledger.studies.last_change),
        }


def figures() -> list[Figure]:
    """Return the figures for `make bench`; the baseline is the ledger of a new node."""
    measured = []
    for studies in (MANY, FEW):
        with tempfile.TemporaryDirectory() as folder:
            measured.append(measure(Path(folder), studies))
    return [
        Figure(f"{name}, {MANY} studies", many, few, GOALS.get(name, "none"), "ms", COMMAND)
        for (name, many), few in zip(measured[0].items(), measured[1].values(), strict=True)
    ]


def main() -> int:
    """Print each figure as one JSON line."""
    for figure in figures():
        sys.stdout.write(f"{json.dumps(figure.document())}\n")
    return 0


def _median_ms(step: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        step()
        taken.append(1000 * (time.perf_counter() - begun))
    return median(taken)


if __name__ == "__main__":
    sys.exit(main())
