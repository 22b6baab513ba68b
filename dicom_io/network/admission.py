"""Who is let in: every association request is accepted or rejected here, and those that are served are counted."""

import logging
import threading
from collections.abc import Callable

from pynetdicom import evt
from pynetdicom.association import Association

from dicom_io.network.access import AccessPolicy, KnownPeer, Rejection

LOGGER = logging.getLogger(__name__)

OnRejection = Callable[[str, str, str], None]


class Admission:
    """Accepts or rejects associations, and counts those that are served.

    Parameters
    ----------
    maximum_associations
        Served at once, on all ports and for all peers together.
    on_rejection
        Told the calling AE title, the address and the reason of each association that is rejected.
    """

    def __init__(self, policy: AccessPolicy, maximum_associations: int, on_rejection: OnRejection | None) -> None:
        self._policy = policy
        self._maximum_associations = maximum_associations
        self._on_rejection = on_rejection
        self._admitted: dict[Association, KnownPeer | None] = {}
        self._lock = threading.Lock()

    def admit(self, event: evt.Event) -> None:
        """Reject an association request that no rule lets in; the handler of EVT_REQUESTED."""
        assoc = event.assoc
        request = assoc.requestor.primitive
        if request is None:
            return
        host, calling = assoc.requestor.address, request.calling_ae_title
        because = ""
        rejection = self._policy.rejection(
            called_ae_title=request.called_ae_title, calling_ae_title=calling, host=host
        )
        if rejection is None:
            because = self._take_slot(assoc, self._policy.peer(calling_ae_title=calling, host=host))
            rejection = Rejection.LOCAL_LIMIT_EXCEEDED if because else None
        if rejection is not None:
            name = rejection.name.lower()
            LOGGER.warning("association of %r from %s rejected: %s", calling, host, because or name)
            assoc.acse.send_reject(*rejection.value)
            assoc.kill()
            if self._on_rejection is not None:
                self._on_rejection(calling, host, name)

    def _take_slot(self, assoc: Association, peer: KnownPeer | None) -> str:
        """Count an association; return which limit it would exceed, empty where none."""
        most = self._maximum_associations
        own_most = peer.maximum_associations if peer is not None else None
        with self._lock:
            self._admitted = {other: whose for other, whose in self._admitted.items() if _is_served(other)}
            if len(self._admitted) >= most:
                return f"{most} are served, which is node.maximum_associations"
            own = sum(whose == peer for whose in self._admitted.values())
            if own_most is not None and own >= own_most:
                return f"{own} of this peer are served, which is its maximum_associations"
            self._admitted[assoc] = peer
            return ""


def _is_served(assoc: Association) -> bool:
    return assoc.is_alive() and not (assoc.is_released or assoc.is_aborted)
