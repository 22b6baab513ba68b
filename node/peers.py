"""The peers of the settings, reached through `dicom_io.network`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.settings import Peer
from dicom_io.network.commitment import CommitmentResult, InstanceReference, request_commitment
from dicom_io.network.identity import read_file_identity
from dicom_io.network.query import find_instances
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.storage_scu import SendOutcome, send_files
from dicom_io.network.tls import ClientTls, TlsFiles

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
    """

    def __init__(self, ae_title: str, tls: TlsFiles | None = None) -> None:
        self._ae_title = ae_title
        self._tls = tls

    def send(self, peer: Peer, paths: Sequence[Path], go_on: Callable[[SendOutcome], bool]) -> None:
        """Send objects in order, tell `go_on` of each, and end where it returns False."""
        send_files(paths, remote(peer, self._tls), calling_ae_title=self._ae_title, go_on=go_on)

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        """Ask whether the objects are safe; return the answer where it comes at once."""
        return request_commitment(
            remote(peer, self._tls),
            instances,
            transaction_uid,
            calling_ae_title=self._ae_title,
            wait_s=WAIT_FOR_REPORT_S,
        )

    def find(self, peer: Peer, paths: Sequence[Path]) -> Mapping[Path, bool]:
        """Return which of the objects the peer has."""
        identities = {path: read_file_identity(path).identity for path in paths}
        found = find_instances(remote(peer, self._tls), identities.values(), calling_ae_title=self._ae_title)
        return {path: identity.sop_instance_uid in found for path, identity in identities.items()}
