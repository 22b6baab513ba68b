"""Whether the node knows us: asked before anything is sent, and told with the command that would mend it."""

import shlex
from collections.abc import Sequence

from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.negotiation import VERIFICATION_SOP_CLASS_UID
from dicom_io.network.probe import probe
from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.storage_scu import echo
from node.diagnosis.listening import is_loopback

PEER_NAME = "acceptance"
_CALLING = "calling ae title"
"""In the words of a rejection that is about us (PS3.8 9.3.4, diagnostic 3)."""


def add_command(own: RemoteAE, arguments: Sequence[str] = ()) -> str:
    """Return the command that makes the node know this program as scanner and PACS.

    Results go back to whoever sent the images: this program must not get those of real patients.

    Parameters
    ----------
    arguments
        Further ones.
    """
    words = [
        "mvi-node", "peers", "add", PEER_NAME, "--ae-title", own.ae_title, "--host", own.host, "--port",
        str(own.port), "--may-send", "--return-to-sender", *(["--tls"] if own.tls else []), *arguments,
    ]  # fmt: skip
    return shlex.join(words)


def check_node(node: RemoteAE, own: RemoteAE, arguments: Sequence[str] = ()) -> str:
    """Ask whether the node answers us (C-ECHO), and return how it calls itself.

    Raises
    ------
    PeerError
        It cannot be reached, or refuses; where it does not know us, with the command that would mend that.
    """
    try:
        echo(node, calling_ae_title=own.ae_title)
        return probe(node, [VERIFICATION_SOP_CLASS_UID], calling_ae_title=own.ae_title).implementation
    except AccessRefusedError as error:
        if _CALLING not in error.because:
            raise PeerRefusedError(node, f"its AE title is another one, or it refuses: {error.because}") from error
        because = (
            f"it does not know {own.ae_title} at {own.host}: run there `{add_command(own, arguments)}` and start "
            "it again"
        )
        raise PeerRefusedError(node, because) from error
    except PeerError as error:
        if not error.transient or is_loopback(node.host):
            raise
        raise PeerError(node, f"{error.because}; on its machine node.host must name more than loopback") from error


def check_settings(settings: Settings, node: RemoteAE, own: RemoteAE, arguments: Sequence[str]) -> None:
    """Compare the configuration of a node with what a run needs.

    Raises
    ------
    PeerError
        It lacks something; with the command that would mend it.
    """
    found = [peer for peer in settings.peers if peer.ae_title.strip() == own.ae_title.strip()]
    lacks = _lacks(found[0], own) if found else "no peer has the AE title " + own.ae_title
    if lacks:
        remove = shlex.join(["mvi-node", "peers", "remove", found[0].name, *arguments]) if found else ""
        first = f"`{remove}`, then " if remove else ""
        because = f"{lacks}: run {first}`{add_command(own, arguments)}` and start the node again"
        raise PeerRefusedError(node, because)


def other_receivers(settings: Settings, own: RemoteAE) -> list[str]:
    """Name the peers that will get the results of the synthetic patients, too."""
    return [
        peer.name
        for peer in settings.peers
        if peer.receives_results and peer.ae_title.strip() != own.ae_title.strip()
    ]


def _lacks(peer: Peer, own: RemoteAE) -> str:
    if not peer.may_send:
        return f"peer {peer.name} may not send"
    if not peer.receives:
        return f"peer {peer.name} gets no results"
    if peer.port != own.port or peer.dicomweb_url:
        return f"peer {peer.name} is not reached on port {own.port}"
    if peer.tls != (own.tls is not None):
        return f"peer {peer.name} is reached {'over TLS' if peer.tls else 'without TLS'}"
    return ""
