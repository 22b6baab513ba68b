"""Scanner and receiver over real associations."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from config.errors import ConfigError
from dicom_io.network.access import AccessPolicy
from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.requestor import PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import send_files
from dicom_io.network.tls import ClientTls
from node.demo.processes import free_port
from node.simulation.peer_check import check_node
from node.simulation.play import Transfer, Wave, When
from node.simulation.receiver import Receiver
from node.simulation.scanner import Scanner, Sent
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.dicom_io.network.instances import STUDY_INSTANCE_UID, write_instances

LOOPBACK = "127.0.0.1"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(ArchiveSettings(tmp_path / "node", "MVINODE")) as running:
        yield running


def clock() -> float:
    return next(_TICKS) * 1.0


_TICKS = count()


def play(archive: Archive, *waves: Wave) -> Sent:
    scanner = Scanner(RemoteAE("MVINODE", LOOPBACK, archive.port), "ME", pause_s=0.0, monotonic_s=clock)
    return scanner.send(waves)


def test_association_when_the_play_aborts_it_then_the_rest_is_not_sent_and_it_is_no_problem(
    archive: Archive, tmp_path: Path
) -> None:
    paths = tuple(write_instances(tmp_path, 5))
    sent = play(archive, Wave((Transfer(paths, abort_after=2),)))
    assert sent.taken == set(paths[:2])
    assert sent.problems == []
    assert len(list((tmp_path / "node").glob("*.dcm"))) == 2


def test_association_when_one_hangs_then_the_other_sends_everything(archive: Archive, tmp_path: Path) -> None:
    paths = tuple(write_instances(tmp_path, 4))
    sent = play(archive, Wave((Transfer(paths, abort_after=1, stall_s=0.05), Transfer(paths))))
    assert sent.taken == set(paths)
    assert sent.acknowledged[-1][0] == paths[-1]


def test_scanner_when_stopped_then_it_sends_no_more(archive: Archive, tmp_path: Path) -> None:
    paths = tuple(write_instances(tmp_path, 4))
    node = RemoteAE("MVINODE", LOOPBACK, archive.port)
    stops: list[Callable[[], None]] = []

    def stop() -> None:
        stops[0]()

    scanner = Scanner(node, "ME", pause_s=60.0, monotonic_s=clock, on_image=stop)
    stops.append(scanner.stop)
    sent = scanner.send((Wave((Transfer(paths),)), Wave((Transfer(paths),), When.LATE)))
    assert sent.taken == {paths[0]}


def test_image_when_the_node_refuses_it_then_its_answer_is_a_problem(tmp_path: Path) -> None:
    paths = tuple(write_instances(tmp_path, 1))
    with Archive(ArchiveSettings(tmp_path / "node", "MVINODE")) as archive:
        (tmp_path / "node").rmdir()
        sent = play(archive, Wave((Transfer(paths),)))
    assert sent.taken == frozenset()
    assert "0xA700" in sent.problems[0]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[Receiver, RemoteAE]]:
    own = RemoteAE("MVI-ACCEPT", LOOPBACK, free_port())
    with Receiver(tmp_path / "received", own, RemoteAE("MVINODE", LOOPBACK, 104), clock) as running:
        yield running, own


def test_object_when_of_a_study_of_the_run_then_it_is_kept_and_counted(
    receiver: tuple[Receiver, RemoteAE], tmp_path: Path
) -> None:
    running, own = receiver
    paths = write_instances(tmp_path, 1)
    running.expect([STUDY_INSTANCE_UID])
    for _ in range(2):
        send_files(paths, own, calling_ae_title="MVINODE")
    (arrival,) = running.arrivals().values()
    assert (arrival.times, arrival.study_instance_uid, arrival.is_committed) == (2, STUDY_INSTANCE_UID, False)
    assert arrival.path.is_file()
    assert running.remarks() == []


def test_object_when_of_another_study_then_it_is_refused_and_told(
    receiver: tuple[Receiver, RemoteAE], tmp_path: Path
) -> None:
    running, own = receiver
    running.expect(["1.2.3"])
    (outcome,) = send_files(write_instances(tmp_path, 1), own, calling_ae_title="MVINODE")
    assert outcome.disposition is Disposition.PERMANENT
    assert running.arrivals() == {}
    nothing, refused = running.remarks()
    assert "nothing came to MVI-ACCEPT@127.0.0.1" in nothing
    assert refused == "1 objects of studies that are not of this run were refused"
    assert list((tmp_path / "received").iterdir()) == []


def test_association_when_not_of_the_node_then_it_is_rejected_and_told(
    receiver: tuple[Receiver, RemoteAE], tmp_path: Path
) -> None:
    running, own = receiver
    with pytest.raises(PeerRefusedError):
        send_files(write_instances(tmp_path, 1), own, calling_ae_title="STRANGER")
    # It is rejected first, and told then.
    end_s = time.monotonic() + 10
    while len(running.remarks()) < 2 and time.monotonic() < end_s:
        running.wait(0.1)
    assert "STRANGER" in running.remarks()[0]


def test_port_when_another_program_has_it_then_the_options_are_told(
    receiver: tuple[Receiver, RemoteAE], tmp_path: Path
) -> None:
    _, own = receiver
    with pytest.raises(ConfigError, match="--port"), Receiver(tmp_path / "other", own, own, clock):
        pass


@pytest.mark.peer("openssl")
def test_receiver_when_over_tls_then_takes_the_node_and_nobody_without_a_certificate(tmp_path: Path) -> None:
    files = new_authority(tmp_path / "ca").issue("us")
    own = RemoteAE("MVI-ACCEPT", LOOPBACK, free_port(), ClientTls(files))
    paths = write_instances(tmp_path, 1)
    with Receiver(tmp_path / "received", own, RemoteAE("MVINODE", LOOPBACK, 104), clock) as running:
        running.expect([STUDY_INSTANCE_UID])
        with pytest.raises(PeerError):
            send_files(paths, replace(own, tls=None), calling_ae_title="MVINODE")
        assert running.arrivals() == {}
        send_files(paths, own, calling_ae_title="MVINODE")
        assert len(running.arrivals()) == 1


def test_node_when_it_does_not_know_us_then_the_command_that_mends_it_is_told(tmp_path: Path) -> None:
    settings = ArchiveSettings(tmp_path, "MVINODE", access=AccessPolicy("MVINODE"))
    own = RemoteAE("MVI-ACCEPT", LOOPBACK, 11113)
    with Archive(settings) as closed:
        with pytest.raises(PeerRefusedError, match="mvi-node peers add acceptance --ae-title MVI-ACCEPT"):
            check_node(RemoteAE("MVINODE", LOOPBACK, closed.port), own)
        with pytest.raises(PeerRefusedError, match="AE title is another one"):
            check_node(RemoteAE("OTHER", LOOPBACK, closed.port), own)
    with pytest.raises(PeerError) as caught:
        check_node(RemoteAE("MVINODE", LOOPBACK, free_port()), own)
    assert caught.value.transient


def test_node_when_it_knows_us_then_it_says_its_name(archive: Archive) -> None:
    own = RemoteAE("MVI-ACCEPT", LOOPBACK, 11113)
    assert check_node(RemoteAE("MVINODE", LOOPBACK, archive.port), own).startswith("MVI")


@pytest.mark.parametrize(("host", "is_told"), [("10.0.0.4", True), (LOOPBACK, False)])
def test_check_when_a_node_elsewhere_cannot_be_reached_then_says_that_it_may_listen_on_loopback_alone(
    monkeypatch: pytest.MonkeyPatch, host: str, is_told: bool
) -> None:
    def away(node: RemoteAE, **_: object) -> None:
        raise PeerError(node, "no DICOM service could be reached there")

    monkeypatch.setattr("node.simulation.peer_check.echo", away)
    own = RemoteAE("MVI-ACCEPT", LOOPBACK, 11113)
    with pytest.raises(PeerError) as refused:
        check_node(RemoteAE("MVINODE", host, 11112), own)
    assert refused.value.transient
    assert ("node.host" in str(refused.value)) is is_told
