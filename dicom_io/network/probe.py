"""What a peer accepts, learnt by proposing and sending nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dicom_io.network.limits import TransportLimits
from dicom_io.network.negotiation import UNCOMPRESSED_TRANSFER_SYNTAXES
from dicom_io.network.requestor import Context, NothingAcceptedError, RemoteAE, open_association


@dataclass(frozen=True)
class Acceptance:
    """What a peer accepts.

    Parameters
    ----------
    transfer_syntax_uids
        By SOP Class UID; empty where the peer does not accept the class.
    implementation
        How the peer calls itself (PS3.7 D.3.3.2); empty where it did not say.
    """

    transfer_syntax_uids: Mapping[str, tuple[str, ...]]
    implementation: str


@dataclass(frozen=True)
class WebAcceptance:
    """What a DICOMweb service offers.

    Parameters
    ----------
    stores
        Whether there is STOW-RS under its URL.
    finds
        Whether there is QIDO-RS.
    """

    stores: bool
    finds: bool


def probe(
    peer: RemoteAE,
    sop_class_uids: Sequence[str],
    *,
    calling_ae_title: str,
    limits: TransportLimits | None = None,
) -> Acceptance:
    """Propose each SOP class in each uncompressed transfer syntax, and send nothing.

    Raises
    ------
    PeerError
        The peer cannot be reached.
    AccessRefusedError
        The peer rejects the association.
    """
    # One context a transfer syntax: of several in one context the peer would name only its favourite.
    pairs = [(uid, syntax) for uid in sop_class_uids for syntax in UNCOMPRESSED_TRANSFER_SYNTAXES]
    contexts = [Context(uid, (syntax,)) for uid, syntax in pairs]
    accepted: set[tuple[str, str]] = set()
    implementation = ""
    try:
        with open_association(peer, contexts, calling_ae_title=calling_ae_title, limits=limits) as assoc:
            accepted = {
                (str(item.abstract_syntax), str(item.transfer_syntax[0])) for item in assoc.accepted_contexts
            }
            implementation = str(assoc.acceptor.implementation_version_name or "")
    except NothingAcceptedError:
        pass  # That is an answer, too.
    syntaxes = {
        uid: tuple(syntax for syntax in UNCOMPRESSED_TRANSFER_SYNTAXES if (uid, syntax) in accepted)
        for uid in sop_class_uids
    }
    return Acceptance(syntaxes, implementation)
