"""An association server that accepts quickly and gives every connection a `GuardedSocket`."""

import logging
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from socketserver import BaseRequestHandler, BaseServer
from ssl import SSLContext
from typing import Any, cast

from pynetdicom import evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import (
    RequestHandler,
    ThreadedAssociationServer,
)

from dicom_io.network.limits import TransportLimits
from dicom_io.network.pending import PendingConnections, Slot
from dicom_io.network.reactor import GuardedAssociation
from dicom_io.network.store_loop import ServeStore
from dicom_io.network.transport import GuardedSocket, acknowledge_at_once

LOGGER = logging.getLogger(__name__)


def _end(connection: socket.socket) -> None:
    """End a connection on which another thread waits for its association request."""
    LOGGER.warning("a connection without an association is closed: too many of its address wait")
    with suppress(OSError):  # It has ended by itself.
        # Not that of the TLS socket, which another thread is using.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class GuardedHandler(RequestHandler):
    """Makes associations that use a `GuardedSocket`."""

    server: "GuardedServer"

    def _create_association(self) -> Association:
        """Create the association of one connection; as in pynetdicom, with another socket class."""
        ae, server = self.server.ae, self.server
        assoc = GuardedAssociation(ae, MODE_ACCEPTOR)
        assoc._server = server
        assoc.name = f"AcceptorThread@{self.client_address[0]}:{self.client_address[1]}"
        connection = cast(socket.socket, self.request)
        slot = server.take_slot(self.client_address)
        assoc.serve_store = server.serve_store
        held = assoc.serve_store is not None
        assoc.set_socket(
            GuardedSocket(
                assoc, client_socket=connection, limits=server.limits, slot=slot, held_after_request=held
            )
        )
        assoc.acceptor.maximum_length = ae.maximum_pdu_size
        assoc.acceptor.ae_title = server.ae_title
        assoc.acceptor.address_info = self.local
        assoc.acceptor.implementation_class_uid = ae.implementation_class_uid
        assoc.acceptor.implementation_version_name = ae.implementation_version_name
        # Negotiation only reads them; copying 31 contexts took 9 ms of each connection, of a probe's as well.
        assoc.acceptor.supported_contexts = server.contexts
        assoc.requestor.address_info = self.remote
        for event, bound in server._handlers.items():
            if isinstance(event, evt.InterventionEvent):
                handler, arguments = cast("tuple[Callable[..., Any], list[Any] | None]", bound)
                assoc.bind(event, handler, arguments)
            else:
                for handler, arguments in cast("list[tuple[Callable[..., Any], list[Any] | None]]", bound):
                    assoc.bind(event, handler, arguments)
        return assoc


class GuardedServer(ThreadedAssociationServer):
    """Accepts quickly, caps connections without an association, shakes TLS hands on the connection's own thread.

    Parameters
    ----------
    limits
        Bounds on one peer.
    knows_host
        Whether an address belongs to a peer.
    serve_store
        Serves C-STORE in pynetdicom's place; None leaves it to its event handlers.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(  # noqa: PLR0913 - the first four are pynetdicom's
        self,
        ae: ApplicationEntity,
        address: tuple[str, int] | tuple[str, int, int, int],
        ae_title: str,
        contexts: list[Any],
        ssl_context: SSLContext | None = None,
        evt_handlers: list[Any] | None = None,
        request_handler: Callable[..., BaseRequestHandler] | None = None,
        *,
        limits: TransportLimits,
        knows_host: Callable[[str], bool],
        serve_store: ServeStore | None = None,
    ) -> None:
        self.limits = limits
        self.serve_store = serve_store
        self._tls = ssl_context
        self._pending = PendingConnections(
            knows_host,
            per_known_host=limits.pending_per_known_host,
            per_unknown_host=limits.pending_per_unknown_host,
            unknown=limits.pending_unknown,
        )
        self._slots: dict[Any, Slot] = {}
        self.looked_at_s = time.monotonic()
        super().__init__(
            ae, address, ae_title, contexts, None, evt_handlers, request_handler=request_handler or GuardedHandler
        )

    def service_actions(self) -> None:
        """Note that the thread which accepts is not held up; called after each look for connections."""
        super().service_actions()
        self.looked_at_s = time.monotonic()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; nothing here waits for the peer."""
        connection, address = cast(socket.socket, self.socket).accept()
        connection.settimeout(self.limits.acse_timeout_s)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        acknowledge_at_once(connection)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether the connection is within the caps; otherwise it is closed at once."""
        slot = self._pending.take(str(client_address[0]), lambda: _end(request))
        if slot is None:
            LOGGER.warning("connection from %s closed: too many without an association", client_address[0])
            return False
        self._slots[client_address] = slot
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Start the association of one connection, on a thread of its own."""
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
            self.shutdown_request(request)
            self.take_slot(client_address).give_back()

    def take_slot(self, client_address: Any) -> Slot:
        """Return the slot of a connection, once; afterwards one that counts for nothing."""
        return self._slots.pop(client_address, None) or Slot(lambda _: None)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands where the port speaks TLS, then hand over to the association."""
        if self._tls is not None:
            request.settimeout(self.limits.tls_handshake_timeout_s)
            request = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            slot = self._slots.get(client_address)
            if slot is not None:
                slot.end_by(lambda: _end(request))
            try:
                request.do_handshake()
            except BaseException:
                request.close()
                raise
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Log one line; the default prints a traceback that any port scan can provoke."""
        kind = sys.exc_info()[0]
        because = kind.__name__ if kind else "unknown"
        LOGGER.warning("connection from %s ended before an association: %s", client_address[0], because)

    def shutdown(self) -> None:
        """Stop accepting, then end what is open."""
        BaseServer.shutdown(self)
        self.server_close()
        for assoc in self.active_associations:
            assoc.abort()
