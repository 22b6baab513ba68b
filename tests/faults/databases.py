"""The ledger is deleted, PostgreSQL goes away, and two nodes share one database."""

import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from node.analysis.lease import LEASE_S
from node.ledger.ledger import Ledger, open_ledger
from node.states import RESTING, Event
from node.storage.folder import LEDGER_FILE
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.killing import RememberingPacs
from tests.faults.scanner import Sending, Shot, lost_or_doubled, shoot
from tests.faults.victim import Haste, Toml, Victim, Zygote, wait_for, zygote
from tests.integration.postgresql import postgresql_server
from tests.integration.service import mvi_node

OUT_OF_RESOURCES = 0xA700
ENDS_S = 300.0
INSTANCES, STOPPED_BEFORE = 100, 20
"""Of a study that is on its way when the database stops; it stops when fewer than so many were acknowledged."""
KILLED_FROM = 20
"""Studies of a run of two nodes that is long enough to kill one of them and wait for its leases."""
AT_ONCE = 6
"""Objects that one association of the outbox carries at most, where two studies are due."""
_ENDS_A_CLAIM = frozenset({Event.ANALYSED, Event.REFUSED, Event.LEASE_LOST, Event.UNAVAILABLE, "re-opened"})


def deleted(folder: Path, cases: int) -> FaultRecord:
    """Delete the ledger of a node that was killed: the next start makes it again from the inbox; a case is one."""
    failures: list[str] = []
    shots: list[Shot] = []
    with zygote() as nodes, RememberingPacs(folder / "pacs") as pacs:
        with Victim(nodes, folder / "node", peers=[pacs.as_peer()]) as victim:
            for number in range(cases):
                shots += _sent(victim, shoot(folder / f"scanner-{number}", studies=2, instances=3))
                with victim.ledger() as ledger:
                    _wait_for_ends(victim, ledger, shots)
                before = set(pacs.contents)
                victim.kill_everything()
                for file in victim.storage.glob(f"{LEDGER_FILE}*"):
                    file.unlink()
                victim.start()
                with victim.ledger() as ledger:
                    failures += entered_once(ledger, shots)
                    _wait_for_ends(victim, ledger, shots)
                failures += [f"case {number}: a new object {uid}" for uid in pacs.contents.keys() - before]
        failures += lost_or_doubled(victim.storage, shots)
    detail = f"{len(shots)} instances entered again; the same objects were made again, none besides"
    return record("ledger deleted", cases, failures, detail)


def away(folder: Path, cases: int) -> FaultRecord:
    """Stop PostgreSQL at random while a node receives and works, and start it again; a case is one stop."""
    chance = random.Random(23)
    failures: list[str] = []
    shots: list[Shot] = []
    refused = 0
    with zygote() as nodes, postgresql_server() as server, RememberingPacs(folder / "pacs") as pacs:
        victim = node_on(nodes, folder / "node", server.url(), pacs)
        with victim, open_ledger(server.url()) as ledger:
            for number in range(cases):
                own = shoot(folder / f"scanner-{number}", studies=1, instances=INSTANCES)
                with Sending(own, victim.address) as sending:
                    arrived = chance.randrange(STOPPED_BEFORE)
                    wait_for(partial(_has_taken, sending, arrived), "instances arrive")
                    server.stop()
                    time.sleep(chance.uniform(0.5, 1.5))
                    failures += [] if victim.answers() else [f"case {number}: C-ECHO is not answered"]
                    failures += lost_or_doubled(victim.storage, list(sending.acknowledged))
                    server.start()
                    sending.wait(victim.tail)
                refused += sum(status == OUT_OF_RESOURCES for status in sending.statuses)
                shots += own
            _wait_for_ends(victim, ledger, shots)
            failures += entered_once(ledger, shots) + lost_or_doubled(victim.storage, shots)
            failures += [] if not victim.needs_start() else ["the node has ended"]
            failures += [] if refused else ["it was never away while instances arrived"]
    detail = f"{len(shots)} instances, {refused} answers 0xA700 meanwhile; every study ended"
    return record("PostgreSQL stopped and started", cases, failures, detail)


def shared(folder: Path, cases: int) -> FaultRecord:
    """Run two nodes on one PostgreSQL and one storage; a case is one study, and none may have two workers at once.

    In a long run one of the two is killed at its work, and the other takes over what it held.
    """
    failures: list[str] = []
    was_killed = cases >= KILLED_FROM
    storage = {"node": {"storage": str(folder / "storage")}}
    with zygote() as nodes, postgresql_server() as server, RememberingPacs(folder / "pacs") as pacs:
        with (
            node_on(nodes, folder / "one", server.url(), pacs, storage) as one,
            node_on(nodes, folder / "two", server.url(), pacs, storage) as two,
            open_ledger(server.url()) as ledger,
        ):
            shots = shoot(folder / "scanner", studies=cases, instances=2)
            with Sending(shots[::2], one.address) as first, Sending(shots[1::2], two.address) as second:
                if was_killed:
                    wait_for(lambda: _is_working(ledger, one), "the first works")
                    one.kill_everything()
                    one.start()
                first.wait(one.tail)
                second.wait(two.tail)
            _wait_for_ends(one, ledger, shots)
            failures += entered_once(ledger, shots) + lost_or_doubled(folder / "storage", shots)
            failures += worked_at_once(ledger, shots)
            workers = _workers(ledger, shots)
        failures += [f"{uid} has {len(was)} contents" for uid, was in pacs.contents.items() if len(was) > 1]
        again = sum(pacs.times.values()) - len(pacs.times)
        # One that was being sent by the node that was killed is sent again.
        failures += [f"{again} objects were sent twice"] if again > was_killed * AT_ONCE else []
    detail = f"studies by worker: {workers}; {len(pacs.times)} objects, {again} sent again"
    return record("two nodes on one PostgreSQL", cases, failures, detail)


def _has_taken(sending: Sending, number: int) -> bool:
    return len(sending.acknowledged) >= number


def node_on(
    nodes: Zygote,
    folder: Path,
    url: str,
    pacs: RememberingPacs,
    settings: Toml | None = None,
    environment: Mapping[str, str] | None = None,
    haste: Haste | None = None,
) -> Victim:
    """Return a node whose ledger is a PostgreSQL database, migrated."""
    own: Toml = {**(settings or {}), "ledger": {"url": url}}
    victim = Victim(nodes, folder, settings=own, peers=[pacs.as_peer()], environment=environment, haste=haste)
    migrated = mvi_node("db", "migrate", "--config", str(victim.configuration))
    assert migrated.returncode == 0, migrated.stderr
    return victim


def _sent(victim: Victim, shots: list[Shot]) -> list[Shot]:
    with Sending(shots, victim.address) as sending:
        sending.wait(victim.tail)
    return shots


def _wait_for_ends(victim: Victim, ledger: Ledger, shots: Sequence[Shot]) -> None:
    studies = {shot.study_instance_uid for shot in shots}

    def ended() -> bool:
        return {study.study_instance_uid for study in ledger.studies.all() if study.state in RESTING} >= studies

    wait_for(ended, f"the ends\n{victim.tail()}", ENDS_S + LEASE_S)


def entered_once(ledger: Ledger, shots: Sequence[Shot]) -> list[str]:
    """Say of which studies the ledger does not hold each image that was acknowledged, once."""
    problems = []
    for uid in {shot.study_instance_uid for shot in shots}:
        sent = sorted(shot.sha256 for shot in shots if shot.study_instance_uid == uid)
        known = sorted(entry.content_sha256 for entry in ledger.studies.files(uid))
        if known != sent:
            problems.append(f"the ledger has {len(known)} of {len(sent)} instances of {uid}")
    return problems


def worked_at_once(ledger: Ledger, shots: Sequence[Shot]) -> list[str]:
    """Name the studies that were claimed again before their claim had ended."""
    problems = []
    for uid in {shot.study_instance_uid for shot in shots}:
        held = False
        for event in ledger.history(uid):
            if event.event == Event.CLAIM.value:
                problems += [f"{uid} was claimed twice"] if held else []
                held = True
            elif event.event in _ENDS_A_CLAIM:
                held = False
    return problems


def _workers(ledger: Ledger, shots: Sequence[Shot]) -> str:
    owners: dict[str, int] = {}
    for uid in {shot.study_instance_uid for shot in shots}:
        for event in ledger.history(uid):
            if event.event == Event.CLAIM.value:
                process = event.detail.split("/")[1]
                owners[process] = owners.get(process, 0) + 1
    return ", ".join(f"{number} by {process}" for process, number in sorted(owners.items()))


def _is_working(ledger: Ledger, victim: Victim) -> bool:
    return any(f"/{victim.process}/" in (study.owner or "") for study in ledger.studies.all())


FAULTS = (
    Fault("ledger deleted", deleted, cases=5),
    Fault("PostgreSQL stopped and started", away, cases=10, short=2, peers=("postgresql",)),
    Fault("two nodes on one PostgreSQL", shared, cases=40, short=4, peers=("postgresql",)),
)
