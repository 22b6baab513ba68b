"""Laboratory messages a second, each durable before its AA: `python -m tests.bench.bench_labs`.

One sender waits for each answer before it sends the next message, as interface engines do, so that no two
messages share a wait for the disk. The baseline is the floor that this leaves: the same bytes as one row a
transaction, with the durability of the ledger and nothing else. It runs before and after: a shared disk changes.
"""

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from node.ledger.ledger import open_ledger
from tests.bench.figure import Figure
from tests.unit.node.labs.hl7_samples import PANEL, panel
from tests.unit.node.labs.listening import ledger_url, listening
from tests.unit.node.labs.sender import Sender, code_of

MESSAGES = 10_000
GOAL_PER_S = 300.0
COMMAND = "python -m tests.bench.bench_labs"
_LEAST_ROWS = 100


@dataclass(frozen=True)
class Throughput:
    """Messages a second; every one was accepted, and its values are in the ledger."""

    messages: int
    per_s: float
    baseline_per_s: float


def measure(folder: Path, messages: int = MESSAGES) -> Throughput:
    """Send messages of six values each, of a thousand patients, and look for every value afterwards."""
    sent = [panel(f"C{n}", f"P{n % 1000}^^^HOSP^MR", order=f"A{n}") for n in range(messages)]
    rows = sent[: max(_LEAST_ROWS, messages // 20)]
    with listening(folder) as process, Sender(process.settings.labs.port) as sender:
        floor_s = _commit(folder / "before.sqlite", rows)
        begun = time.perf_counter()
        codes = {code_of(sender.ask(message)) for message in sent}
        per_s = messages / (time.perf_counter() - begun)
        floor_s += _commit(folder / "after.sqlite", rows)
    if codes != {"AA"}:
        raise RuntimeError(f"answers {codes}")
    with open_ledger(ledger_url(folder)) as ledger:
        kept = len(ledger.labs.values())
    if kept != messages * len(PANEL):
        raise RuntimeError(f"{kept} values kept of {messages * len(PANEL)}")
    return Throughput(messages, per_s, 2 * len(rows) / floor_s)


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


def measure_anew(messages: int = MESSAGES) -> Throughput:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), messages)


def figures() -> list[Figure]:
    """Return the figure for `make bench`."""
    found = measure_anew()
    name = f"laboratory messages, {found.messages} in a row"
    return [Figure(name, found.per_s, found.baseline_per_s, f">= {GOAL_PER_S:.0f} /s", "1/s", COMMAND)]


def main() -> int:
    """Print one line; exit 1 where the goal is missed."""
    found = measure_anew()
    sys.stdout.write(
        f"{found.messages} messages: {found.per_s:.0f} a second, durable before AA; goal {GOAL_PER_S:.0f}; "
        f"bare commits, the floor of this disk: {found.baseline_per_s:.0f} a second\n"
    )
    return 0 if found.per_s >= GOAL_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
