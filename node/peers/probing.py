"""What a peer takes, in words, and what should be sent to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.negotiation import STORAGE_COMMITMENT_SOP_CLASS_UID, STUDY_ROOT_FIND_SOP_CLASS_UID
from dicom_io.network.probe import Acceptance, WebAcceptance
from node.ledger.records import ObjectKind
from node.peers.clients import WebTransport, make_transport

RESULT_SOP_CLASSES: Mapping[ObjectKind, str] = {
    ObjectKind.SEG: "1.2.840.10008.5.1.4.1.1.66.4",
    ObjectKind.SR: "1.2.840.10008.5.1.4.1.1.88.34",
    ObjectKind.SUMMARY: "1.2.840.10008.5.1.4.1.1.7",
}
COMPREHENSIVE_SR, ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.22"
OLDER_REPORTS: Mapping[str, str] = {COMPREHENSIVE_SR: "Comprehensive SR", ENHANCED_SR: "Enhanced SR"}
"""What the report goes as, in this order, where the peer does not take it as it is."""
SERVICES: Mapping[str, str] = {
    RESULT_SOP_CLASSES[ObjectKind.SEG]: "Segmentation (SEG)",
    RESULT_SOP_CLASSES[ObjectKind.SR]: "Comprehensive 3D SR (the report)",
    COMPREHENSIVE_SR: "Comprehensive SR (the report, where it takes no newer one)",
    ENHANCED_SR: "Enhanced SR (the report, where it takes no newer one)",
    RESULT_SOP_CLASSES[ObjectKind.SUMMARY]: "Secondary Capture (the summary page)",
    STORAGE_COMMITMENT_SOP_CLASS_UID: "Storage Commitment Push Model",
    STUDY_ROOT_FIND_SOP_CLASS_UID: "Study Root Query (C-FIND)",
}
"""What is proposed, in this order."""

_WITHOUT: Mapping[ObjectKind, str] = {
    ObjectKind.SEG: "It takes no segmentation: outlines are then seen on the summary page and in the report only.",
    ObjectKind.SR: (
        "It takes no report (Comprehensive 3D, Comprehensive or Enhanced SR): the risk is then read on the page "
        "only."
    ),
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
    older = next((name for uid, name in OLDER_REPORTS.items() if taken.get(uid)), None)
    kinds = {kind for kind, uid in RESULT_SOP_CLASSES.items() if taken.get(uid)}
    sentences = []
    if older is not None and ObjectKind.SR not in kinds:
        kinds.add(ObjectKind.SR)
        sentences.append(f"It takes no Comprehensive 3D SR: the report goes to it as {older}, by itself.")
    outputs = tuple(kind.value for kind in RESULT_SOP_CLASSES if kind in kinds)
    sentences += [_WITHOUT[kind] for kind in RESULT_SOP_CLASSES if kind not in kinds]
    sentences.append(_what_to_set(peer, outputs))
    confirmation, how = _confirmation(peer, taken)
    return Recommendation(outputs, confirmation, (*sentences, how))


def recommend_web(peer: Peer, acceptance: WebAcceptance) -> Recommendation:
    """Return what should be sent to a DICOMweb `peer`, given the services it offers."""
    if not acceptance.stores:
        sentence = "There is no STOW-RS under its URL: correct dicomweb_url, or ask its vendor to enable it."
        return Recommendation((), "none", (sentence,))
    how = "none", "It cannot be queried (QIDO-RS): studies will end as sent, unconfirmed."
    if acceptance.finds and peer.confirm_by_query:
        how = "query", "Delivery will be confirmed by a query (QIDO-RS); nothing needs to be set for that."
    classes = (
        "A DICOMweb service does not say beforehand which SOP classes it takes: leave `outputs` as it is; what it "
        "refuses is named by `mvi-node queue`."
    )
    return Recommendation(tuple(peer.outputs), how[0], (classes, how[1]))


def probe_document(peer: Peer, settings: Settings) -> dict[str, Any]:
    """Probe a peer of the settings; return the document of ``peers probe --json``.

    Raises
    ------
    PeerError
        It cannot be reached, or refuses this node.
    """
    transport = make_transport(peer, settings)
    if isinstance(transport, WebTransport):
        offered = transport.probe(peer)
        implementation, advice = "DICOMweb service", recommend_web(peer, offered)
        services = [_service(words, None, taken) for words, taken in _web_services(offered)]
    else:
        acceptance = transport.probe(peer, list(SERVICES))
        implementation, advice = acceptance.implementation, recommend(peer, acceptance)
        syntaxes = acceptance.transfer_syntax_uids
        services = [_service(words, uid, bool(syntaxes[uid]), syntaxes[uid]) for uid, words in SERVICES.items()]
    return {
        "peer": peer.name,
        "reached": True,
        "implementation": implementation,
        "services": services,
        "recommended": {"outputs": list(advice.outputs), "confirmation": advice.confirmation},
        "advice": list(advice.sentences),
    }


def _web_services(offered: WebAcceptance) -> tuple[tuple[str, bool], ...]:
    return ("Store (STOW-RS)", offered.stores), ("Query (QIDO-RS)", offered.finds)


def _service(words: str, uid: str | None, accepted: bool, syntaxes: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "name": words,
        "sop_class_uid": uid,
        "accepted": accepted,
        "transfer_syntax_uids": list(syntaxes),
    }


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
