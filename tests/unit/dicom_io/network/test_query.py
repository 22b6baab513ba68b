from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.negotiation import STUDY_ROOT_FIND_SOP_CLASS_UID
from dicom_io.network.query import find_instances
from dicom_io.network.requestor import NothingAcceptedError, PeerError, PeerRefusedError, RemoteAE

WANTED = InstanceIdentity("1.2.1", "1.2.2", "1.2.3", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1")


@contextmanager
def pacs(*answers: tuple[int, str | None], queries: list[Dataset] | None = None) -> Iterator[RemoteAE]:
    """Run a PACS that answers each query with these statuses and SOP Instance UIDs."""

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if queries is not None:
            queries.append(event.identifier)
        for status, uid in answers:
            item = Dataset()
            item.QueryRetrieveLevel = "IMAGE"
            item.SOPInstanceUID = uid
            yield status, item if uid else None

    ae = AE("PACS")
    ae.add_supported_context(STUDY_ROOT_FIND_SOP_CLASS_UID if answers else "1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    assert server is not None
    try:
        yield RemoteAE("PACS", "127.0.0.1", server.server_address[1])
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (((0xFF00, "1.2.3"),), {"1.2.3"}),
        (((0x0000, None),), set()),
        (((0xFF00, "1.2.9"),), set()),
        (((0xFF00, "1.2.9"), (0xFF01, "1.2.3")), {"1.2.3"}),
    ],
    ids=["has it", "has it not", "ignores the key and has others", "ignores the key and has it"],
)
def test_find_when_the_pacs_answers_then_only_the_wanted_instance_counts(
    answers: tuple[tuple[int, str | None], ...], found: set[str]
) -> None:
    queries: list[Dataset] = []
    with pacs(*answers, queries=queries) as peer:
        assert find_instances(peer, [WANTED], calling_ae_title="ME") == found
    (query,) = queries
    assert (query.QueryRetrieveLevel, query.StudyInstanceUID) == ("IMAGE", "1.2.1")
    assert (query.SeriesInstanceUID, query.SOPInstanceUID) == ("1.2.2", "1.2.3")


@pytest.mark.parametrize(("status", "transient"), [(0xA700, True), (0xA900, False), (0xC000, False)])
def test_find_when_the_query_fails_then_says_whether_to_try_again(status: int, transient: bool) -> None:
    with pacs((status, None)) as peer, pytest.raises(PeerError) as caught:
        find_instances(peer, [WANTED], calling_ae_title="ME")
    assert caught.value.transient is transient
    assert isinstance(caught.value, PeerRefusedError) is not transient


def test_find_when_the_pacs_takes_no_queries_then_is_refused() -> None:
    with pacs() as peer, pytest.raises(NothingAcceptedError):
        find_instances(peer, [WANTED], calling_ae_title="ME")
