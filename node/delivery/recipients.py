"""Who gets the results of a study, and which objects of them."""

from collections.abc import Callable, Iterable, Mapping

from config.sections.peers import Peer
from dicom_io.network.access import canonical_address, resolve_addresses
from node.ledger.ledger import Ledger
from node.ledger.records import ANALYSED_SOP_CLASSES, ObjectKind


class Recipients:
    """The peers that receive results, and those that sent the study and want them back.

    Parameters
    ----------
    resolve
        Host name to addresses: two scanners may have one AE title.
    """

    def __init__(
        self,
        peers: Iterable[Peer],
        ledger: Ledger,
        resolve: Callable[[str], frozenset[str]] = resolve_addresses,
    ) -> None:
        self._peers = [peer for peer in peers if peer.receives]
        self._ledger = ledger
        self._resolve = resolve

    def __call__(self, study_instance_uid: str) -> Mapping[str, frozenset[ObjectKind]]:
        """Return the names of the recipients of a study, and what each takes."""
        senders: frozenset[tuple[str, str]] = frozenset()
        if any(peer.return_to_sender for peer in self._peers):
            senders = self._senders(study_instance_uid)
        return {
            peer.name: frozenset(ObjectKind(name) for name in peer.outputs)
            for peer in self._peers
            if peer.receives_results or self._sent(peer, senders)
        }

    def _senders(self, study_instance_uid: str) -> frozenset[tuple[str, str]]:
        """Return AE title and address of whoever sent an image of the study."""
        return frozenset(
            (instance.calling_ae_title.strip(), canonical_address(instance.peer))
            for instance in self._ledger.studies.instances(study_instance_uid)
            if instance.sop_class_uid in ANALYSED_SOP_CLASSES
        )

    def _sent(self, peer: Peer, senders: frozenset[tuple[str, str]]) -> bool:
        addresses = {address for title, address in senders if title == peer.ae_title.strip()}
        return bool(addresses and addresses & self._resolve(peer.host))
