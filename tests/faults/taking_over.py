"""Two nodes on one PostgreSQL, and one is gone for good in the middle of a real analysis: the other takes over."""

import random
import time
from contextlib import ExitStack
from pathlib import Path

from node.analysis.lease import LEASE_S
from node.ledger.ledger import Ledger, open_ledger
from tests.faults.databases import node_on
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.killing import RememberingPacs
from tests.faults.killing_analysis import (
    LONGEST_INTO_STAGE_S,
    PATIENCE_S,
    SETTINGS,
    one_result,
    worker_in,
    write_coarse_model,
    write_study,
)
from tests.faults.scanner import Sending, Shot, lost_or_doubled
from tests.faults.victim import Toml, Victim, wait_for, zygote
from tests.integration.postgresql import postgresql_server

LOOKS_EVERY_S = 5.0
"""How often a node looks for leases that ran out, s (node.app.HOUSEKEEPING_EVERY_S)."""
SLACK_S = 5.0
STAGES = ("segment", "register")


def lease_ends(folder: Path, cases: int) -> FaultRecord:
    """Kill the node that analyses a study, and start it no more; a case is one study."""
    chance = random.Random(26)
    failures: list[str] = []
    longest_s = 0.0
    write_coarse_model(folder / "models")
    shots = write_study(folder / "phantom")
    for number in range(cases):
        into_stage_s = chance.uniform(0, LONGEST_INTO_STAGE_S)
        waited_s, problems = _trial(folder, f"trial-{number}", shots, STAGES[number % len(STAGES)], into_stage_s)
        longest_s = max(longest_s, waited_s)
        failures += [f"trial {number}: {problem}" for problem in problems]
    if longest_s > LEASE_S + LOOKS_EVERY_S + SLACK_S:
        failures.append("that is too late")
    detail = (
        f"leases of {LEASE_S:.0f} s; taken over {longest_s:.0f} s after the kill at the latest, "
        "analysed and delivered once"
    )
    return record("one of two nodes is gone", cases, failures, detail)


def _trial(folder: Path, name: str, shots: list[Shot], stage: str, into_stage_s: float) -> tuple[float, list[str]]:
    """Return how long the study waited for the other node, s, and what is wrong with its result."""
    here, uid = folder / name, shots[0].study_instance_uid
    settings: Toml = {"node": {"storage": str(here / "storage")}, **SETTINGS}
    environment = {"MVI_NODE_MODEL__FOLDER": str(folder / "models")}
    with ExitStack() as stack:
        nodes, server = stack.enter_context(zygote()), stack.enter_context(postgresql_server())
        pacs = stack.enter_context(RememberingPacs(here / "pacs"))
        one, two = (
            stack.enter_context(node_on(nodes, here / own, server.url(), pacs, settings, environment))
            for own in ("one", "two")
        )
        ledger = stack.enter_context(open_ledger(server.url()))
        with Sending(shots, one.address) as sending:
            sending.wait(one.tail)
        first, second = _at_work(one, two, stage)
        time.sleep(into_stage_s)
        first.kill_everything()
        waited_s = wait_for(lambda: _is_held_by(ledger, uid, second), "the other has it", PATIENCE_S)
        return waited_s, one_result(second, ledger, pacs, uid) + lost_or_doubled(here / "storage", shots)


def _at_work(one: Victim, two: Victim, stage: str) -> tuple[Victim, Victim]:
    """Wait until one of them is in `stage`; return it, and the other."""
    wait_for(lambda: any(worker_in(node, stage) for node in (one, two)), f"{stage}\n{one.tail()}", PATIENCE_S)
    return (one, two) if worker_in(one, stage) else (two, one)


def _is_held_by(ledger: Ledger, uid: str, victim: Victim) -> bool:
    return f"/{victim.process}/" in (ledger.studies.get(uid).owner or "")


FAULTS = (Fault("one of two nodes is gone", lease_ends, cases=2, short=0, peers=("postgresql",)),)
