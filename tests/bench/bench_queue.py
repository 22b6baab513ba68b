"""The queue with 100,000 studies behind it, beside one with 100: `python -m tests.bench.bench_queue`."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, text

from node.ledger import schema
from node.ledger.connection import make_engine
from node.ledger.ledger import open_ledger
from node.ledger.records import ObjectKind
from node.states import StudyState
from tests.bench.figure import Figure

COMMAND = "python -m tests.bench.bench_queue"
MANY, FEW = 100_000, 100
WAITING = 60
"""Studies that wait for a worker, and that wait for a peer, in both."""
WITH_IMAGES = 300
"""Studies whose images are not deleted yet: a month of ten a day."""
IMAGES, EVENTS = 391, 8
"""Of a study of a phantom; about as many events as `mvi-node studies show` tells of a study that went well."""
PEERS = ("archive", "workstation")
BEHIND_THE_STUDIES = (
    """
    insert into events (study_instance_uid, at, event, detail)
    select study_instance_uid, updated_at, 'event ' || n.value, 'attempt 1 by bench/0'
    from studies, json_each(:events) n
    """,
    """
    insert into results
        (study_instance_uid, generation, kind, sop_class_uid, sop_instance_uid, path, written_at)
    select study_instance_uid, 1, kind.value, '1.2.840.10008.5.1.4.1.1.88.34',
        study_instance_uid || '.' || kind.key, 'results/' || study_instance_uid || '/' || kind.value, updated_at
    from studies, json_each(:kinds) kind where state <> 'ready'
    """,
    """
    insert into outbox
        (study_instance_uid, generation, destination, rank, kind, sop_class_uid, sop_instance_uid, path, state,
         attempts, requests, absences, refusals, not_before)
    select results.study_instance_uid, 1, peer.value, results.number, kind, sop_class_uid, sop_instance_uid,
        results.path,
        case when peer.key = 0 and updated_at >= :first_late then 'waiting' else 'delivered' end,
        1, 0, 0, 0, updated_at
    from results join studies using (study_instance_uid), json_each(:peers) peer
    """,
    """
    insert into instances
        (study_instance_uid, series_instance_uid, sop_instance_uid, sop_class_uid, transfer_syntax_uid, path,
         content_sha256, size_bytes, received_at, calling_ae_title, peer, conflicting)
    select study_instance_uid, study_instance_uid || '.1', study_instance_uid || '.1.' || n.value,
        '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.1.2.1', 'inbox/' || study_instance_uid || '/' || n.value,
        hex(randomblob(32)), 140000, updated_at, 'SCANNER', '10.0.0.1', 0
    from studies, json_each(:images) n where updated_at >= :first_with_images
    """,
)
"""By SQLite itself: two million rows would take a program minutes."""
ROUNDS = 25
PAGE = 100
GOALS = {
    "claim of the next study": "< 10 ms",
    "list of a page": "< 100 ms",
    "list of a page of the delivered": "< 100 ms",
    "list of a page of the failed": "< 100 ms",
    "list of the last page": "< 100 ms",
}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(url: str, studies: int, waiting: int = WAITING, with_images: int = WITH_IMAGES) -> None:
    """Enter `studies` studies that are done, one every minute, and `waiting` that wait for a worker.

    Each has what a node keeps of it: its history, three objects and their deliveries to two peers; the last
    `with_images` also their instances, which retention deletes of the others. One in a hundred failed; the last
    that were done wait for a peer that was away.
    """
    rows = [_study(number, waits=number >= studies) for number in range(studies + waiting)]
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(insert(schema.studies), rows)
        for statement in BEHIND_THE_STUDIES:
            connection.execute(
                text(statement),
                {
                    "events": json.dumps(list(range(EVENTS))),
                    "kinds": json.dumps([kind.value for kind in ObjectKind]),
                    "peers": json.dumps(PEERS),
                    "images": json.dumps(list(range(IMAGES))),
                    "first_with_images": _at(max(0, studies + waiting - with_images)).replace(tzinfo=None),
                    "first_late": _at(max(0, studies - waiting)).replace(tzinfo=None),
                },
            )
    engine.dispose()


def _at(number: int) -> datetime:
    return BEGAN + timedelta(minutes=number)


def _study(number: int, *, waits: bool) -> dict[str, Any]:
    state = StudyState.READY if waits else StudyState.FAILED if number % 100 == 99 else StudyState.DELIVERED
    return {
        "study_instance_uid": f"2.25.{10**37 + number}",
        "state": state.value,
        "generation": 1,
        "images": IMAGES,
        "conflicting": False,
        "first_received_at": _at(number),
        "last_received_at": _at(number),
        "updated_at": _at(number),
        "attempts": 0 if waits else 1,
    }


def measure(folder: Path, studies: int, with_images: int = WITH_IMAGES) -> dict[str, float]:
    """Return the median time of what is done often, ms; `folder` is empty."""
    url = f"sqlite:///{folder / 'ledger.sqlite3'}"
    with open_ledger(url) as ledger:
        fill(url, studies, with_images=with_images)
        every, last = ledger.studies.all, ledger.studies.all(limit=1)[0].study_instance_uid
        return {
            "claim of the next study": _median_ms(lambda: ledger.work.claim("bench/0", 60.0)),
            "list of a page": _median_ms(lambda: every(limit=PAGE)),
            "list of a page of the delivered": _median_ms(lambda: every([StudyState.DELIVERED], limit=PAGE)),
            "list of a page of the failed": _median_ms(lambda: every([StudyState.FAILED], limit=PAGE)),
            "list of the last page": _median_ms(lambda: every(limit=PAGE, skip=max(0, studies - PAGE))),
            "number in each state": _median_ms(ledger.studies.count),
            "time of the last change": _median_ms(ledger.studies.last_change),
            "history of a study": _median_ms(lambda: ledger.history(last)),
            "images of a study": _median_ms(lambda: ledger.studies.instances(last)),
            "what a peer is to get": _median_ms(lambda: ledger.outbox.due(PEERS[0])),
            "deliveries in each state": _median_ms(ledger.outbox.count),
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
