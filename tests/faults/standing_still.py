"""Two nodes on one PostgreSQL with short leases; the one that holds a study is killed, or stands still a while."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from node.ledger.ledger import Ledger, open_ledger
from node.states import RESTING, Event
from tests.faults.databases import node_on, worked_at_once
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.killing import RememberingPacs
from tests.faults.scanner import Sending, lost_or_doubled, shoot
from tests.faults.victim import Haste, Toml, Victim, Zygote, wait_for, zygote
from tests.integration.postgresql import Server, postgresql_server

LEASE_S = 3.0
WORKS_S = 5.0
"""So long the first holds a study before it would finish it, s."""
VOID = ("claim is void", "claim lost")
"""What the log says of a node that finds that its study was taken over."""


def leave(folder: Path, cases: int) -> FaultRecord:
    """Kill the node that holds a study, or stop it until the other has finished, in turn; a case is one study."""
    failures: list[str] = []
    with zygote() as nodes, postgresql_server() as server, RememberingPacs(folder / "pacs") as pacs:
        for number in range(cases):
            leaving = LEAVING[number % len(LEAVING)]
            own = folder / f"trial-{number}"
            settings: Toml = {"node": {"storage": str(folder / "storage")}}
            found = _trial(nodes, own, server, pacs, settings, leaving)
            failures += [f"trial {number}, {leaving.__name__}: {problem}" for problem in found]
    detail = f"leases of {LEASE_S:.0f} s; each study was taken over, finished once and delivered once"
    return record("one of two nodes leaves its study", cases, failures, detail)


def _trial(
    nodes: Zygote,
    folder: Path,
    server: Server,
    pacs: RememberingPacs,
    settings: Toml,
    leaving: Callable[[Victim], None],
) -> list[str]:
    shots = shoot(folder / "scanner", studies=1, instances=2)
    uid = shots[0].study_instance_uid
    one = node_on(nodes, folder / "one", server.url(), pacs, settings, haste=Haste(LEASE_S, WORKS_S))
    with open_ledger(server.url()) as ledger, one:
        with Sending(shots, one.address) as sending:
            sending.wait(one.tail)
        wait_for(lambda: ledger.studies.get(uid).owner is not None, f"the first works\n{one.tail()}")
        leaving(one)
        with node_on(nodes, folder / "two", server.url(), pacs, settings, haste=Haste(LEASE_S)) as two:
            wait_for(lambda: _is_finished(ledger, uid), f"the other has finished it\n{two.tail()}")
            if leaving is stand_still:
                os.killpg(one.process, signal.SIGCONT)
                wait_for(lambda: any(words in one.tail() for words in VOID), f"it learns of it\n{one.tail()}")
            wait_for(lambda: ledger.studies.get(uid).state in RESTING, f"the end\n{two.tail()}")
        problems = [f"{name} was sent {times} times" for name, times in pacs.times.items() if times > 1]
        problems += worked_at_once(ledger, shots) + lost_or_doubled(two.storage, shots)
        if not _is_finished(ledger, uid):
            problems.append("it was finished more than once")
        return problems


def _is_finished(ledger: Ledger, uid: str) -> bool:
    return [event.event for event in ledger.history(uid)].count(Event.REFUSED.value) == 1


def be_killed(victim: Victim) -> None:
    victim.kill_everything()


def stand_still(victim: Victim) -> None:
    os.killpg(victim.process, signal.SIGSTOP)


LEAVING = (be_killed, stand_still)

FAULTS = (Fault("one of two nodes leaves its study", leave, cases=6, short=1, peers=("postgresql",)),)
