"""Who gets in, how many at once, and what strangers and attackers leave behind: `mvi-node serve` from outside."""

import re
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SecondaryCaptureImageStorage

from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_io.network.negotiation import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES
from dicom_io.network.requestor import Context, PeerError, PeerRefusedError, RemoteAE, open_association
from dicom_io.network.storage_scu import echo
from tests.faults.hostile_peers import BOMB, small_data_set
from tests.faults.processes import Usage, usage
from tests.faults.raw_peer import DEFLATED, MR, RawPeer, associate_request, data_pdu, store_request
from tests.faults.victim import listener
from tests.integration.service import LOOPBACK, RunningNode, running_node
from tests.unit.dicom_io.network.instances import encode, mr_instance

pytestmark = pytest.mark.slow

SCANNER, VIEWER, FAR = "SCANNER", "VIEWER", "FAR"
PEERS: list[dict[str, object]] = [
    {"name": "scanner", "ae_title": SCANNER, "host": LOOPBACK, "may_send": True},
    {"name": "viewer", "ae_title": VIEWER, "host": LOOPBACK},
    {"name": "far", "ae_title": FAR, "host": "192.0.2.1", "may_send": True},
]
NETWORK_S = 3.0
SERVED_WITHIN_S = 1.0
AT_ONCE = 25
OF_ONE_PEER = 20
ATTACKERS = 30
"""More than there are associations."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MVI_NODE_NODE__NETWORK_TIMEOUT_S", str(NETWORK_S))
        with running_node(tmp_path_factory.mktemp("node"), 0, PEERS, deadline_s=1e6) as running:
            yield running


@pytest.fixture(scope="module")
def receiver(node: RunningNode) -> int:
    """Number of the process that listens."""
    found = listener(node.port)
    assert found is not None
    return found


@pytest.fixture
def at_rest(node: RunningNode, receiver: int) -> Usage:
    """What the receiver holds while nobody is connected."""
    assert_served(node)
    time.sleep(0.3)
    return usage(receiver)


def address(node: RunningNode, called: str = "") -> RemoteAE:
    return RemoteAE(called or node.ae_title, LOOPBACK, node.port)


def assert_served(node: RunningNode) -> None:
    """Another sender gets its association and its instance acknowledged within a second.

    A busy machine gets three attempts.
    """
    waited = []
    for _ in range(3):
        began = time.monotonic()
        with RawPeer(node.port) as sender:
            sender.associate(node.ae_title, SCANNER)
            assert sender.store(b"1.2.3", small_data_set()) == 0x0000
        waited.append(time.monotonic() - began)
        if waited[-1] < SERVED_WITHIN_S:
            return
    raise AssertionError(f"served after {waited} s")


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < deadline_s, what
        time.sleep(0.02)
    return time.monotonic() - began


def assert_leaves_nothing(receiver: int, before: Usage, within_s: float = 5.0) -> None:
    wait_until(
        lambda: usage(receiver).is_no_more_than(before), f"{before} became {usage(receiver)}", deadline_s=within_s
    )


@pytest.mark.parametrize(
    ("called", "calling", "because"),
    [
        ("OTHER", SCANNER, "called ae title not recognised"),
        ("", "STRANGER", "calling ae title not recognised"),
        ("", FAR, "calling ae title not recognised"),  # A known title from another host.
    ],
)
def test_association_when_a_title_or_the_host_does_not_fit_then_is_rejected_for_good(
    node: RunningNode, called: str, calling: str, because: str
) -> None:
    with pytest.raises(PeerRefusedError, match=because):
        echo(address(node, called), calling_ae_title=calling)


def test_echo_when_the_peer_is_known_then_is_answered_though_it_may_not_send(node: RunningNode) -> None:
    echo(address(node), calling_ae_title=VIEWER)
    with RawPeer(node.port) as viewer:
        viewer.associate(node.ae_title, VIEWER)
        assert viewer.store(b"1.2.3", small_data_set()) == 0x0124


SIEMENS_NON_IMAGE = "1.3.12.2.1107.5.9.1"
SECONDARY_CAPTURE = str(SecondaryCaptureImageStorage)
PAGE = encode(mr_instance(sop_instance_uid="1.2.3", sop_class_uid=SECONDARY_CAPTURE))


@pytest.mark.parametrize(
    ("requested", "uid", "data_set", "status", "because"),
    [
        (MR, b"1.2.3", PAGE, 0xA900, "SOP class of request and data set differ"),
        (SECONDARY_CAPTURE, b"1.2.3", PAGE, 0xA900, "not the SOP class of the presentation context"),
        (MR, b"1.2.4", small_data_set(), 0xA900, "SOP instance of request and data set differ"),
        (MR, b"1.2.3", small_data_set()[:33], 0xC000, "the data set ends in the middle of an element"),
        (MR, b"1.2.3", b"no data set at all", 0xC000, "an element has no valid VR"),
        (MR, b"1.2.3", b"", 0xC000, "StudyInstanceUID is missing"),
    ],
)  # fmt: skip
def test_store_when_it_cannot_be_kept_then_status_and_comment_say_why_and_the_next_is_kept(
    node: RunningNode, requested: str, uid: bytes, data_set: bytes, status: int, because: str
) -> None:
    with RawPeer(node.port) as peer:
        peer.associate(node.ae_title, SCANNER)
        peer.send(b"".join(store_request(uid, data_set, sop_class=requested)))
        assert peer.answer() == (status, because)
        assert peer.store(b"1.2.3", small_data_set()) == 0x0000


@pytest.mark.peer("dcmtk")
def test_association_when_accepted_then_names_this_implementation(node: RunningNode) -> None:
    command = ["/usr/bin/echoscu", "-d", "-aet", SCANNER, "-aec", node.ae_title, LOOPBACK, str(node.port)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert re.search(rf"Their Implementation Class UID: +{re.escape(IMPLEMENTATION_CLASS_UID)}", said.stderr)
    assert re.search(rf"Their Implementation Version Name: +{IMPLEMENTATION_VERSION_NAME}", said.stderr)


def test_association_when_25_are_open_or_20_of_one_peer_then_one_more_is_rejected_for_now(
    node: RunningNode,
) -> None:
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(node.port)) for _ in range(AT_ONCE)]
        for number, peer in enumerate(peers):
            if number == OF_ONE_PEER:
                assert_rejected_for_now(node, SCANNER)
            peer.associate(node.ae_title, SCANNER if number < OF_ONE_PEER else VIEWER)
        assert_rejected_for_now(node, VIEWER)
        assert [peer.echo() for peer in peers] == [0] * AT_ONCE
    said = node.log.read_text(encoding="utf-8")
    assert "20 of this peer are served, which is its maximum_associations" in said
    assert "25 are served, which is node.maximum_associations" in said
    wait_until(lambda: is_served(node), "a slot is free", 5)


def assert_rejected_for_now(node: RunningNode, calling: str) -> None:
    with pytest.raises(PeerError, match=r"local limit exceeded \(rejected transient\)") as caught:
        echo(address(node), calling_ae_title=calling)
    assert caught.value.transient


def is_served(node: RunningNode) -> bool:
    try:
        echo(address(node), calling_ae_title=SCANNER)
    except PeerError:
        return False
    return True


def test_store_when_the_class_is_private_then_is_kept_as_context_and_not_as_an_image(node: RunningNode) -> None:
    with RawPeer(node.port) as scanner:
        scanner.associate(node.ae_title, SCANNER, (SIEMENS_NON_IMAGE, str(ExplicitVRLittleEndian)))
        beside = mr_instance(
            sop_instance_uid="1.2.5", study_instance_uid="1.2.5.1", sop_class_uid=SIEMENS_NON_IMAGE
        )
        assert scanner.store(b"1.2.5", encode(beside), SIEMENS_NON_IMAGE) == 0x0000
    (kept,) = [one for one in node.json("studies", "list")["studies"] if one["study_instance_uid"] == "1.2.5.1"]
    assert kept["images"] == 0


def test_contexts_when_everything_is_proposed_then_all_storage_classes_and_no_deflated_are_taken(
    node: RunningNode,
) -> None:
    proposals = [Context(sop_class, (str(ExplicitVRLittleEndian),)) for sop_class in STORAGE_SOP_CLASSES]
    proposals += [Context(str(MRImageStorage), (syntax,)) for syntax in TRANSFER_SYNTAXES]
    deflated = Context(str(SecondaryCaptureImageStorage), (DEFLATED,))
    both = Context(str(MRImageStorage), tuple(reversed(TRANSFER_SYNTAXES)))
    with open_association(address(node), [*proposals, deflated, both], calling_ae_title=SCANNER) as assoc:
        accepted = {int(context.context_id or 0) for context in assoc.accepted_contexts}
        last = assoc.accepted_contexts[-1]
    numbers = [2 * number + 1 for number in range(len(proposals) + 2)]
    assert sorted(accepted) == numbers[:-2] + numbers[-1:]
    assert last.transfer_syntax == [ExplicitVRLittleEndian]  # Whatever the order of the proposal.


def test_probes_when_they_connect_and_close_then_leave_no_thread_and_no_handle(
    node: RunningNode, receiver: int, at_rest: Usage
) -> None:
    for number in range(200):
        peer = RawPeer(node.port)
        if number % 3 == 1:
            peer.send(b"GET / HTTP/1.1\r\n\r\n")
        peer.close(reset=number % 3 == 2)
    assert_served(node)
    assert_leaves_nothing(receiver, at_rest)


def test_associations_when_half_open_then_leave_no_thread_and_no_handle(
    node: RunningNode, receiver: int, at_rest: Usage
) -> None:
    peers = [RawPeer(node.port) for _ in range(ATTACKERS)]
    for number, peer in enumerate(peers):
        request = associate_request(node.ae_title, SCANNER)
        peer.send(request if number % 2 else request[: number + 1])
        peer.close(reset=number % 3 == 0)
    assert_served(node)
    assert_leaves_nothing(receiver, at_rest)


def test_attack_1_when_a_pdu_claims_4_gib_then_nothing_is_buffered_and_others_are_served(
    node: RunningNode, receiver: int, at_rest: Usage
) -> None:
    chunk = bytes(1_000_000)
    for kind in (0x01, 0x04, 0x07):
        with RawPeer(node.port) as attacker:
            attacker.send(struct.pack(">BBL", kind, 0, 0xFFFFFFFF))
            sent = sum(attacker.send(chunk) for _ in range(50))
            assert sent < 50
            assert_served(node)
            assert attacker.is_closed_within(1)
    assert usage(receiver).resident_bytes - at_rest.resident_bytes < 20_000_000


def test_attack_2_when_peers_stop_inside_a_pdu_then_others_are_served_and_slots_come_back(
    node: RunningNode, receiver: int, at_rest: Usage
) -> None:
    with ExitStack() as stack:
        early = [stack.enter_context(RawPeer(node.port)) for _ in range(ATTACKERS)]
        for number, peer in enumerate(early):
            peer.send(associate_request(node.ae_title, SCANNER)[: (0, 3, 6, 100)[number % 4]])
        assert_served(node)  # Though there are more of them than associations at once.
        late = [stack.enter_context(RawPeer(node.port)) for _ in range(AT_ONCE)]
        for number, peer in enumerate(late):
            peer.associate(node.ae_title, SCANNER if number < OF_ONE_PEER else VIEWER)
            peer.send(data_pdu(0x01, bytes(5000))[:2500])
        stopped = time.monotonic()
        wait_until(lambda: is_served(node), "a slot is free", 2 * NETWORK_S)
        assert time.monotonic() - stopped < NETWORK_S + 1
        for peer in late:
            assert peer.is_closed_within(1)
    assert_leaves_nothing(receiver, at_rest)


def test_attack_2_when_a_peer_drips_bytes_then_its_pdu_still_has_one_deadline(node: RunningNode) -> None:
    with RawPeer(node.port) as peer:
        peer.associate(node.ae_title, SCANNER)
        peer.send(struct.pack(">BBLLBB", 0x04, 0, 60_000, 59_996, 1, 0x01))
        began = time.monotonic()
        while peer.send(b"\0") and time.monotonic() - began < 3 * NETWORK_S:
            time.sleep(0.05)
        assert time.monotonic() - began < NETWORK_S + 1
    assert_served(node)


def test_attack_4_when_a_deflated_bomb_comes_then_it_is_not_inflated_and_others_are_served(
    node: RunningNode, receiver: int, at_rest: Usage
) -> None:
    with RawPeer(node.port) as peer:
        peer.associate(node.ae_title, SCANNER, (MR, DEFLATED))
        peer.send(b"".join(store_request(b"1.2.3.99", BOMB)))  # Although the context was refused.
        assert_served(node)
        assert peer.is_closed_within(1)
    with RawPeer(node.port) as peer:
        peer.associate(node.ae_title, SCANNER)
        assert peer.store(b"1.2.3.99", BOMB) == 0xC000
    assert usage(receiver).resident_bytes - at_rest.resident_bytes < 20_000_000


def test_port_when_many_wait_at_the_address_of_a_peer_then_the_oldest_are_closed_and_the_peer_is_served(
    node: RunningNode, receiver: int, at_rest: Usage
) -> None:
    silent = [socket.create_connection((LOOPBACK, node.port), timeout=10) for _ in range(200)]
    assert_served(node)
    wait_until(lambda: usage(receiver).threads < at_rest.threads + 3 * 70, "the cap holds", 5)
    for connection in silent:
        connection.close()
    wait_until(lambda: is_served(node), "served again", 5)
    assert_leaves_nothing(receiver, at_rest)
