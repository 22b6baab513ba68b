"""The peers of the settings, reached through `dicom_io.network`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network import qido, stow
from dicom_io.network.commitment import CommitmentResult, InstanceReference
from dicom_io.network.commitment_exchange import request_commitment
from dicom_io.network.identity import read_file_identity
from dicom_io.network.limits import TransportLimits
from dicom_io.network.probe import Acceptance, WebAcceptance, probe
from dicom_io.network.query import find_instances
from dicom_io.network.requestor import PeerRefusedError, RemoteAE
from dicom_io.network.storage_scu import SendOutcome, echo, send_files
from dicom_io.network.tls import ClientTls, TlsFiles
from dicom_io.network.web_service import WebService
from node.tls import tls_files

WAIT_FOR_REPORT_S = 1.0
"""How long the association of a commitment request stays open for its answer, s."""


def remote(peer: Peer, tls: TlsFiles | None = None) -> RemoteAE:
    """Return where a peer of the settings listens, and how it is reached.

    Parameters
    ----------
    tls
        The node's certificate, key and authority; used where the peer is reached over TLS.
    """
    over_tls = ClientTls(tls, verify_host=peer.tls_verify_host) if peer.tls and tls is not None else None
    return RemoteAE(peer.ae_title, peer.host, peer.port, over_tls)


class DimseTransport:
    """C-STORE, storage commitment and C-FIND, one association each.

    Parameters
    ----------
    ae_title
        Our own.
    tls
        Certificate, key and authority, for peers that are reached over TLS.
    limits
        Time-outs.
    """

    def __init__(self, ae_title: str, tls: TlsFiles | None = None, limits: TransportLimits | None = None) -> None:
        self._ae_title = ae_title
        self._tls = tls
        self._limits = limits

    def send(self, peer: Peer, paths: Sequence[Path], go_on: Callable[[SendOutcome], bool]) -> None:
        """Send objects in order, tell `go_on` of each, and end where it returns False."""
        send_files(
            paths, remote(peer, self._tls), calling_ae_title=self._ae_title, limits=self._limits, go_on=go_on
        )

    def echo(self, peer: Peer) -> None:
        """Ask whether the peer answers; raise `PeerError` where it does not."""
        echo(remote(peer, self._tls), calling_ae_title=self._ae_title, limits=self._limits)

    def probe(self, peer: Peer, sop_class_uids: Sequence[str]) -> Acceptance:
        """Return what the peer accepts; nothing is sent."""
        return probe(remote(peer, self._tls), sop_class_uids, calling_ae_title=self._ae_title, limits=self._limits)

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        """Ask whether the objects are safe; return the answer where it comes at once."""
        return request_commitment(
            remote(peer, self._tls),
            instances,
            transaction_uid,
            calling_ae_title=self._ae_title,
            limits=self._limits,
            wait_s=WAIT_FOR_REPORT_S,
        )

    def find(self, peer: Peer, paths: Sequence[Path]) -> Mapping[Path, bool]:
        """Return which of the objects the peer has."""
        identities = {path: read_file_identity(path).identity for path in paths}
        found = find_instances(
            remote(peer, self._tls), identities.values(), calling_ae_title=self._ae_title, limits=self._limits
        )
        return {path: identity.sop_instance_uid in found for path, identity in identities.items()}


class WebTransport:
    """STOW-RS and QIDO-RS.

    Parameters
    ----------
    tls
        Certificate, key and authority, for peers that ask for the node's certificate.
    """

    def __init__(self, tls: TlsFiles | None = None) -> None:
        self._tls = tls

    def _service(self, peer: Peer) -> WebService:
        file = peer.dicomweb_authorization_file
        tls = (
            ClientTls(self._tls, verify_host=peer.tls_verify_host) if peer.tls and self._tls is not None else None
        )
        return WebService(peer.dicomweb_url, Path(file) if file else None, tls)

    def echo(self, peer: Peer) -> None:
        """Ask whether the peer answers; raise `PeerError` where it does not."""
        qido.offers_query(self._service(peer))

    def probe(self, peer: Peer) -> WebAcceptance:
        """Return which services there are; nothing is sent. DICOMweb knows no negotiation of classes."""
        service = self._service(peer)
        return WebAcceptance(stores=stow.offers_storage(service), finds=qido.offers_query(service))

    def send(self, peer: Peer, paths: Sequence[Path], go_on: Callable[[SendOutcome], bool]) -> None:
        """Send objects in order, tell `go_on` of each, and end where it returns False."""
        stow.store_files(self._service(peer), paths, go_on)

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        """Raise `PeerRefusedError`: no DICOMweb service of today commits to storage."""
        raise PeerRefusedError(
            peer.dicomweb_url, f"no storage commitment over DICOMweb: {transaction_uid}, {len(instances)} objects"
        )

    def find(self, peer: Peer, paths: Sequence[Path]) -> Mapping[Path, bool]:
        """Return which of the objects the peer has."""
        identities = {path: read_file_identity(path).identity for path in paths}
        found = qido.find_instances(self._service(peer), list(identities.values()))
        return {path: identity.sop_instance_uid in found for path, identity in identities.items()}


def make_transport(
    peer: Peer, settings: Settings, limits: TransportLimits | None = None
) -> DimseTransport | WebTransport:
    """Return how a peer of the settings is reached.

    Parameters
    ----------
    limits
        Time-outs of associations; those of the settings where absent.
    """
    tls = tls_files(settings.tls)
    timeout_s = settings.node.network_timeout_s
    limits = limits or TransportLimits(network_timeout_s=timeout_s, dimse_timeout_s=timeout_s)
    return WebTransport(tls) if peer.dicomweb_url else DimseTransport(settings.node.ae_title, tls, limits)
