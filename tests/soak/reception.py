"""A receiver that works for long: its memory, threads and handles stay what they were after the first minute."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.fault import FaultRecord, record
from tests.faults.processes import Usage, is_quiet, usage
from tests.faults.raw_peer import RawPeer
from tests.faults.victim import NODE, SCANNER, Toml, Victim, listener, wait_for, zygote
from tests.unit.dicom_io.network.instances import encode, mr_instance

INSTANCES, ASSOCIATIONS = 50_000, 10_000
GROWTH_LIMIT_BYTES = 50_000_000
AT_ONCE = 4
INSTANCES_AN_ASSOCIATION = 50
WARM_UP = 0.05
"""Share of the cases after which the memory is looked at first: pools and caches are full then."""
SETTINGS: Toml = {"completion": {"deadline_s": 1e6, "check_every_s": 60.0}}
_UID = "2.25.{:020d}"
_SOP, _STUDY = _UID.format(10**19 + 1), _UID.format(10**19 + 2)

One = Callable[[int, int], None]
"""Takes the port and the number of the case; raises AssertionError or OSError."""


def soak_instances(folder: Path, cases: int) -> FaultRecord:
    """Store `cases` instances over associations of fifty."""
    template = encode(mr_instance(sop_instance_uid=_SOP, study_instance_uid=_STUDY, rows=16))

    def association(port: int, number: int) -> None:
        study = _UID.format(10**18 + number // 10)  # Ten associations a study.
        with RawPeer(port) as peer:
            peer.associate(NODE, SCANNER)
            for index in range(INSTANCES_AN_ASSOCIATION):
                uid = _UID.format(10**17 + number * INSTANCES_AN_ASSOCIATION + index)
                data_set = template.replace(_SOP.encode(), uid.encode()).replace(_STUDY.encode(), study.encode())
                status = peer.store(uid.encode(), data_set)
                assert status == 0, f"instance {uid} was answered {status}"

    found = _soak(folder, "instances received", association, max(1, cases // INSTANCES_AN_ASSOCIATION))
    return FaultRecord(found.name, found.cases * INSTANCES_AN_ASSOCIATION, found.failed, found.detail)


def soak_associations(folder: Path, cases: int) -> FaultRecord:
    """Open `cases` connections: probes that only connect, verifications, and associations that are cut off."""

    def connection(port: int, number: int) -> None:
        peer = RawPeer(port)
        if number % 5 < 3:
            peer.associate(NODE, SCANNER)
            if number % 5 < 2:
                assert peer.echo() == 0, "C-ECHO was not answered"
        peer.close(reset=number % 2 == 0)

    return _soak(folder, "connections opened and closed", connection, cases)


def _soak(folder: Path, name: str, one: One, cases: int) -> FaultRecord:
    with _receiver(folder) as (port, process):
        warm_up = max(1, int(cases * WARM_UP))
        failures = _repeat(one, port, range(warm_up))
        wait_for(lambda: is_quiet(process), "the receiver is quiet")
        before = usage(process)
        began = time.monotonic()
        failures += _repeat(one, port, range(warm_up, cases))
        took = time.monotonic() - began
        failures += _grown(process, before)
        after = usage(process)
    grown = (after.resident_bytes - before.resident_bytes) / 1e6
    detail = (
        f"{grown:+.1f} MB from {before.resident_bytes / 1e6:.0f} MB, {after.threads} threads, "
        f"{after.handles} handles, {took:.0f} s"
    )
    return record(name, cases, failures, detail)


@contextmanager
def _receiver(folder: Path) -> Iterator[tuple[int, int]]:
    with zygote() as nodes, Victim(nodes, folder / "node", settings=SETTINGS) as victim:
        process = listener(victim.port)
        assert process is not None
        yield victim.port, process


def _repeat(one: One, port: int, numbers: range) -> list[str]:
    failures: list[str] = []

    def worker(own: range) -> None:
        for number in own:
            try:
                one(port, number)
            except (AssertionError, OSError) as error:
                failures.append(f"case {number}: {error}")

    threads = [threading.Thread(target=worker, args=(numbers[start::AT_ONCE],)) for start in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def _grown(process: int, before: Usage) -> list[str]:
    try:
        wait_for(lambda: usage(process).is_no_more_than(before), "threads and handles are given back", 60)
    except AssertionError:
        return [f"threads or handles are left: {before}, afterwards {usage(process)}"]
    grown = usage(process).resident_bytes - before.resident_bytes
    return [f"it grew by {grown / 1e6:.0f} MB"] if grown > GROWTH_LIMIT_BYTES else []
