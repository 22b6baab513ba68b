"""Whether the node can listen where its settings say, or does so already."""

from contextlib import suppress

from config.errors import WrongKeyError
from config.settings import Settings
from dicom_io.network.limits import TransportLimits
from dicom_io.network.requestor import PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.storage_scu import echo
from node.diagnosis.finding import Finding, Verdict, reached_at, why_not_free
from node.diagnosis.listening import shut_out

PATIENCE = TransportLimits(acse_timeout_s=5.0, network_timeout_s=5.0, dimse_timeout_s=5.0)
"""Somebody waits for the answer."""


def diagnose_port(settings: Settings) -> Finding:
    """Look whether the port for DICOM in plain is free or ours, and whether the peers can reach it."""
    finding, outside = _own_port(settings), ""
    with suppress(WrongKeyError):  # The host of a peer says nothing of the port.
        outside = shut_out(settings)
    if outside and finding.verdict is not Verdict.FAILED:
        return Finding(finding.name, Verdict.WARNING, f"{finding.detail}; {outside}")
    return finding


def _own_port(settings: Settings) -> Finding:
    name, node = "port", settings.node
    if not settings.tls.opens_plain:
        return Finding(name, Verdict.OK, f"closed: DICOM comes over TLS alone, on {node.host}:{settings.tls.port}")
    if node.port == 0:
        return Finding(
            name, Verdict.WARNING, "node.port = 0 takes another port at each start; peers need a fixed one"
        )
    because = why_not_free(node.host, node.port)
    if because:
        return _occupied(name, settings, because)
    return Finding(name, Verdict.OK, f"{node.host}:{node.port} is free; no node runs on it")


def _occupied(name: str, settings: Settings, because: str) -> Finding:
    node = settings.node
    host = reached_at(node.host)
    try:
        echo(RemoteAE(node.ae_title, host, node.port), calling_ae_title=node.ae_title, limits=PATIENCE)
    except PeerError as error:
        if isinstance(error, PeerRefusedError):  # As it must: its own AE title is no peer of its.
            return Finding(name, Verdict.OK, f"{node.ae_title} listens on {host}:{node.port}")
        return Finding(
            name,
            Verdict.FAILED,
            f"{host}:{node.port} cannot be listened on ({because}), and no DICOM node answers there; "
            "end what holds it, or choose another node.port",
        )
    return Finding(name, Verdict.OK, f"{node.ae_title} answers C-ECHO on {host}:{node.port}")
