"""`kill -9` of what purges, at any instant: after the next start every study is whole, or gone."""

import os
import random
import signal
import time
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian

from dicom_io.network.identity import read_identity
from dicom_io.network.part10 import part10_header
from dicom_io.network.store_service import ReceivedInstance
from node.ledger.ledger import Ledger, open_ledger, utc_now
from node.ledger.purges import Extent
from node.reception.arrival import Reception
from node.states import StudyState
from node.storage.inbox import Inbox
from node.storage.inbox_layout import INBOX, SET_ASIDE
from node.storage.mending import mend_ledger
from node.storage.purging import Purger
from node.storage.results_folder import RESULTS
from node.storage.set_aside import settle_set_aside
from tests.faults.fault import Fault, FaultRecord, record
from tests.unit.dicom_io.network.instances import encode, mr_instance

NAME = "kill -9 of a purge"
STUDIES, IMAGES = 6, 3
LONGEST_S = 0.25
"""About as long as the purge of all the studies takes, with the start of its process."""


def kill_purges(folder: Path, cases: int) -> FaultRecord:
    """Kill a process that purges one study after the other; a case is one kill."""
    chance, failures, cut, gone = random.Random(7), list[str](), 0, 0
    for number in range(cases):
        storage = folder / str(number)
        storage.mkdir(parents=True)
        url = f"sqlite:///{storage / 'ledger.sqlite'}"
        _receive(storage, url)
        child = os.fork()
        if child == 0:
            _purge_and_end(storage, url)
        time.sleep(chance.uniform(0, LONGEST_S))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open_ledger(url) as ledger:
            cut += bool(settle_set_aside(storage, ledger.purges))
            mended = mend_ledger(Inbox(storage, minimum_free_bytes=0), ledger)
            problems, purged = _problems(storage, ledger)
        gone += purged
        failures += [f"kill {number}: {problem}" for problem in problems]
        failures += [f"kill {number}: {mended} files had no entry"] if mended else []
    detail = f"{gone} of {cases * STUDIES} studies were gone, the others whole; {cut} kills left folders set aside"
    return record(NAME, cases, failures, detail)


def _receive(storage: Path, url: str) -> None:
    with open_ledger(url) as ledger:
        reception = Reception(Inbox(storage, minimum_free_bytes=0), ledger, utc_now)
        for uid in _uids():
            for number in range(IMAGES):
                data_set = encode(mr_instance(study_instance_uid=uid, fill=number))
                identity = read_identity(data_set, ExplicitVRLittleEndian)
                header = part10_header(identity, source_ae_title="SCANNER")
                reception.keep(ReceivedInstance(identity, header, data_set, "SCANNER", "10.0.0.7"))


def _uids() -> list[str]:
    return [f"1.2.826.0.1.3680043.10.{number}" for number in range(STUDIES)]


def _purge_and_end(storage: Path, url: str) -> None:
    try:
        with open_ledger(url) as ledger:
            purger = Purger(ledger, storage, unconfirmed=False)
            for uid in _uids():
                purger.by_person(uid, Extent(), "anna", undelivered=True)
    finally:
        os._exit(0)


def _problems(storage: Path, ledger: Ledger) -> tuple[list[str], int]:
    problems, purged = [], 0
    on_disk = {path.relative_to(storage).as_posix() for path in (storage / INBOX).rglob("*.dcm")}
    for uid in _uids():
        rows = {file.path for file in ledger.studies.files(uid)}
        state = ledger.studies.get(uid).state
        purged += state is StudyState.PURGED
        wanted = 0 if state is StudyState.PURGED else IMAGES
        if len(rows) != wanted or not rows <= on_disk:
            problems.append(f"{state} with {len(rows)} entries and {len(rows & on_disk)} files")
        on_disk -= rows
    problems += [f"a file without an entry: {path}" for path in on_disk]
    left = [path for root in (INBOX, RESULTS) for path in (storage / root / SET_ASIDE).glob("*")]
    return problems + [f"left behind: {path.name}" for path in left], purged


FAULTS = (Fault(NAME, kill_purges, cases=200, short=5),)
