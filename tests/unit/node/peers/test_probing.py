import pytest

from config.sections.peers import Peer
from dicom_io.network.negotiation import STORAGE_COMMITMENT_SOP_CLASS_UID, STUDY_ROOT_FIND_SOP_CLASS_UID
from dicom_io.network.probe import Acceptance
from node.ledger.records import ObjectKind
from node.peers.probing import COMPREHENSIVE_SR, ENHANCED_SR, RESULT_SOP_CLASSES, SERVICES, recommend

SEG, SR, PAGE = (RESULT_SOP_CLASSES[kind] for kind in ObjectKind)
PEER = Peer(name="pacs", ae_title="PACS", host="h")


def accepting(*uids: str) -> Acceptance:
    return Acceptance({uid: ("1.2.840.10008.1.2.1",) if uid in uids else () for uid in SERVICES}, "X")


@pytest.mark.parametrize(
    ("accepted", "outputs", "sentence"),
    [
        ((SEG, SR, PAGE), ("seg", "sr", "summary"), "leave `outputs` as it is"),
        ((SR, PAGE), ("sr", "summary"), 'Set outputs = ["sr", "summary"] for this peer.'),
        ((PAGE, COMPREHENSIVE_SR), ("sr", "summary"), "the report goes to it as Comprehensive SR"),
        ((PAGE, ENHANCED_SR), ("sr", "summary"), "the report goes to it as Enhanced SR"),
        ((), (), "It takes none of the results"),
    ],
)
def test_recommend_when_classes_are_accepted_then_says_what_to_send(
    accepted: tuple[str, ...], outputs: tuple[str, ...], sentence: str
) -> None:
    advice = recommend(PEER, accepting(*accepted))
    assert advice.outputs == outputs
    assert sentence in " ".join(advice.sentences)


@pytest.mark.parametrize(
    ("accepted", "forbidden", "confirmation"),
    [
        ((STORAGE_COMMITMENT_SOP_CLASS_UID, STUDY_ROOT_FIND_SOP_CLASS_UID), {}, "storage-commitment"),
        (
            (STORAGE_COMMITMENT_SOP_CLASS_UID, STUDY_ROOT_FIND_SOP_CLASS_UID),
            {"storage_commitment": False},
            "query",
        ),
        ((STUDY_ROOT_FIND_SOP_CLASS_UID,), {}, "query"),
        ((STUDY_ROOT_FIND_SOP_CLASS_UID,), {"confirm_by_query": False}, "none"),
        ((), {}, "none"),
    ],
)
def test_recommend_when_services_are_accepted_then_says_how_delivery_is_confirmed(
    accepted: tuple[str, ...], forbidden: dict[str, bool], confirmation: str
) -> None:
    advice = recommend(PEER.model_copy(update=forbidden), accepting(*accepted))
    assert advice.confirmation == confirmation
