"""The receiver as a process of its own: how it starts, ends, dies, and what it leaves."""

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as StopEvent
from pathlib import Path

import pytest

from config.sections.node import NodeSection
from config.settings import Settings
from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome, echo, send_files
from node.ledger.ledger import open_ledger
from node.reception.receiver import run_reception
from node.reception.refusal_counts import RefusalCounts
from node.reception.start_report import Ports, ReceptionReport
from node.storage.inbox import Inbox
from node.watch.metrics import Metrics
from tests.faults.raw_peer import RawPeer, associate_request, store_request
from tests.unit.dicom_io.network.instances import STUDY_INSTANCE_UID, encode, mr_instance, write_instances
from tests.unit.dicom_io.network.receiver import wait_until
from tests.unit.node.delivery_doubles import FakeTransport, courier, queue
from tests.unit.node.doubles import STUDY, FakeClock
from tests.unit.node.reception_setup import ledger_url, node_settings


@dataclass
class RunningReception:
    process: BaseProcess
    peer: RemoteAE
    stop: StopEvent


@contextmanager
def reception_process(
    folder: Path, minimum_free_bytes: int = 0, refusals: RefusalCounts | None = None
) -> Iterator[RunningReception]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    stop = context.Event()
    arguments = (node_settings(folder, minimum_free_bytes), ledger_url(folder), theirs, stop)
    process = context.Process(target=run_reception, args=(refusals or RefusalCounts(), *arguments))
    process.start()
    theirs.close()
    try:
        assert ours.poll(60), "the receiver does not say its port"
        report = ours.recv()
        assert isinstance(report, ReceptionReport)
        assert not report.error
        assert ours.poll(60), "it gives no sign of life"
        yield RunningReception(process, RemoteAE("MVINODE", "127.0.0.1", report.ports.plain or 0), stop)
    finally:
        ours.close()
        stop.set()
        process.join(20)
        if process.is_alive():
            process.kill()
            process.join()


def test_process_when_stopped_then_ends_cleanly_and_has_kept_everything(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 5)
    with reception_process(tmp_path) as running:
        outcomes = send_files(paths, running.peer, calling_ae_title="SCANNER")

    assert {outcome.disposition for outcome in outcomes} == {Disposition.DELIVERED}
    assert running.process.exitcode == 0
    with open_ledger(ledger_url(tmp_path)) as ledger:
        assert len(ledger.studies.instances(STUDY_INSTANCE_UID)) == 5


def test_process_when_less_than_the_watermark_is_free_then_a700_says_what_to_do_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    content = encode(mr_instance(sop_instance_uid="1.2.3"))
    with reception_process(tmp_path, minimum_free_bytes=2**60) as running, RawPeer(running.peer.port) as peer:
        peer.associate("MVINODE", "SCANNER")
        peer.send(b"".join(store_request(b"1.2.3", content)))
        assert peer.answer() == (0xA700, "it cannot be kept safely now; send it again later")
        assert peer.echo() == 0

    assert [path for path in (tmp_path / "inbox").rglob("*") if path.is_file()] == []


def test_process_when_it_refuses_then_the_metrics_of_the_node_move_and_outlast_it(tmp_path: Path) -> None:
    refusals = RefusalCounts()
    with open_ledger(ledger_url(tmp_path)) as ledger:
        metrics = Metrics(ledger, tmp_path)
        metrics.count_refusals(refusals.associations, refusals.instances, refusals.ends)

        def told(name: str, reason: str) -> float | None:
            return metrics.registry.get_sample_value(name, {"reason": reason})

        with reception_process(tmp_path, refusals=refusals) as running:
            assert told("mvi_instances_refused_total", "cannot_understand") == 0
            for called, calling in (("OTHER", "SCANNER"), ("MVINODE", "UNKNOWN"), ("MVINODE", "MVINODE")):
                with RawPeer(running.peer.port) as peer:
                    peer.send(associate_request(called, calling))
                    assert (peer.read_pdu() or (0, b""))[0] == 0x03
            with RawPeer(running.peer.port) as peer:
                peer.associate("MVINODE", "SCANNER")
                assert peer.store(b"1.2.3", encode(mr_instance(sop_instance_uid="1.2.3"))) == 0
                for _ in range(2):
                    assert peer.store(b"1.2.3", b"no data set") == 0xC000
        assert told("mvi_associations_rejected_total", "called_ae_title_not_recognised") == 1
        # The third is how `doctor` asks whether the node listens.
        assert told("mvi_associations_rejected_total", "calling_ae_title_not_recognised") == 1
        assert told("mvi_instances_refused_total", "cannot_understand") == 2
        assert sum(refusals.instances().values()) == 2


def test_process_when_associations_end_then_how_they_did_is_counted(tmp_path: Path) -> None:
    refusals = RefusalCounts()
    with open_ledger(ledger_url(tmp_path)) as ledger:
        metrics = Metrics(ledger, tmp_path)
        metrics.count_refusals(refusals.associations, refusals.instances, refusals.ends)
        with reception_process(tmp_path, refusals=refusals) as running:
            echo(running.peer, calling_ae_title="SCANNER", limits=TransportLimits())
            with RawPeer(running.peer.port) as peer:  # It goes away without a word.
                peer.associate("MVINODE", "SCANNER")
            with RawPeer(running.peer.port) as peer:
                peer.associate("MVINODE", "SCANNER")
                peer.send(bytes((0x07, 0, 0, 0, 0, 4, 0, 0, 0, 0)))  # A-ABORT of the service user, PS3.8 9.3.8.
                wait_until(lambda: refusals.ends()["aborted"] == 2, "both ends were counted")
        assert refusals.ends() == {"released": 1, "aborted": 2}
        told = metrics.registry.get_sample_value("mvi_associations_ended_total", {"how": "aborted"})
        assert told == 2


def test_process_when_started_and_terminated_then_has_asked_for_missed_reports_and_ends_cleanly(
    tmp_path: Path, clock: FakeClock
) -> None:
    with open_ledger(ledger_url(tmp_path), clock) as ledger:
        queue(ledger, clock, STUDY)
        courier(ledger, FakeTransport()).deliver()
        assert {item.requests for item in ledger.outbox.of_study(STUDY)} == {1}
    with reception_process(tmp_path) as running:
        running.process.terminate()
        running.process.join(20)

        assert running.process.exitcode == 0
    with open_ledger(ledger_url(tmp_path)) as ledger:
        assert {item.requests for item in ledger.outbox.of_study(STUDY)} == {0}


def test_process_when_killed_while_receiving_then_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    storage, sent = tmp_path / "storage", tmp_path / "sent"
    sent.mkdir()
    storage.mkdir()
    paths = write_instances(sent, 60, rows=128)
    acknowledged: list[SendOutcome] = []

    for kill_after in (1, 7, 20):
        with reception_process(storage) as running:
            pid = running.process.pid
            assert pid is not None
            seen = 0

            def note(outcome: SendOutcome, pid: int = pid, kill_after: int = kill_after) -> None:
                nonlocal seen
                seen += 1
                if outcome.disposition is Disposition.DELIVERED:
                    acknowledged.append(outcome)
                if seen == kill_after:
                    os.kill(pid, signal.SIGKILL)

            outcomes = send_files(paths, running.peer, calling_ae_title="SCANNER", on_outcome=note)
            assert {outcome.disposition for outcome in outcomes} == {Disposition.DELIVERED, Disposition.TRANSIENT}

    with reception_process(storage), open_ledger(ledger_url(storage)) as ledger:
        recorded = [record.sop_instance_uid for record in ledger.studies.instances(STUDY_INSTANCE_UID)]
        lying = [storage / file.path for file in Inbox(storage, minimum_free_bytes=0).walk()]

    assert len(acknowledged) >= 28
    assert {outcome.sop_instance_uid for outcome in acknowledged} <= set(recorded)
    assert len(recorded) == len(set(recorded)) == len(lying)
    assert list((storage / "inbox" / ".arriving").iterdir()) == []
    for path in lying:
        assert hashlib.sha256(data_set_of(path)).hexdigest() == path.stem.partition("-")[2], "a partial file"


def test_process_when_the_ledger_is_lost_then_is_rebuilt_before_it_listens(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 3)
    with reception_process(tmp_path) as running:
        send_files(paths, running.peer, calling_ae_title="SCANNER")
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()

    with reception_process(tmp_path), open_ledger(ledger_url(tmp_path)) as ledger:
        records = ledger.studies.instances(STUDY_INSTANCE_UID)

    assert len(records) == 3
    assert {record.calling_ae_title for record in records} == {"SCANNER"}


def test_process_when_the_ledger_belongs_to_another_storage_then_says_so(tmp_path: Path) -> None:
    with open_ledger(ledger_url(tmp_path)) as ledger:
        ledger.bind("of another")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    arguments = (RefusalCounts(), node_settings(tmp_path), ledger_url(tmp_path), theirs, context.Event())
    process = context.Process(target=run_reception, args=arguments)
    process.start()
    process.join(60)
    with ours, theirs:
        assert "belongs to another storage folder" in ours.recv().error


def test_process_when_the_port_is_taken_then_says_so(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with reception_process(tmp_path / "first") as running:
        node = NodeSection(host="127.0.0.1", port=running.peer.port, storage=tmp_path / "second")
        ours, theirs = context.Pipe(duplex=False)
        stop = context.Event()
        process = context.Process(
            target=run_reception,
            args=(RefusalCounts(), Settings(node=node), ledger_url(tmp_path), theirs, stop),
        )
        process.start()
        theirs.close()
        with ours:
            assert ours.poll(60)
            report = ours.recv()
        process.join(20)

    assert report.ports == Ports()
    assert "address already in use; choose another node.port" in report.error
    assert process.exitcode == 0


def test_process_when_its_parent_dies_then_ends_and_frees_the_port(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    parent = context.Process(target=_parent_of_a_receiver, args=(tmp_path, theirs))
    parent.start()
    theirs.close()
    with ours:
        assert ours.poll(60)
        port, pid = ours.recv()
        assert parent.pid is not None
        os.kill(parent.pid, signal.SIGKILL)
        parent.join(10)
        wait_until(lambda: not is_running(pid), "the receiver ends with its parent")

    with pytest.raises(PeerError, match="no DICOM service"):
        send_files(
            write_instances(tmp_path, 1), RemoteAE("MVINODE", "127.0.0.1", port), calling_ae_title="SCANNER"
        )


def data_set_of(path: Path) -> bytes:
    content = path.read_bytes()
    # PS3.10 7.1: the group length of the file meta information is the first element behind "DICM".
    return content[144 + int.from_bytes(content[140:144], "little") :]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _parent_of_a_receiver(folder: Path, report_to: "multiprocessing.connection.Connection") -> None:
    with reception_process(folder) as running:
        report_to.send((running.peer.port, running.process.pid))
        running.process.join()
