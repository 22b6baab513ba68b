"""PDUs of an established association, read in pynetdicom's place with few calls into the kernel.

A socket of Python with a time-out is waited for before each read, and each of both calls lets another thread run
Python meanwhile. Here the kernel keeps the time of a blocking read, small reads are served from what was read
ahead, and the content of a PDU comes in one call.
"""

import socket
import ssl
import struct
import time
from contextlib import suppress

from dicom_io.network.limits import TransportLimits
from dicom_io.network.pdu import PDU_HEADER, check_length
from dicom_io.network.transport import GuardedSocket, acknowledge_at_once

_AHEAD_BYTES = 4096
"""Most of a C-STORE-RQ and the headers behind it; what is read ahead of a data set is copied once more."""
_TIMEVAL = struct.Struct("@ll")
_LATE_S = 0.05
"""Half of how late a deadline may be noticed, s."""


class PduReader:
    """Reads one connection; only one thread does.

    Parameters
    ----------
    transport
        Of an established association; pynetdicom does not read it meanwhile.
    """

    def __init__(self, transport: GuardedSocket, limits: TransportLimits) -> None:
        self._transport = transport
        self._limits = limits
        self._room = memoryview(bytearray(_AHEAD_BYTES))
        self._ahead = b""
        self._at = 0
        self._deadline = 0.0
        self._patience_s = 0.0
        self._is_plain = not isinstance(transport.socket, ssl.SSLSocket)

    def open(self) -> None:
        """Begin to read; `close` ends it."""
        connection = self._transport.socket
        if connection is not None and self._is_plain:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(self._limits.network_timeout_s))
            connection.settimeout(None)

    def close(self) -> None:
        """Leave the connection as pynetdicom wants it."""
        connection = self._transport.socket
        with suppress(OSError):  # It is closed.
            if connection is not None:
                connection.settimeout(self._limits.network_timeout_s)

    def give_back(self, count: int) -> None:
        """Let pynetdicom read, beginning with the last `count` bytes that were taken."""
        self._transport.give_back(self._ahead[self._at - count :])
        self._ahead, self._at = b"", 0

    def header(self) -> tuple[int, int]:
        """Return type and length of the next PDU, and take its header.

        Raises
        ------
        TimeoutError
            The peer was silent for the network time-out.
        OSError
            The connection is closed, or the PDU is longer than agreed.
        """
        self._deadline = time.monotonic() + self._limits.network_timeout_s
        if self._transport.socket is not None:
            acknowledge_at_once(self._transport.socket)
        kind, _, length = PDU_HEADER.unpack(self.take(PDU_HEADER.size))
        check_length(kind, length, self._limits)
        return kind, length

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes of the PDU; raises as `header`."""
        while len(self._ahead) - self._at < count:
            arrived = self._receive(self._room, 0)
            self._ahead = self._ahead[self._at :] + self._room[:arrived]
            self._at = 0
        begin, self._at = self._at, self._at + count
        return self._ahead[begin : self._at]

    def fill(self, target: memoryview) -> None:
        """Fill `target` with the next bytes of the PDU; raises as `header`."""
        filled = min(len(self._ahead) - self._at, len(target))
        target[:filled] = self._ahead[self._at : self._at + filled]
        self._at += filled
        while filled < len(target):
            filled += self._receive(target[filled:], socket.MSG_WAITALL)

    def _receive(self, target: memoryview, flags: int) -> int:
        connection = self._transport.socket
        if connection is None:
            raise ConnectionAbortedError("the connection is closed")
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("the peer stopped in the middle of a PDU")
        if not self._is_plain:
            connection.settimeout(remaining_s + _LATE_S)
            arrived = self._transport.receive(connection, target)
        else:
            # A call into the kernel as well, so a little late is good enough.
            if not remaining_s <= self._patience_s <= remaining_s + 2 * _LATE_S:
                self._patience_s = remaining_s + _LATE_S
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(self._patience_s))
            try:
                arrived = connection.recv_into(target, 0, flags)
            except BlockingIOError as error:
                raise TimeoutError("the peer is silent") from error
        if not arrived:
            raise ConnectionResetError("the peer closed the connection")
        return arrived


def _timeval(seconds: float) -> bytes:
    whole = int(seconds)
    return _TIMEVAL.pack(whole, int((seconds - whole) * 1_000_000))
