import errno
import hashlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as StopEvent
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from config.settings import NodeSection, Peer, Settings
from dicom_io.network.access import LOOK_UP_EVERY_S
from dicom_io.network.commitment import CommitmentResult, InstanceReference
from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.status import Disposition, StoreStatus
from dicom_io.network.storage_scp import ReceivedInstance, StorageScp
from dicom_io.network.storage_scu import SendOutcome, send_files
from node.inbox import Inbox
from node.ledger import intake
from node.ledger.ledger import Ledger, open_ledger
from node.reception import (
    STILL_STARTING_EVERY_S,
    Reception,
    ReceptionReport,
    StillStarting,
    access_policy,
    run_reception,
    scp_settings,
)
from node.reception_process import Ports
from tests.faults.raw_peer import RawPeer, store_request
from tests.unit.dicom_io.network.instances import STUDY_INSTANCE_UID, encode, mr_instance, write_instances
from tests.unit.dicom_io.network.receiver import wait_until
from tests.unit.node.doubles import FakeClock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEERS = (
    Peer(name="scanner", ae_title="SCANNER", host="127.0.0.1", may_send=True),
    Peer(name="pacs", ae_title="PACS", host="localhost", receives_results=True),
)


def ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.sqlite'}"


def node_settings(folder: Path, minimum_free_bytes: int = 0) -> Settings:
    node = NodeSection(host="127.0.0.1", port=0, storage=folder, minimum_free_bytes=minimum_free_bytes)
    return Settings(node=node, peers=PEERS)


def received(data_set: bytes = b"data set") -> ReceivedInstance:
    identity = InstanceIdentity("1.2.3", "1.2.3.1", "1.2.3.4", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1")
    return ReceivedInstance(identity, b"header", data_set, "SCANNER", "10.0.0.7")


def reception_in(folder: Path, ledger: Ledger, free_bytes: Callable[[Path], int] | None = None) -> Reception:
    return Reception(Inbox(folder, minimum_free_bytes=1000, free_bytes=free_bytes), ledger, lambda: NOW)


def test_keep_when_new_then_lies_in_the_inbox_and_in_the_ledger(tmp_path: Path, ledger: Ledger) -> None:
    assert reception_in(tmp_path, ledger).keep(received()) is StoreStatus.SUCCESS

    (record,) = ledger.studies.instances("1.2.3")
    assert (tmp_path / record.path).read_bytes() == b"headerdata set"
    assert (record.calling_ae_title, record.peer, record.received_at) == ("SCANNER", "10.0.0.7", NOW)
    assert record.size_bytes == 14


def test_keep_when_sent_again_then_is_acknowledged_and_recorded_once(tmp_path: Path, ledger: Ledger) -> None:
    reception = reception_in(tmp_path, ledger)

    assert [reception.keep(received()) for _ in range(2)] == [StoreStatus.SUCCESS] * 2
    assert len(ledger.studies.known_paths()) == 1
    assert not ledger.studies.get("1.2.3").conflicting


def test_keep_when_sent_again_with_other_bytes_then_both_are_kept_and_the_study_is_marked(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    reception = reception_in(tmp_path, ledger)

    assert [reception.keep(received(data)) for data in (b"one", b"two")] == [StoreStatus.SUCCESS] * 2
    assert len(ledger.studies.known_paths()) == 2
    assert ledger.studies.get("1.2.3").conflicting
    assert "came again with other bytes" in caplog.text


def test_keep_when_the_file_was_damaged_and_is_sent_again_then_the_study_is_looked_at_again(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    reception = reception_in(tmp_path, ledger)
    reception.keep(received())
    before = ledger.studies.get("1.2.3")
    (record,) = ledger.studies.instances("1.2.3")
    (tmp_path / record.path).write_bytes(b"")

    assert reception.keep(received()) is StoreStatus.SUCCESS
    assert (tmp_path / record.path).read_bytes() == b"headerdata set"
    after = ledger.studies.get("1.2.3")
    assert (after.images, after.generation) == (before.images, before.generation + 1)
    assert not after.conflicting
    assert "damaged on the disk" in caplog.text


def test_keep_when_the_disk_is_full_then_is_a700_and_recovers(tmp_path: Path, ledger: Ledger) -> None:
    free = 500
    reception = reception_in(tmp_path, ledger, lambda _: free)

    assert reception.keep(received()) is StoreStatus.OUT_OF_RESOURCES
    assert ledger.studies.known_paths() == frozenset()
    free = 10_000
    assert reception.keep(received()) is StoreStatus.SUCCESS


def test_keep_when_the_ledger_is_away_then_is_a700_and_the_resent_instance_is_recorded(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reception = reception_in(tmp_path, ledger)

    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("server closed the connection"))

    with monkeypatch.context() as away:
        away.setattr(intake, "record", fail)
        assert reception.keep(received()) is StoreStatus.OUT_OF_RESOURCES
    assert "the ledger does not answer: server closed the connection" in caplog.text
    assert "Traceback" not in caplog.text

    assert reception.keep(received()) is StoreStatus.SUCCESS
    assert len(ledger.studies.known_paths()) == 1


def test_keep_when_the_disk_refuses_the_bytes_while_they_are_entered_then_the_entry_goes_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception = reception_in(tmp_path, ledger)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        assert reception.keep(received(b"one")) is StoreStatus.OUT_OF_RESOURCES
    assert reception.keep(received(b"one")) is StoreStatus.SUCCESS
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        assert reception.keep(received(b"two")) is StoreStatus.OUT_OF_RESOURCES
        assert reception.keep(received(b"one")) is StoreStatus.OUT_OF_RESOURCES
    (record,) = ledger.studies.instances("1.2.3")
    assert (tmp_path / record.path).read_bytes() == b"headerone"


def test_commitment_when_the_transaction_is_unknown_then_is_logged(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    result = CommitmentResult("1.2.3.9", (InstanceReference("1.2.840", "1.2.3.4"),), {})

    reception_in(tmp_path, ledger).take_commitment(result)

    assert "unknown transaction 1.2.3.9" in caplog.text


def test_policy_when_peers_are_set_then_senders_may_store_and_the_pacs_may_report() -> None:
    policy = access_policy(NodeSection(), PEERS)

    def rejected(calling: str, host: str) -> bool:
        return policy.rejection(called_ae_title="MVINODE", calling_ae_title=calling, host=host) is not None

    assert not rejected("SCANNER", "127.0.0.1")
    assert not rejected("PACS", "::1")
    assert rejected("STRANGER", "127.0.0.1")
    assert rejected("SCANNER", "10.0.0.7")
    assert policy.may_store(calling_ae_title="SCANNER", host="127.0.0.1")
    assert not policy.may_store(calling_ae_title="PACS", host="127.0.0.1")


def test_policy_when_a_host_name_is_unknown_then_only_that_peer_is_rejected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = access_policy(
        NodeSection(), PEERS, lambda host: frozenset() if host == "localhost" else frozenset({"a"})
    )

    assert "peer pacs: host localhost has no address" in caplog.text
    assert policy.knows_host("a")


def test_policy_when_a_peer_gets_its_address_later_then_it_is_looked_up_again_now_and_then() -> None:
    now_s, found, asked = 100.0, frozenset[str](), list[str]()

    def resolve(host: str) -> frozenset[str]:
        asked.append(host)
        return found

    policy = access_policy(NodeSection(), PEERS, resolve, lambda: now_s)

    def rejected(calling: str, host: str) -> bool:
        return policy.rejection(called_ae_title="MVINODE", calling_ae_title=calling, host=host) is not None

    asked.clear()
    assert rejected("SCANNER", "10.0.0.7")
    found = frozenset({"10.0.0.7"})
    assert rejected("SCANNER", "10.0.0.7")
    assert rejected("STRANGER", "10.0.0.7")
    assert len(asked) == 1
    now_s += LOOK_UP_EVERY_S
    assert not policy.knows_host("10.0.0.7")
    assert not rejected("SCANNER", "10.0.0.7")
    assert policy.may_store(calling_ae_title="SCANNER", host="10.0.0.7")
    assert policy.knows_host("10.0.0.7")
    # The scanner moves while the name service is away: what was known stays, until it is known better.
    found = frozenset()
    now_s += LOOK_UP_EVERY_S
    assert rejected("SCANNER", "10.0.0.8")
    assert not rejected("SCANNER", "10.0.0.7")
    found = frozenset({"10.0.0.8"})
    now_s += LOOK_UP_EVERY_S
    assert not rejected("SCANNER", "10.0.0.8")
    assert rejected("SCANNER", "10.0.0.7")
    assert len(asked) == 4


def test_store_when_the_disk_is_full_then_the_sender_gets_a700_over_the_network(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    free = 0
    reception = reception_in(tmp_path, ledger, lambda _: free)
    paths = write_instances(tmp_path, 2)
    caplog.set_level(logging.ERROR)
    with StorageScp(scp_settings(node_settings(tmp_path)), reception.keep) as scp:
        peer = RemoteAE("MVINODE", "127.0.0.1", scp.port)
        refused = send_files(paths, peer, calling_ae_title="SCANNER")
        free = 10_000_000
        taken = send_files(paths, peer, calling_ae_title="SCANNER")

    assert {(o.status, o.disposition) for o in refused} == {(0xA700, Disposition.TRANSIENT)}
    assert {o.status for o in taken} == {0x0000}
    assert len(list(Inbox(tmp_path, minimum_free_bytes=0).walk())) == 2


@dataclass
class RunningReception:
    process: BaseProcess
    peer: RemoteAE
    stop: StopEvent


@contextmanager
def reception_process(folder: Path, minimum_free_bytes: int = 0) -> Iterator[RunningReception]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    stop = context.Event()
    arguments = (node_settings(folder, minimum_free_bytes), ledger_url(folder), theirs, stop)
    process = context.Process(target=run_reception, args=arguments)
    process.start()
    theirs.close()
    try:
        assert ours.poll(60), "the receiver does not say its port"
        report = ours.recv()
        assert isinstance(report, ReceptionReport)
        assert not report.error
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


def test_process_when_terminated_then_ends_cleanly(tmp_path: Path) -> None:
    with reception_process(tmp_path) as running:
        running.process.terminate()
        running.process.join(20)

        assert running.process.exitcode == 0


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


def test_say_when_it_starts_for_long_then_reports_now_and_then(clock: FakeClock) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with ours, theirs:
        still_starting = StillStarting(theirs, lambda: False, clock.monotonic_s)
        for _ in range(100):
            clock.advance(STILL_STARTING_EVERY_S / 10)
            still_starting.say()
        reports = []
        while ours.poll(0):
            reports.append(ours.recv())
    assert reports == [ReceptionReport(starting=True)] * 10


def test_say_when_nobody_waits_then_ends(clock: FakeClock) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with theirs:
        ours.close()
        still_starting = StillStarting(theirs, lambda: False, clock.monotonic_s)
        clock.advance(STILL_STARTING_EVERY_S)
        with pytest.raises(SystemExit):
            still_starting.say()
        with pytest.raises(SystemExit):
            StillStarting(theirs, lambda: True, clock.monotonic_s).say()


def test_process_when_the_ledger_belongs_to_another_storage_then_says_so(tmp_path: Path) -> None:
    with open_ledger(ledger_url(tmp_path)) as ledger:
        ledger.bind("of another")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    arguments = (node_settings(tmp_path), ledger_url(tmp_path), theirs, context.Event())
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
            args=(Settings(node=node), ledger_url(tmp_path), theirs, stop),
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
