"""Laboratory messages a second, each durable before its AA: `python -m tests.bench.bench_labs`.

A sender waits for each answer before it sends the next message, as interface engines do. One alone shares no wait
for the disk with anybody; several share each. The baseline is the floor that the disk leaves to one: the same
bytes as one row a transaction, with the durability of the ledger and nothing else. It runs before and after: a
shared disk changes.
"""

import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from node.ledger.ledger import open_ledger
from tests.bench.figure import Figure
from tests.unit.node.labs.hl7_samples import PANEL, panel
from tests.unit.node.labs.listening import ledger_url, listening
from tests.unit.node.labs.sender import Sender, code_of

MESSAGES = 10_000
SENDERS = 4
"""Connections of an interface engine with a channel for each department."""
GOAL_PER_S = 300.0
COMMAND = "python -m tests.bench.bench_labs"
_LEAST_ROWS = 100


@dataclass(frozen=True)
class Throughput:
    """Messages a second; every one was accepted, and its values are in the ledger."""

    messages: int
    per_s: float
    baseline_per_s: float


def measure(folder: Path, messages: int = MESSAGES, senders: int = 1) -> Throughput:
    """Send messages of six values each, of a thousand patients, and look for every value afterwards."""
    sent = [panel(f"C{n}", f"P{n % 1000}^^^HOSP^MR", order=f"A{n}") for n in range(messages)]
    rows = sent[: max(_LEAST_ROWS, messages // 20)]
    shares = [sent[start::senders] for start in range(senders)]
    with listening(folder) as process, ThreadPoolExecutor(senders) as beside:
        floor_s = _commit(folder / "before.sqlite", rows)
        begun = time.perf_counter()
        codes = set().union(*beside.map(partial(_send, process.settings.labs.port), shares))
        per_s = messages / (time.perf_counter() - begun)
        floor_s += _commit(folder / "after.sqlite", rows)
    if codes != {"AA"}:
        raise RuntimeError(f"answers {codes}")
    with open_ledger(ledger_url(folder)) as ledger:
        kept = len(ledger.labs.values())
    if kept != messages * len(PANEL):
        raise RuntimeError(f"{kept} values kept of {messages * len(PANEL)}")
    return Throughput(messages, per_s, 2 * len(rows) / floor_s)


def _send(port: int, messages: list[bytes]) -> set[str]:
    with Sender(port) as sender:
        return {code_of(sender.ask(message)) for message in messages}


def _commit(path: Path, messages: list[bytes]) -> float:
    """Return how long the disk takes to keep each message as a transaction of its own, s."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE rows (content BLOB)",
        ):
            database.execute(statement).close()
        begun = time.perf_counter()
        for message in messages:
            database.execute("INSERT INTO rows VALUES (?)", (message,))
        return time.perf_counter() - begun


def measure_anew(messages: int = MESSAGES, senders: int = 1) -> Throughput:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), messages, senders)


def figures() -> list[Figure]:
    """Return the figures for `make bench`."""
    found = {senders: measure_anew(senders=senders) for senders in (1, SENDERS)}
    return [
        Figure(
            f"laboratory messages, {its.messages} in a row, senders: {senders}",
            *(its.per_s, its.baseline_per_s),
            *(f">= {GOAL_PER_S:.0f} /s", "1/s", COMMAND),
        )
        for senders, its in found.items()
    ]


def main() -> int:
    """Print a line for one sender and one for several; exit 1 where both miss the goal."""
    best = 0.0
    for senders in (1, SENDERS):
        found = measure_anew(senders=senders)
        best = max(best, found.per_s)
        sys.stdout.write(
            f"{found.messages} messages, senders {senders}: {found.per_s:.0f} a second, durable before AA; "
            f"goal {GOAL_PER_S:.0f}; bare commits, the floor of this disk for one: {found.baseline_per_s:.0f} "
            f"a second; ratio {found.per_s / found.baseline_per_s:.2f}\n"
        )
    return 0 if best >= GOAL_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
