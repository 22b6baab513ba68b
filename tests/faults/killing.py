"""`kill -9` at random instants of reception, completion, work and delivery: nothing acknowledged is lost."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread

from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.status import StoreStatus
from dicom_io.network.store_service import ReceivedInstance
from node.ledger.records import ObjectKind, StudyRecord
from node.states import StudyState
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.scanner import Sending, Shot, lost_or_doubled, shoot, unfinished_files
from tests.faults.victim import LOOPBACK, Victim, wait_for, zygote

LONGEST_S = 1.6
"""From the first byte: sending, completion of the studies, their refusal and its delivery, s."""
PACS = "PACS"
END = frozenset({StudyState.DELIVERED, StudyState.UNDELIVERED, StudyState.FAILED})
ENDS_S = 300.0


class RememberingPacs(Archive):
    """Commits to what it gets, and remembers every content that came under a UID, and how often one came."""

    def __init__(self, folder: Path) -> None:
        self.contents: dict[str, set[bytes]] = {}
        self.times: Counter[str] = Counter()
        super().__init__(ArchiveSettings(folder, ae_title=PACS))

    def _keep(self, received: ReceivedInstance) -> StoreStatus:
        self.contents.setdefault(received.identity.sop_instance_uid, set()).add(bytes(received.data_set))
        self.times[received.identity.sop_instance_uid] += 1
        return super()._keep(received)

    def as_peer(self) -> dict[str, object]:
        """Return its entry in the configuration of a node."""
        return {"name": "pacs", "ae_title": PACS, "host": LOOPBACK, "port": self.port, "receives_results": True}


def kill_at_random(folder: Path, cases: int) -> FaultRecord:
    """Kill all of the node, its receiver alone and its main process alone, in turn; a trial is one kill."""
    chance = random.Random(20)
    shots: list[Shot] = []
    failures: list[str] = []
    states: Counter[str] = Counter()
    with zygote() as nodes, RememberingPacs(folder / "pacs") as pacs:
        victim = Victim(nodes, folder / "node", peers=[pacs.as_peer()])
        with victim:
            for number in range(cases):
                own = shoot(folder / f"scanner-{number}", studies=1 + number % 2, instances=4)
                shots += own
                failures += _trial(victim, own, number, chance, states)
            failures += _ends(victim, pacs, {shot.study_instance_uid for shot in shots})
            failures += lost_or_doubled(victim.storage, shots) + unfinished_files(victim.storage)
    at_kill = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    studies = len({shot.study_instance_uid for shot in shots})
    detail = (
        f"{len(shots)} instances acknowledged, each there once; {studies} studies ended; killed while {at_kill}"
    )
    return record("kill -9 at random instants", cases, failures, detail)


def _trial(
    victim: Victim, shots: list[Shot], number: int, chance: random.Random, states: Counter[str]
) -> list[str]:
    with Sending(shots, victim.address) as sending:
        time.sleep(chance.uniform(0, LONGEST_S))
        _kill(victim, number)
        states.update(_states(victim, {shot.study_instance_uid for shot in shots}))
        acknowledged = list(sending.acknowledged)
        if victim.needs_start():
            victim.start()
        problems = lost_or_doubled(victim.storage, acknowledged)
        sending.wait(victim.tail)
    with victim.ledger() as ledger:
        for uid in {shot.study_instance_uid for shot in shots}:
            sent = sorted(shot.sha256 for shot in shots if shot.study_instance_uid == uid)
            known = sorted(entry.content_sha256 for entry in ledger.studies.instances(uid))
            if known != sent:
                problems.append(f"trial {number}: the ledger has {len(known)} of {len(sent)} instances")
    return [f"trial {number}: {problem}" for problem in problems]


def _kill(victim: Victim, number: int) -> None:
    (victim.kill_everything, victim.kill_reception, victim.kill_main)[number % 3]()


def _states(victim: Victim, studies: set[str]) -> list[str]:
    with victim.ledger() as ledger:
        known = {study.study_instance_uid: study.state.value for study in ledger.studies.all()}
    return [known.get(uid, "not received") for uid in studies]


def _ends(victim: Victim, pacs: RememberingPacs, studies: set[str]) -> list[str]:
    """Wait for the end of every study, and compare what the PACS has with what the ledger says."""
    problems: list[str] = []
    known: set[str] = set()
    with victim.ledger() as ledger:
        wait_for(lambda: _ended(ledger.studies.all()) >= len(studies), f"the ends\n{victim.tail()}", ENDS_S)
        for study in ledger.studies.all():
            results = ledger.studies.results(study.study_instance_uid)
            reports = [result.sop_instance_uid for result in results if result.kind is ObjectKind.SR]
            known |= {result.sop_instance_uid for result in results}
            if study.state is not StudyState.DELIVERED or not reports:
                problems.append(f"{study.study_instance_uid} ended {study.state} with {len(reports)} reports")
            if len(not_replaced(pacs, reports)) != 1:
                problems.append(f"{study.study_instance_uid} has not one report that nothing replaces")
    problems += [f"the PACS has {uid}, the ledger does not" for uid in sorted(pacs.contents.keys() - known)]
    problems += [f"{uid} has {len(was)} contents" for uid, was in pacs.contents.items() if len(was) > 1]
    return problems


def _ended(studies: Sequence[StudyRecord]) -> int:
    return sum(study.state in END for study in studies)


def not_replaced(pacs: RememberingPacs, reports: Sequence[str]) -> set[str]:
    """Return which reports at the PACS no other report there names as its predecessor (PS3.3 C.17.2)."""
    found, replaced = set(), set()
    for uid in reports:
        path = pacs.find(uid)
        if path is None:  # A later one took its place before it was sent.
            continue
        found.add(uid)
        for study in dcmread(path).get("PredecessorDocumentsSequence") or ():
            for series in study.ReferencedSeriesSequence:
                replaced |= {str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence}
    return found - replaced


FAULTS = (Fault("kill -9 at random instants", kill_at_random, cases=100, short=2),)
