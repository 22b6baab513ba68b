"""Success is answered only when file, folder and ledger are on the disk: watched from outside and from inside.

`strace` sees what the running node asks of the kernel. Where it may not trace, its test is skipped by that name,
in continuous integration too; the recorder inside the process is always there.
"""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.sections.node import NodeSection
from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scp import StorageScp
from dicom_io.network.storage_scu import send_files
from dicom_io.network.transport import GuardedSocket
from node.ledger.ledger import Ledger, open_ledger, utc_now
from node.ledger.records import InstanceRecord, Recorded
from node.reception.arrival import Reception
from node.reception.settings import scp_settings
from node.storage.folder import LEDGER_FILE
from node.storage.inbox import Inbox
from tests.faults.scanner import Shot, shoot
from tests.integration.durable_order import (
    ENTERED,
    STRACE,
    Acknowledged,
    Made,
    Renamed,
    Step,
    Synchronised,
    acknowledged,
    acknowledged_in,
    premature,
    steps_of,
)
from tests.integration.service import LOOPBACK, wait_until_ready, write_configuration

SENDER = {"name": "scanner", "ae_title": "SCANNER", "host": LOOPBACK, "may_send": True}
SENDERS = 3


def send(shots: Sequence[Shot], port: int) -> None:
    """Send some over one association, the others over several at once, then one again."""
    peer = RemoteAE("MVINODE", LOOPBACK, port)

    def one(own: Sequence[Shot]) -> set[Disposition]:
        outcomes = send_files([shot.path for shot in own], peer, calling_ae_title="SCANNER")
        return {outcome.disposition for outcome in outcomes}

    alone, together = shots[: len(shots) // 2], shots[len(shots) // 2 :]
    found = one(alone)
    with ThreadPoolExecutor(SENDERS) as senders:
        found |= set().union(*senders.map(one, [together[number::SENDERS] for number in range(SENDERS)]))
    assert found | one(shots[:1]) == {Disposition.DELIVERED}


def assert_nothing_was_premature(steps: Sequence[Step], shots: Sequence[Shot]) -> None:
    answered = sorted([*(shot.sop_instance_uid for shot in shots), shots[0].sop_instance_uid])
    assert sorted(acknowledged(steps)) == answered
    assert premature(steps) == []


@pytest.mark.slow
@pytest.mark.peer("strace")
def test_success_when_strace_watches_the_node_then_file_folder_and_ledger_were_synchronised_before(
    tmp_path: Path,
) -> None:
    shots = shoot(tmp_path / "scanner", studies=2, instances=6)
    trace = tmp_path / "trace"
    with traced_node(tmp_path, trace) as port:
        send(shots, port)
    lines = trace.read_text(encoding="ascii", errors="replace").splitlines()
    assert_nothing_was_premature(list(steps_of(lines, tmp_path / "storage" / LEDGER_FILE)), shots)


@contextmanager
def traced_node(folder: Path, trace: Path) -> Iterator[int]:
    configuration, log = folder / "node.toml", folder / "node.log"
    write_configuration(configuration, folder / "storage", 0, [SENDER], deadline_s=1e6)
    command = [*STRACE, "-o", str(trace), sys.executable, "-m", "node", "serve", "--config", str(configuration)]
    with log.open("wb") as output:
        tracer = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield wait_until_ready(tracer, log)
    finally:
        # strace ends with what it traces, and lets no signal interrupt it before.
        (node,) = Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(node), signal.SIGTERM)
        tracer.wait(30)


def test_success_when_the_receiver_is_recorded_then_file_folder_and_ledger_were_synchronised_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots = shoot(tmp_path / "scanner", studies=2, instances=6)
    steps = record_steps(monkeypatch)
    storage = tmp_path / "storage"
    storage.mkdir()
    url = f"sqlite:///{storage / LEDGER_FILE}"
    with open_ledger(url) as ledger, open_ledger(url) as other:
        record_commits(monkeypatch, steps, ledger, other)
        reception = Reception(Inbox(storage, minimum_free_bytes=0), ledger, utc_now)
        with StorageScp(scp_settings(settings_of(storage)), reception.keep) as scp:
            send(shots, scp.port)
    assert_nothing_was_premature(steps, shots)


def settings_of(storage: Path) -> Settings:
    node = NodeSection(host=LOOPBACK, port=0, storage=storage, minimum_free_bytes=0)
    return Settings(node=node, peers=(Peer(name="scanner", ae_title="SCANNER", host=LOOPBACK, may_send=True),))


def record_steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Note what this process asks of the disk when it is done, and what it answers before it is sent."""
    steps: list[Step] = []
    noting = threading.Lock()

    def note(step: Step) -> None:
        with noting:
            steps.append(step)

    fsync, rename, mkdir, transmit = os.fsync, os.rename, os.mkdir, GuardedSocket.send

    def noted_fsync(descriptor: int) -> None:
        fsync(descriptor)
        note(Synchronised(str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def noted_rename(source: Path, target: Path) -> None:
        rename(source, target)
        note(Renamed(str(source), str(target)))

    def noted_mkdir(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        note(Made(str(path)))

    def noted_send(self: GuardedSocket, content: bytes) -> None:
        uid = acknowledged_in(content)
        if uid is not None:
            note(Acknowledged(uid))
        transmit(self, content)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    monkeypatch.setattr(os, "mkdir", noted_mkdir)
    monkeypatch.setattr(GuardedSocket, "send", noted_send)
    return steps


def record_commits(monkeypatch: pytest.MonkeyPatch, steps: list[Step], ledger: Ledger, other: Ledger) -> None:
    """Note when a group of instances is committed: another connection sees each of them then.

    That a commit waits for the disk is SQLite's part with synchronous=FULL, which the tests of the connection ask.
    """
    enter = ledger.record_group

    def noted(instances: Sequence[InstanceRecord]) -> list[Recorded]:
        found = enter(instances)
        known = other.studies.known_paths()
        assert {instance.path for instance in instances} <= known
        steps.append(Synchronised(ENTERED))
        return found

    monkeypatch.setattr(ledger, "record_group", noted)


def whole_order() -> list[Step]:
    """Return the steps of one instance as they should be."""
    name = f"/inbox/study/{hashlib.sha256(b'1.2').hexdigest()}-content.dcm"
    return [
        Made("/inbox/study"),
        Synchronised("/inbox"),
        Renamed("/inbox/.arriving/a.part", name),
        Synchronised(name),
        Synchronised("/inbox/study"),
        Synchronised(ENTERED),
        Acknowledged("1.2"),
    ]


def test_premature_when_any_step_comes_after_the_answer_then_names_it() -> None:
    order = whole_order()
    assert premature(order) == []
    found = []
    for number, step in enumerate(order[:-1]):
        if not isinstance(step, Made):
            found += premature([*order[:number], *order[number + 1 :], step])
    because = ("the folder of its folder was synchronised", "it had its name", "its bytes were synchronised",
               "its folder was synchronised", "the ledger was")  # fmt: skip
    assert found == [f"1.2 was acknowledged before {words}" for words in because]


def test_steps_when_calls_of_threads_are_interleaved_then_each_counts_where_it_ended() -> None:
    trace = [
        "7 fsync(5</s/inbox/study> <unfinished ...>",
        "8 fdatasync(6</s/ledger.sqlite-wal>) = 0",
        "9 fsync(5</s/inbox/other>) = -1 EIO (Input/output error)",
        "7 <... fsync resumed>)             = 0",
    ]
    found = list(steps_of(trace, Path("/s/ledger.sqlite")))
    assert found == [Synchronised(ENTERED), Synchronised("/s/inbox/study")]
