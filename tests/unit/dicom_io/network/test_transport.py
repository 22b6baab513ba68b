"""The attacks that take stock pynetdicom down, each against a running receiver that serves others meanwhile."""

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from io import BytesIO

import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom.association import Association

from dicom_io.network.access import AccessPolicy
from dicom_io.network.limits import TransportLimits
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.status import StoreStatus
from dicom_io.network.storage_scu import echo
from dicom_io.network.store_service import ReceivedInstance
from tests.unit.dicom_io.network.instances import encode, mr_instance
from tests.unit.dicom_io.network.receiver import AE_TITLE, Receiver, receiving, wait_until

ACSE_S, NETWORK_S = 1.0, 1.0
LIMITS = TransportLimits(acse_timeout_s=ACSE_S, network_timeout_s=NETWORK_S, dimse_timeout_s=5.0)
SERVED_WITHIN_S = 1.0
SLACK_S = 5.0
"""For a machine that others use, s."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(limits=LIMITS, maximum_associations=3) as running:
        yield running


def raw(receiver: Receiver) -> socket.socket:
    return socket.create_connection(("127.0.0.1", receiver.scp.port), timeout=10)


def established(receiver: Receiver) -> tuple[Association, socket.socket]:
    """Negotiate with pynetdicom, then give its socket to the test."""
    ae = GuardedAE("SCANNER", TransportLimits())  # The stock one leaves sockets open that the receiver closed.
    ae.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    assoc = ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)
    assert assoc.is_established
    assert assoc.dul.socket is not None
    assert assoc.dul.socket.socket is not None
    return assoc, assoc.dul.socket.socket


def assert_served(receiver: Receiver) -> None:
    started = time.monotonic()
    echo(receiver.peer, calling_ae_title="SCANNER")
    assert time.monotonic() - started < SERVED_WITHIN_S


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(4096) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def receiver_threads() -> int:
    return sum("AcceptorThread" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("kind", [0x01, 0x02, 0x04, 0x05, 0x07])
def test_pdu_when_length_is_4_gib_before_an_association_then_is_closed_at_once(
    receiver: Receiver, kind: int
) -> None:
    with raw(receiver) as attacker:
        attacker.sendall(struct.pack(">BBL", kind, 0, 0xFFFFFFFF) + os.urandom(1000))

        assert wait_until(lambda: is_closed(attacker), "the attacker is cut off") < ACSE_S
        assert_served(receiver)


def test_pdu_when_length_is_beyond_the_negotiated_one_then_is_closed(receiver: Receiver) -> None:
    assoc, connection = established(receiver)

    connection.sendall(struct.pack(">BBL", 0x04, 0, LIMITS.maximum_pdu_bytes + 7))

    wait_until(lambda: not assoc.is_established, "the association is aborted")
    assert_served(receiver)


@pytest.mark.parametrize("start", [b"", b"\x01", b"\x01\x00\x00", struct.pack(">BBL", 1, 0, 300) + b"\x00" * 100])
def test_connection_when_silent_before_an_association_then_others_are_served_and_it_is_closed(
    receiver: Receiver, start: bytes
) -> None:
    attackers = [raw(receiver) for _ in range(6)]  # Twice as many as there are slots.
    for attacker in attackers:
        attacker.sendall(start)

    assert_served(receiver)
    for attacker in attackers:
        wait_until(lambda attacker=attacker: is_closed(attacker), "the silent peer is cut off", ACSE_S + SLACK_S)  # type: ignore[misc]
        attacker.close()
    wait_until(lambda: receiver_threads() == 0, "no thread is left")


def test_connection_when_bytes_drip_then_the_deadline_counts_from_the_start(receiver: Receiver) -> None:
    started = time.monotonic()
    with raw(receiver) as attacker:
        attacker.sendall(struct.pack(">BBL", 1, 0, 1000))
        while not is_closed(attacker):
            assert time.monotonic() - started < ACSE_S + SLACK_S
            try:
                attacker.sendall(b"\x00")
            except OSError:
                break


def test_association_when_peer_stops_inside_a_pdu_then_its_slot_is_free_after_the_timeout(
    receiver: Receiver,
) -> None:
    stalled = [established(receiver) for _ in range(3)]
    for _, connection in stalled:
        connection.sendall(struct.pack(">BBLLBB", 0x04, 0, 5000, 4996, 1, 0x01) + b"\x00" * 2500)
    with pytest.raises(PeerError, match="local limit exceeded"):
        echo(receiver.peer, calling_ae_title="SCANNER")

    def served() -> bool:
        try:
            echo(receiver.peer, calling_ae_title="SCANNER")
        except PeerError:
            return False
        return True

    assert wait_until(served, "a slot is free") < NETWORK_S + SLACK_S
    for assoc, _ in stalled:
        wait_until(lambda assoc=assoc: not assoc.is_established, "the stalled peer is told")  # type: ignore[misc]


def test_probe_when_it_only_connects_then_leaves_no_thread_and_takes_no_slot(receiver: Receiver) -> None:
    for _ in range(40):
        raw(receiver).close()

    assert_served(receiver)
    # Without the guard each probe keeps a thread and a slot for the whole ACSE timeout.
    assert wait_until(lambda: receiver_threads() == 0, "no thread is left") < ACSE_S


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\xff" * 64]
)
def test_connection_when_it_speaks_another_protocol_then_is_closed_at_once(
    receiver: Receiver, noise: bytes
) -> None:
    with raw(receiver) as stranger:
        stranger.sendall(noise)
        wait_until(lambda: is_closed(stranger), "the stranger is cut off", ACSE_S + SLACK_S)
    assert_served(receiver)
    wait_until(lambda: receiver_threads() == 0, "no thread is left")


def test_connection_when_the_request_is_garbage_then_frees_its_thread_at_once(receiver: Receiver) -> None:
    with raw(receiver) as stranger:
        stranger.sendall(struct.pack(">BBL", 1, 0, 100) + os.urandom(100))
        wait_until(lambda: is_closed(stranger), "the stranger is cut off", ACSE_S)
    assert wait_until(lambda: receiver_threads() == 0, "no thread is left") < ACSE_S


def test_connections_when_a_host_is_unknown_then_are_capped_and_known_ones_are_not() -> None:
    limits = TransportLimits(acse_timeout_s=5, pending_per_unknown_host=2)
    with receiving(policy=AccessPolicy(AE_TITLE), limits=limits) as receiver:
        kept = [raw(receiver) for _ in range(2)]
        wait_until(lambda: receiver_threads() == 2, "both are accepted")
        with raw(receiver) as third:
            assert wait_until(lambda: is_closed(third), "the third is cut off") < 1
        for connection in kept:
            assert not is_closed(connection)
            connection.close()


def test_data_set_when_it_never_ends_then_is_cut_off_at_the_limit() -> None:
    limits = TransportLimits(network_timeout_s=5, maximum_data_set_bytes=300_000)
    with receiving(limits=limits) as receiver:
        assoc, connection = established(receiver)
        connection.sendall(command_pdu())
        fragment = b"\x00" * 60_000
        pdu = struct.pack(">BBLLBB", 4, 0, len(fragment) + 6, len(fragment) + 2, 1, 0x00) + fragment
        sent = 0
        with pytest.raises(OSError):
            for _ in range(200):
                connection.sendall(pdu)
                sent += len(fragment)
                time.sleep(0.001)

        assert sent < 60_000 * 200
        assert receiver.instances == []
        wait_until(lambda: not assoc.is_established, "the association is aborted")
        assert_served(receiver)


def test_requests_when_they_come_without_waiting_for_answers_then_wait_in_the_network() -> None:
    release = threading.Event()

    def hold(_: ReceivedInstance) -> StoreStatus:
        release.wait(10)
        return StoreStatus.SUCCESS

    with receiving() as receiver:
        receiver.answer = hold
        assoc, connection = established(receiver)
        connection.setblocking(False)
        flood, sent = request_pdus(200_000), 0
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and sent < 200:
            try:
                connection.send(flood)
                sent += 1
            except BlockingIOError:
                time.sleep(0.02)
        (acceptor,) = (thread for thread in threading.enumerate() if "AcceptorThread" in thread.name)
        assert isinstance(acceptor, Association)
        queued = acceptor.dimse.msg_queue.qsize()
        release.set()
        connection.setblocking(True)
        assoc.abort()

    assert queued <= 2


def test_peer_when_it_accepts_and_says_nothing_then_the_sender_gives_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = RemoteAE("SILENT", "127.0.0.1", silent.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(PeerError, match="did not answer the association request") as caught:
            echo(peer, calling_ae_title="SCANNER", limits=LIMITS)

        assert time.monotonic() - started < ACSE_S + SLACK_S
        assert caught.value.transient


def command_pdu(data_set_bytes: bytes = b"") -> bytes:
    from pydicom.uid import UID  # noqa: PLC0415 - beside the rest of the raw request
    from pynetdicom.dimse_messages import C_STORE_RQ  # noqa: PLC0415
    from pynetdicom.dimse_primitives import C_STORE  # noqa: PLC0415
    from pynetdicom.pdu import P_DATA_TF  # noqa: PLC0415

    request = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = MRImageStorage
    request.AffectedSOPInstanceUID = UID("1.2.3.99")
    request.DataSet = BytesIO(data_set_bytes or b"\x00" * 8)
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    pdus = []
    for primitive in message.encode_msg(1, 100_000):
        pdu = P_DATA_TF()
        pdu.from_primitive(primitive)
        pdus.append(pdu.encode())
    return b"".join(pdus) if data_set_bytes else pdus[0]


def request_pdus(size_bytes: int) -> bytes:
    return command_pdu(encode(mr_instance(sop_instance_uid="1.2.3.99")).ljust(size_bytes, b"\0"))
