"""Whether a peer that is to get results answers."""

from config.errors import NodeError
from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.requestor import PeerError, PeerRefusedError
from node.diagnosis.finding import Finding, Verdict
from node.diagnosis.port import PATIENCE
from node.peers.clients import make_transport, remote


def diagnose_peer(peer: Peer, settings: Settings) -> Finding:
    """Ask a peer whether it answers, where it is to get results."""
    name = f"peer {peer.name}"
    if not peer.receives:
        return Finding(name, Verdict.OK, "only sends; nothing of it is needed")
    if peer.tls and not settings.tls.enabled:
        return Finding(name, Verdict.UNKNOWN, "not examined: it is reached over TLS, and [tls] is not set up")
    try:
        make_transport(peer, settings, PATIENCE).echo(peer)
    except PeerRefusedError as error:
        return Finding(
            name, Verdict.FAILED, f"{error}; enter {settings.node.ae_title} and this host as a peer over there"
        )
    except PeerError as error:
        return Finding(name, Verdict.UNREACHABLE, f"{error}; results wait for it and are not lost")
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    return Finding(name, Verdict.OK, f"{peer.dicomweb_url or remote(peer)} answers")
