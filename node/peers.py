"""The peers of the settings, reached through `dicom_io.network`."""

from collections.abc import Sequence
from pathlib import Path

from config.settings import Peer
from dicom_io.network.commitment import CommitmentResult, InstanceReference, request_commitment
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.storage_scu import SendOutcome, send_files

WAIT_FOR_REPORT_S = 1.0
"""How long the association of a commitment request stays open for its answer, s."""


def remote(peer: Peer) -> RemoteAE:
    """Return where a peer of the settings listens."""
    return RemoteAE(peer.ae_title, peer.host, peer.port)


class DimseTransport:
    """C-STORE and storage commitment, one association each.

    Parameters
    ----------
    ae_title
        Our own.
    """

    def __init__(self, ae_title: str) -> None:
        self._ae_title = ae_title

    def send(self, peer: Peer, path: Path) -> SendOutcome:
        """Send one object; raise `PeerError` where no association can be opened."""
        return send_files([path], remote(peer), calling_ae_title=self._ae_title)[0]

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        """Ask whether the objects are safe; return the answer where it comes at once."""
        return request_commitment(
            remote(peer), instances, transaction_uid, calling_ae_title=self._ae_title, wait_s=WAIT_FOR_REPORT_S
        )
