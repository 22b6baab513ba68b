"""A receiver on a free port that remembers what it got, and waiting with a deadline."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from dicom_io.network.access import AccessPolicy, KnownPeer
from dicom_io.network.commitment import CommitmentResult
from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import StoreStatus
from dicom_io.network.storage_scp import ScpSettings, StorageScp
from dicom_io.network.store_service import ReceivedInstance

AE_TITLE = "MVINODE"
SCANNER = KnownPeer("SCANNER", frozenset({"loopback"}), may_store=True)
VIEWER = KnownPeer("VIEWER", frozenset({"loopback"}), may_store=False)
FAR_SCANNER = KnownPeer("FAR", frozenset({"192.0.2.1"}), may_store=True)
POLICY = AccessPolicy(AE_TITLE, (SCANNER, VIEWER, FAR_SCANNER))


class Receiver:
    """What a test asks of a running receiver."""

    def __init__(self) -> None:
        self.instances: list[ReceivedInstance] = []
        self.results: list[CommitmentResult] = []
        self.rejections: list[tuple[str, str, str]] = []
        self.answer: Callable[[ReceivedInstance], StoreStatus] = lambda _: StoreStatus.SUCCESS
        self.scp: StorageScp

    def take(self, received: ReceivedInstance) -> StoreStatus:
        self.instances.append(replace(received, data_set=bytes(received.data_set)))
        return self.answer(received)

    @property
    def peer(self) -> RemoteAE:
        return RemoteAE(AE_TITLE, "127.0.0.1", self.scp.port)


@contextmanager
def receiving(
    *, policy: AccessPolicy = POLICY, maximum_associations: int = 25, limits: TransportLimits | None = None
) -> Iterator[Receiver]:
    receiver = Receiver()
    settings = ScpSettings(
        AE_TITLE,
        "127.0.0.1",
        0,
        policy,
        maximum_associations=maximum_associations,
        limits=limits or TransportLimits(),
    )
    receiver.scp = StorageScp(
        settings,
        receiver.take,
        on_commitment_result=receiver.results.append,
        on_rejection=lambda *rejection: receiver.rejections.append(rejection),
    )
    with receiver.scp:
        yield receiver


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 10.0) -> float:
    """Return after how many seconds the condition held."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > deadline_s:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.005)
    return time.monotonic() - started
