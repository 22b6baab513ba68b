"""The seam under pynetdicom: what its transport does without limits is done here with limits.

pynetdicom 3.0.4 buffers any PDU length that a peer claims, waits for ever inside a PDU, shakes TLS hands on the
accept thread, and keeps the slot of a connection that never sent a request. Negotiation and DIMSE stay its own.
`deploy/decisions/0001-reception-transport.md` has the reasons and the figures.
"""

import logging
import math
import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from dicom_io.network.limits import TransportLimits
from dicom_io.network.pdu import P_DATA, PDU_HEADER, PDU_TYPES, check_length, check_message_size
from dicom_io.network.pending import Slot

LOGGER = logging.getLogger(__name__)

_TIMEOUT_SLACK_S = 0.2
"""Half of how late the deadline of a PDU may be noticed, s."""
_QUEUED_MESSAGES = 2
"""DIMSE requests held while one is served; further ones wait in the peer's TCP window."""


class GuardedSocket(AssociationSocket):
    """Reads PDUs of bounded length within a deadline; pynetdicom calls `recv` for six bytes, then for the rest.

    Parameters
    ----------
    slot
        Of a connection without an association; given back with its request.
    held_after_request
        Whether pynetdicom shall read no further than the association request, until `give_back`.
    """

    def __init__(
        self,
        assoc: Association,
        client_socket: socket.socket | None = None,
        address: AddressInformation | None = None,
        *,
        limits: TransportLimits,
        slot: Slot | None = None,
        held_after_request: bool = False,
    ) -> None:
        self._held_after_request = held_after_request
        self._held = False
        self._given_back = b""
        self._sending = threading.Lock()
        self._limits = limits
        self._slot = slot
        self._opened_at = time.monotonic()
        self._deadline = 0.0
        self._in_body = False
        self.failure: OSError | None = None
        """Why the peer could not be connected to."""
        super().__init__(assoc, client_socket, address)

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, over TLS where that is wanted; as in pynetdicom, but the reason of a failure is kept."""
        unconnected = self.socket
        if unconnected is None:
            raise ValueError("the socket is closed")
        connection = unconnected
        try:
            connection.settimeout(self.assoc.connection_timeout)
            connection.connect(primitive.address_info.as_tuple)
            if self.tls_args is not None:
                context, host = self.tls_args
                connection.settimeout(self._limits.tls_handshake_timeout_s)
                self.socket = connection = context.wrap_socket(connection, server_hostname=host)
            connection.settimeout(self._limits.network_timeout_s)
            self.assoc.requestor.address_info = AddressInformation.from_tuple(connection.getsockname())
            self._is_connected = True
            evt.trigger(self.assoc, evt.EVT_CONN_OPEN, {"address": primitive.address_info.as_tuple})
            primitive.result = "Evt2"
        except OSError as error:
            self.failure = error
            unconnected.close()
            self.socket = None
            primitive.result = "Evt17"
        self.provider_queue.put(primitive)
        self._ready.set()

    @property
    def is_full(self) -> bool:
        """Whether enough requests wait to be served; the peer then waits too."""
        return self.assoc.dimse.msg_queue.qsize() >= _QUEUED_MESSAGES

    @property
    def ready(self) -> bool:
        """Whether pynetdicom can read a PDU."""
        if self._given_back and not self._held:
            return True
        descriptor = self.watched()
        if descriptor is None:
            return False
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        watch = select.poll()
        watch.register(descriptor, select.POLLIN)
        return bool(watch.poll(0))

    def watched(self) -> int | None:
        """Return the descriptor that pynetdicom waits for; None while it is not to read."""
        connection = self.socket
        if self._held or connection is None or not self._is_connected or self.is_full:
            return None
        descriptor = connection.fileno()
        if descriptor < 0:
            self.event_queue.put("Evt17")
            return None
        return descriptor

    def give_back(self, ahead: bytes) -> None:
        """Let pynetdicom read again, beginning with what was read in its place and is not served."""
        self._given_back = ahead
        self._held = False

    def send(self, bytestream: bytes) -> None:
        """Send, one thread after the other."""
        connection = self.socket
        try:
            if connection is None:
                raise ConnectionAbortedError("the connection is closed")
            with self._sending:
                connection.sendall(bytestream)
            evt.trigger(self.assoc, evt.EVT_DATA_SENT, {"data": bytestream})
        except OSError:
            self.event_queue.put("Evt17")

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly `nr_bytes`, or fewer where the peer closed.

        Raises
        ------
        OSError
            The PDU is longer than agreed, or did not arrive in time; pynetdicom then closes the connection.
        """
        in_body, self._in_body = self._in_body, False
        try:
            if in_body:
                received = self._read(nr_bytes)
            else:
                self._deadline = self._next_deadline()
                received = self._read(PDU_HEADER.size)
                if len(received) == PDU_HEADER.size:
                    self._admit(received)
        except OSError:
            self._release_waiting_association()
            raise
        if len(received) < nr_bytes:
            self._release_waiting_association()
        elif in_body:
            self._give_slot_back()
            self._held = self._held_after_request
        return received

    def send_at_once(self) -> None:
        """Turn Nagle's algorithm off."""
        if self.socket is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close, and free the thread that still waits for an association request."""
        self._shutdown_socket()
        if self.socket is not None and self._is_connected:
            # `_is_connected` stays true: who asked for the association looks at it, perhaps after a rejection has
            # come and closed the connection, and pynetdicom would then say that there never was one.
            self.socket = None
            self.event_queue.put("Evt17")
        self._release_waiting_association()

    def _shutdown_socket(self) -> None:
        """Shut down and close; pynetdicom leaves a socket open whose shutdown fails."""
        self._give_slot_back()
        connection = self.socket
        if connection is None:
            return
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def _give_slot_back(self) -> None:
        if self._slot is not None:
            self._slot.give_back()

    def _admit(self, header: bytearray) -> None:
        kind, _, length = PDU_HEADER.unpack(header)
        if kind not in PDU_TYPES:
            return  # pynetdicom answers A-ABORT without reading on.
        check_length(kind, length, self._limits)
        if kind == P_DATA:
            check_message_size(self.assoc.dimse.message, length, self._limits)
        self._in_body = True

    def _next_deadline(self) -> float:
        if self.assoc.is_acceptor and self.assoc.requestor.primitive is None:
            return self._opened_at + self._limits.acse_timeout_s
        return time.monotonic() + self._limits.network_timeout_s

    def _read(self, count: int) -> bytearray:
        received = bytearray(self._given_back[:count])
        self._given_back = self._given_back[count:]
        begun = len(received)
        received.extend(bytes(count - begun))
        with memoryview(received) as view, view[begun:] as rest:
            filled = begun + self._fill(rest)
        del received[filled:]
        return received

    def _fill(self, target: memoryview) -> int:
        """Read until `target` is full or the peer closes; return how many bytes came."""
        connection = self.socket
        if connection is None:
            raise ConnectionAbortedError("the connection is closed")
        filled = 0
        while filled < len(target):
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("the peer stopped in the middle of a PDU")
            # Setting it is two calls into the kernel, so a little late is good enough.
            if not remaining <= (connection.gettimeout() or math.inf) <= remaining + 2 * _TIMEOUT_SLACK_S:
                connection.settimeout(remaining + _TIMEOUT_SLACK_S)
            arrived = self.receive(connection, target[filled:])
            if not arrived:
                break
            filled += arrived
            acknowledge_at_once(connection)
        return filled

    def receive(self, connection: socket.socket, target: memoryview) -> int:
        """Read what there is into `target`, at least a byte; return how many, 0 where the peer has closed."""
        if not isinstance(connection, ssl.SSLSocket):
            return connection.recv_into(target)
        # OpenSSL cannot read and write at once, and an abort may come from another thread.
        if not connection.pending():
            watch = select.poll()
            watch.register(connection, select.POLLIN)
            if not watch.poll((connection.gettimeout() or 0) * 1000):
                raise TimeoutError("the peer is silent")
        with self._sending:
            return connection.recv_into(target)

    def _release_waiting_association(self) -> None:
        # Without a request there is nobody to tell of the end of the connection, and the association thread
        # would hold its slot for the whole ACSE timeout: 25 health checks in 30 s would lock everybody out.
        # None is what its queue gives after that timeout.
        if self.assoc.is_acceptor and self.assoc.requestor.primitive is None:
            cast(Any, self.assoc.dul.to_user_queue).put(None)


def acknowledge_at_once(connection: socket.socket) -> None:
    """Ask for immediate acknowledgement of what was read."""
    # A sender with Nagle's algorithm holds its last segment back until ours is acknowledged; Linux falls back
    # to delayed acknowledgement by itself, so it is asked for again after each read.
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
