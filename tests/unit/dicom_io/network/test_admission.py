from collections.abc import Iterator

import pytest
from pydicom.uid import (
    ImplicitVRLittleEndian,
)

from dicom_io.network.requestor import Context, PeerError, PeerRefusedError, RemoteAE, open_association
from dicom_io.network.storage_scu import echo
from tests.unit.dicom_io.network.receiver import AE_TITLE, Receiver, receiving, wait_until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.mark.parametrize(
    ("called", "calling", "because"),
    [
        ("WRONG", "SCANNER", "called ae title not recognised"),
        (AE_TITLE, "STRANGER", "calling ae title not recognised"),
        (AE_TITLE, "FAR", "calling ae title not recognised"),  # A known title from another host.
    ],
)
def test_association_when_titles_or_host_do_not_fit_then_is_rejected_for_good(
    receiver: Receiver, called: str, calling: str, because: str
) -> None:
    with pytest.raises(PeerRefusedError, match=because):
        echo(RemoteAE(called, "127.0.0.1", receiver.scp.port), calling_ae_title=calling)


def test_association_when_all_slots_are_taken_then_is_rejected_for_now_and_served_later() -> None:
    contexts = [Context("1.2.840.10008.1.1", (ImplicitVRLittleEndian,))]
    with receiving(maximum_associations=2) as receiver:
        first = open_association(receiver.peer, contexts, calling_ae_title="SCANNER")
        second = open_association(receiver.peer, contexts, calling_ae_title="SCANNER")
        with first, second:
            with pytest.raises(PeerError, match="local limit exceeded") as caught:
                echo(receiver.peer, calling_ae_title="SCANNER")
            assert caught.value.transient

        def served() -> bool:
            try:
                echo(receiver.peer, calling_ae_title="SCANNER")
            except PeerError:
                return False
            return True

        wait_until(served, "a slot is free again", deadline_s=5)
