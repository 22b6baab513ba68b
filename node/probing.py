"""What a peer takes, in words, and what should be sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.settings import Peer
from dicom_io.network.negotiation import STORAGE_COMMITMENT_SOP_CLASS_UID, STUDY_ROOT_FIND_SOP_CLASS_UID
from dicom_io.network.probe import Acceptance
from node.ledger.records import ObjectKind

RESULT_SOP_CLASSES: Mapping[ObjectKind, str] = {
    ObjectKind.SEG: "1.2.840.10008.5.1.4.1.1.66.4",
    ObjectKind.SR: "1.2.840.10008.5.1.4.1.1.88.34",
    ObjectKind.SUMMARY: "1.2.840.10008.5.1.4.1.1.7",
}
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
SERVICES: Mapping[str, str] = {
    RESULT_SOP_CLASSES[ObjectKind.SEG]: "Segmentation (SEG)",
    RESULT_SOP_CLASSES[ObjectKind.SR]: "Comprehensive 3D SR (the report)",
    COMPREHENSIVE_SR: "Comprehensive SR (only asked for)",
    RESULT_SOP_CLASSES[ObjectKind.SUMMARY]: "Secondary Capture (the summary page)",
    STORAGE_COMMITMENT_SOP_CLASS_UID: "Storage Commitment Push Model",
    STUDY_ROOT_FIND_SOP_CLASS_UID: "Study Root Query (C-FIND)",
}
"""What is proposed, in this order."""

_WITHOUT: Mapping[ObjectKind, str] = {
    ObjectKind.SEG: "It takes no segmentation: outlines are then seen on the summary page and in the report only.",
    ObjectKind.SR: "It takes no Comprehensive 3D SR: the risk is then read on the summary page only.",
    ObjectKind.SUMMARY: "It takes no Secondary Capture: viewers that show neither SEG nor SR will show nothing.",
}


@dataclass(frozen=True)
class Recommendation:
    """What should be sent to a peer.

    Parameters
    ----------
    outputs
        For the key `outputs` of the peer; empty where it takes nothing.
    confirmation
        How delivery will be confirmed: ``storage-commitment``, ``query`` or ``none``.
    sentences
        For the operator.
    """

    outputs: tuple[str, ...]
    confirmation: str
    sentences: tuple[str, ...]


def recommend(peer: Peer, acceptance: Acceptance) -> Recommendation:
    """Return what should be sent to `peer`, given what it accepts."""
    taken = acceptance.transfer_syntax_uids
    outputs = tuple(kind.value for kind, uid in RESULT_SOP_CLASSES.items() if taken.get(uid))
    sentences = [_WITHOUT[kind] for kind, uid in RESULT_SOP_CLASSES.items() if not taken.get(uid)]
    if not taken.get(RESULT_SOP_CLASSES[ObjectKind.SR]) and taken.get(COMPREHENSIVE_SR):
        sentences.append("It takes Comprehensive SR: ask its vendor to enable Comprehensive 3D SR as well.")
    sentences.append(_what_to_set(peer, outputs))
    confirmation, how = _confirmation(peer, taken)
    return Recommendation(outputs, confirmation, (*sentences, how))


def _what_to_set(peer: Peer, outputs: tuple[str, ...]) -> str:
    if not outputs:
        return "It takes none of the results: ask its vendor to enable them for the AE title of this node."
    if set(outputs) == set(peer.outputs):
        return f"It takes all that is sent to it ({', '.join(outputs)}): leave `outputs` as it is."
    listed = ", ".join(f'"{name}"' for name in outputs)
    return f"Set outputs = [{listed}] for this peer."


def _confirmation(peer: Peer, taken: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    if peer.storage_commitment and taken.get(STORAGE_COMMITMENT_SOP_CLASS_UID):
        return "storage-commitment", "Delivery will be confirmed by storage commitment."
    if peer.confirm_by_query and taken.get(STUDY_ROOT_FIND_SOP_CLASS_UID):
        return "query", "Delivery will be confirmed by a query (C-FIND); nothing needs to be set for that."
    return "none", "It offers no way to confirm that it keeps the results: studies will end as sent, unconfirmed."
