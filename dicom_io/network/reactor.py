"""An association whose reactor really stands still while somebody else sends.

pynetdicom 3.0.4 takes an association for paused as soon as a flag says so, and the flag still says so for a moment
after the reactor went on. Whoever sends in that moment loses the answer to the reactor, which throws it away, and
waits for the whole DIMSE time-out. On a busy machine that was one association in some hundred.
"""

import logging
import threading
import time
from copy import deepcopy
from ssl import SSLContext
from typing import Any, cast

from pynetdicom._globals import MODE_REQUESTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation, AssociationSocket

from dicom_io.network.limits import TransportLimits
from dicom_io.network.provider import GuardedProvider
from dicom_io.network.store_loop import ServeStore, StoreLoop
from dicom_io.network.transport import GuardedSocket

LOGGER = logging.getLogger(__name__)

_LOOK_FOR_ACCEPT_S = 0.0005
_REQUESTED = frozenset({"Sta2", "Sta3"})
"""States of the provider before it has answered: it hands the request over while it is still in the first."""


class ReactorGate(threading.Event):
    """The event that pynetdicom's reactor waits on in each round, which also knows that it is waited on."""

    def __init__(self) -> None:
        super().__init__()
        self._condition = threading.Condition()
        self._open = False
        self._waiting = False

    def is_set(self) -> bool:
        """Return whether the reactor may pass."""
        with self._condition:
            return self._open

    def set(self) -> None:
        """Let the reactor pass."""
        with self._condition:
            self._open = True
            self._condition.notify_all()

    def clear(self) -> None:
        """Stop the reactor when it comes here next."""
        with self._condition:
            self._open = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the reactor may pass; only the reactor calls this."""
        with self._condition:
            self._waiting = True
            passed = self._condition.wait_for(lambda: self._open, timeout)
            self._waiting = False
        return passed

    def holds(self) -> bool:
        """Return whether the reactor stands here and stays."""
        with self._condition:
            return self._waiting and not self._open


class GuardedAssociation(Association):
    """An association that is paused when its reactor stands at the gate, and not when a flag says so."""

    def __init__(self, ae: ApplicationEntity, mode: str) -> None:
        super().__init__(ae, mode)
        self._reactor_checkpoint = ReactorGate()
        self._reactor_checkpoint.set()
        self.serve_store: ServeStore | None = None
        """Serves C-STORE in pynetdicom's place, on an acceptor's association."""
        self.provider = GuardedProvider(self)
        self.dul = self.provider
        # They were set on the provider that this one replaces.
        self.acse_timeout, self.network_timeout = self.ae.acse_timeout, self.ae.network_timeout

    def run(self) -> None:
        """Run the association; a fault of its service ends it and nothing else."""
        try:
            super().run()
        except Exception:
            LOGGER.exception("association of %r ended by a fault", self.requestor.ae_title)
            self.abort()

    def _run_reactor(self) -> None:
        """Serve the established association."""
        transport = self.dul.socket
        if self.serve_store is not None and isinstance(transport, GuardedSocket) and self._accept_is_sent():
            limits = cast("GuardedAE", self.ae).limits
            StoreLoop(self, self.provider, transport, self.serve_store, limits).run()
        super()._run_reactor()

    def _accept_is_sent(self) -> bool:
        """Wait until the provider has answered the request; return whether the association stands."""
        deadline = time.monotonic() + (self.acse_timeout or 0)
        while self.dul.state_machine.current_state in _REQUESTED and time.monotonic() < deadline:
            time.sleep(_LOOK_FOR_ACCEPT_S)
        return self.dul.state_machine.current_state == "Sta6"

    @property
    def _is_paused(self) -> bool:
        gate = self._reactor_checkpoint
        # A service that answers on the reactor's own thread holds it by that; an ended reactor takes nothing.
        ended = self._kill or (self.ident is not None and not self.is_alive())
        return ended or threading.current_thread() is self or (isinstance(gate, ReactorGate) and gate.holds())

    @_is_paused.setter
    def _is_paused(self, value: bool) -> None:
        """Take no notice: pynetdicom sets it from several threads, and it is what goes wrong."""


class GuardedAE(ApplicationEntity):
    """An application entity whose associations are guarded.

    Parameters
    ----------
    limits
        Bounds on one peer, and time-outs.
    """

    def __init__(self, ae_title: str, limits: TransportLimits) -> None:
        super().__init__(ae_title)
        self.limits = limits
        self.maximum_pdu_size = limits.maximum_pdu_bytes
        self.acse_timeout = limits.acse_timeout_s
        self.dimse_timeout = limits.dimse_timeout_s
        self.network_timeout = limits.network_timeout_s
        self.connection_timeout = limits.acse_timeout_s

    def associate(  # type: ignore[override]
        self,
        addr: str,
        port: int,
        contexts: list[PresentationContext] | None = None,
        ae_title: str = "ANY-SCP",
        *,
        ext_neg: list[Any] | None = None,
        tls_args: tuple[SSLContext, str] | None = None,
        evt_handlers: list[Any] | None = None,
    ) -> Association:
        """Request an association; as in pynetdicom, with guarded classes.

        Raises
        ------
        OSError
            The host name cannot be resolved.
        """
        remote = AddressInformation.from_addr_port(addr, port)
        local = AddressInformation("::0" if remote.is_ipv6 else "", 0)
        assoc = GuardedAssociation(self, MODE_REQUESTOR)
        assoc.name = f"RequestorThread@{ae_title}"
        assoc.set_socket(self._create_socket(assoc, local, tls_args))
        assoc.acceptor.ae_title = ae_title
        assoc.acceptor.address_info = remote
        assoc.requestor.address_info = local
        assoc.requestor.ae_title = self.ae_title
        assoc.requestor.maximum_length = self.limits.maximum_pdu_bytes
        assoc.requestor.implementation_class_uid = self.implementation_class_uid
        assoc.requestor.implementation_version_name = self.implementation_version_name
        for item in ext_neg or []:
            assoc.requestor.add_negotiation_item(item)
        requested = deepcopy(contexts or self.requested_contexts)
        self._validate_requested_contexts(requested)
        for number, context in enumerate(requested):
            context.context_id = 2 * number + 1
        assoc.requestor.requested_contexts = requested
        for handler in evt_handlers or []:
            assoc.bind(*handler)
        assoc.request()
        if assoc.is_established:
            assoc.start()
        return assoc

    def _create_socket(
        self, assoc: Association, address: AddressInformation, tls_args: tuple[SSLContext, str] | None
    ) -> AssociationSocket:
        guarded = GuardedSocket(assoc, address=address, limits=self.limits)
        guarded.tls_args = tls_args
        guarded.send_at_once()
        return guarded
