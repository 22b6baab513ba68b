import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom.association import Association

from dicom_io.network.limits import TransportLimits
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.receiving_memory import ReceivingMemory
from dicom_io.network.status import StoreStatus
from dicom_io.network.storage_scu import echo
from tests.unit.dicom_io.network.instances import encode, mr_instance
from tests.unit.dicom_io.network.receiver import AE_TITLE, Receiver, receiving, wait_until

SOP = "1.2.3.99"
LIMITS = TransportLimits(network_timeout_s=1.0, maximum_data_set_bytes=1_000_000)
COMMAND, DATA, LAST = 0x01, 0x00, 0x02


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(limits=LIMITS) as running:
        yield running


def element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, tag, len(value)) + value


def store_command(*, sop_class: bytes = MRImageStorage.encode(), data_set_type: int = 1, field: int = 1) -> bytes:
    body = [
        element(0x0002, sop_class + b"\0" * (len(sop_class) % 2)), element(0x0100, struct.pack("<H", field)),
        element(0x0110, struct.pack("<H", 5)), element(0x0700, struct.pack("<H", 0)),
        element(0x0800, struct.pack("<H", data_set_type)), element(0x1000, SOP.encode()),
    ]  # fmt: skip
    joined = b"".join(body)
    return element(0x0000, struct.pack("<L", len(joined))) + joined


def pdv(control: int, content: bytes, context_id: int = 1) -> bytes:
    return struct.pack(">LBB", len(content) + 2, context_id, control) + content


def pdu(*items: bytes) -> bytes:
    body = b"".join(items)
    return struct.pack(">BBL", 4, 0, len(body)) + body


class Sender:
    """An association whose P-DATA the test writes itself."""

    def __init__(self, receiver: Receiver) -> None:
        ae = GuardedAE("SCANNER", TransportLimits())
        ae.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
        ae.add_requested_context("1.2.840.10008.1.1")
        self.assoc: Association = ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)
        assert self.assoc.is_established
        transport = self.assoc.dul.socket
        assert transport is not None
        assert transport.socket is not None
        self.connection: socket.socket = transport.socket

    def status(self) -> int:
        """Wait for the next response and return its status."""
        _, message = self.assoc.dimse.get_msg(block=True)
        assert message is not None
        assert message.MessageIDBeingRespondedTo == 5
        assert message.Status is not None
        return int(message.Status)

    def is_ended(self) -> bool:
        return not self.assoc.is_established


@pytest.fixture
def sender(receiver: Receiver) -> Iterator[Sender]:
    own = Sender(receiver)
    own.assoc._reactor_checkpoint.clear()  # Its reactor must not take the responses.
    yield own
    own.assoc._reactor_checkpoint.set()
    own.assoc.abort()


def data_set() -> bytes:
    return encode(mr_instance(sop_instance_uid=SOP))


def test_store_when_fragments_are_as_small_as_can_be_then_arrives_whole(
    receiver: Receiver, sender: Sender
) -> None:
    content = data_set()
    command = store_command()
    sender.connection.sendall(
        pdu(pdv(COMMAND, command[:1]), pdv(COMMAND, b"")) + pdu(pdv(COMMAND | LAST, command[1:]))
    )
    pieces = [content[start : start + 7] for start in range(0, len(content), 7)]
    sender.connection.sendall(b"".join(pdu(pdv(DATA, piece)) for piece in pieces) + pdu(pdv(DATA | LAST, b"")))

    assert sender.status() == StoreStatus.SUCCESS
    assert [received.data_set for received in receiver.instances] == [content]


def test_store_when_command_and_data_set_share_a_pdu_then_arrives_whole(
    receiver: Receiver, sender: Sender
) -> None:
    content = data_set()
    sender.connection.sendall(pdu(pdv(COMMAND | LAST, store_command()), pdv(DATA | LAST, content)))

    assert sender.status() == StoreStatus.SUCCESS
    assert [received.data_set for received in receiver.instances] == [content]


def test_store_when_requests_do_not_wait_for_answers_then_are_answered_in_order(
    receiver: Receiver, sender: Sender
) -> None:
    one = pdu(pdv(COMMAND | LAST, store_command())) + pdu(pdv(DATA | LAST, data_set()))
    sender.connection.sendall(one * 3)

    assert [sender.status() for _ in range(3)] == [StoreStatus.SUCCESS] * 3


def test_store_when_the_class_is_not_that_of_the_context_then_is_refused(
    receiver: Receiver, sender: Sender
) -> None:
    other = store_command(sop_class=b"1.2.840.10008.5.1.4.1.1.7")
    sender.connection.sendall(pdu(pdv(COMMAND | LAST, other), pdv(DATA | LAST, data_set())))

    assert sender.status() == StoreStatus.DATA_SET_DOES_NOT_MATCH
    assert receiver.instances == []


def test_store_when_there_is_no_data_set_then_is_refused(receiver: Receiver, sender: Sender) -> None:
    sender.connection.sendall(pdu(pdv(COMMAND | LAST, store_command(data_set_type=0x0101))))

    assert sender.status() == StoreStatus.CANNOT_UNDERSTAND


def has_left(memory: ReceivingMemory, count: int) -> bool:
    if not memory.take(count, 0):
        return False
    memory.give_back(count)
    return True


def test_store_when_others_leave_long_data_sets_unfinished_then_images_are_taken_and_long_ones_wait() -> None:
    memory = ReceivingMemory(own_bytes=300_000, shared_bytes=400_000)
    limits = replace(LIMITS, network_timeout_s=2.0, memory=memory)
    long = pdu(pdv(COMMAND | LAST, store_command())) + pdu(pdv(DATA, bytes(100_000))) * 5
    with receiving(limits=limits) as receiver:
        first, second, third = (Sender(receiver) for _ in range(3))
        for own in (first, second, third):
            own.assoc._reactor_checkpoint.clear()
        first.connection.sendall(long)
        wait_until(lambda: not has_left(memory, 200_000), "the first holds its part")
        second.connection.sendall(long)
        third.connection.sendall(pdu(pdv(COMMAND | LAST, store_command()), pdv(DATA | LAST, data_set())))
        assert third.status() == StoreStatus.SUCCESS
        for own in (first, second, third):
            own.assoc._reactor_checkpoint.set()
            own.assoc.abort()
        wait_until(lambda: has_left(memory, 400_000), "nobody holds anything any more")


def test_other_messages_when_they_come_between_stores_then_are_served(receiver: Receiver, sender: Sender) -> None:
    store = pdu(pdv(COMMAND | LAST, store_command())) + pdu(pdv(DATA | LAST, data_set()))
    body = element(0x0002, b"1.2.840.10008.1.1\0") + b"".join(
        element(tag, struct.pack("<H", value)) for tag, value in ((0x0100, 0x0030), (0x0110, 5), (0x0800, 0x0101))
    )
    verify = element(0x0000, struct.pack("<L", len(body))) + body
    sender.connection.sendall(store)
    assert sender.status() == StoreStatus.SUCCESS
    sender.connection.sendall(pdu(pdv(COMMAND | LAST, verify, context_id=3)))
    assert sender.status() == StoreStatus.SUCCESS
    sender.connection.sendall(store)
    assert sender.status() == StoreStatus.SUCCESS
    assert len(receiver.instances) == 2


@pytest.mark.parametrize(
    ("field", "context_id", "status"),
    [
        (0x0020, 1, 0x0122),  # C-FIND
        (0x0010, 1, 0x0122),  # C-GET
        (0x0021, 1, 0x0122),  # C-MOVE
        (0x0030, 1, 0x0122),  # C-ECHO in a context for storage.
        (0x0110, 1, 0x0211),  # N-GET
        (0x0140, 1, 0x0211),  # N-CREATE
        (0x0100, 1, 0x0211),  # N-EVENT-REPORT in a context for storage.
    ],
)
@pytest.mark.parametrize("data_set_type", [0x0101, 1])
def test_request_when_it_is_not_served_then_is_answered_and_the_association_goes_on(
    receiver: Receiver, sender: Sender, field: int, context_id: int, status: int, data_set_type: int
) -> None:
    request = pdu(pdv(COMMAND | LAST, store_command(field=field, data_set_type=data_set_type), context_id))
    request += pdu(pdv(DATA | LAST, b"\0" * 8, context_id)) if data_set_type == 1 else b""
    cancel = pdu(pdv(COMMAND | LAST, store_command(field=0x0FFF, data_set_type=0x0101), context_id))
    sender.connection.sendall(cancel + request)
    assert sender.status() == status
    sender.connection.sendall(pdu(pdv(COMMAND | LAST, store_command())) + pdu(pdv(DATA | LAST, data_set())))
    assert sender.status() == StoreStatus.SUCCESS
    assert len(receiver.instances) == 1


@pytest.mark.parametrize(
    "noise",
    [
        pdu(pdv(DATA | LAST, b"\0" * 8)),  # No command before.
        pdu(pdv(COMMAND | LAST, store_command()), pdv(COMMAND | LAST, store_command())),
        pdu(pdv(COMMAND | LAST, store_command(), context_id=99)),
        pdu(pdv(COMMAND | LAST, store_command()), pdv(DATA | LAST, b"\0" * 8, context_id=3)),
        pdu(pdv(COMMAND | LAST, b"\0" * 9)),
        pdu(struct.pack(">LBB", 1, 1, 3)),  # A value shorter than its own header.
        pdu(struct.pack(">LBB", 0xFFFFFFFF, 1, 3)),
        pdu(b"\0\0\0"),
        pdu(pdv(COMMAND | LAST, store_command(field=0x7777, data_set_type=0x0101))),
        b"".join(pdu(pdv(COMMAND, b"\0" * 60_000)) for _ in range(2)),
    ],
)
def test_message_when_it_breaks_the_protocol_then_ends_its_association_alone(
    receiver: Receiver, sender: Sender, noise: bytes
) -> None:
    sender.assoc._reactor_checkpoint.set()
    sender.connection.sendall(noise)

    wait_until(sender.is_ended, "the association is aborted")
    assert receiver.instances == []
    echo(receiver.peer, calling_ae_title="SCANNER")


def test_association_when_the_peer_is_silent_between_messages_then_is_aborted_in_time(receiver: Receiver) -> None:
    own = Sender(receiver)
    began = time.monotonic()
    wait_until(lambda: own.assoc.is_aborted, "the association is aborted")
    assert 0.9 < time.monotonic() - began < 2


def test_association_when_released_after_longer_than_the_network_timeout_then_is_released(
    receiver: Receiver,
) -> None:
    own = Sender(receiver)
    own.assoc._reactor_checkpoint.clear()
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        own.connection.sendall(pdu(pdv(COMMAND | LAST, store_command()), pdv(DATA | LAST, data_set())))
        assert own.status() == StoreStatus.SUCCESS
        time.sleep(0.1)
    own.assoc._reactor_checkpoint.set()
    own.assoc.release()
    assert own.assoc.is_released
