"""Audit messages to the hospital's audit repository: syslog (RFC 5424) over TLS (RFC 5425), in order."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from node.audit.events import event_from_json
from node.audit.message import audit_message
from node.audit.sent import Sent, read_sent, write_sent
from node.audit.trail import AuditTrailError, Trail

logger = logging.getLogger(__name__)

TIMEOUT_S = 10.0
GOODBYE_S = 5.0
"""Longest wait for the other side to end the connection too, s."""
MESSAGE_ID = "DICOM+RFC3881"
"""MSGID of audit messages (PS3.15 A.6.2)."""
PRIORITY = 10 * 8 + 5
"""Facility security/authorisation, severity notice (PS3.15 A.6.2)."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""RFC 5424 6.4: the message is UTF-8."""

Connect = Callable[[], socket.socket]


def tls_connect(host: str, port: int, context: ssl.SSLContext) -> Connect:
    """Return a function that opens a connection to the audit repository."""

    def connect() -> socket.socket:
        plain = socket.create_connection((host, port), timeout=TIMEOUT_S)
        try:
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    return connect


class SyslogSender:
    """Sends what the trail holds and the repository has not got; call `send` again and again.

    Syslog has no answers: what the operating system took counts as sent, and a connection that breaks may cost the
    last messages. The trail keeps them all; `audit export` gives them again.

    Parameters
    ----------
    storage
        Folder of the trail; how far it was sent is kept beside it.
    source
        HOSTNAME and AuditSourceID.
    """

    def __init__(self, trail: Trail, storage: Path, connect: Connect, source: str) -> None:
        self._trail = trail
        self._storage = storage
        self._connect = connect
        self._source = source
        self._told_bytes = 0

    def send(self) -> int:
        """Send what is due; return how many messages. Where the repository is away, all of them wait."""
        sent = read_sent(self._storage)
        end = self._trail.size()
        due = self._due(sent)
        number = 0
        if due:
            try:
                with _ended_properly(self._connect) as connection:
                    for record in due:
                        connection.sendall(self._framed(record))
                        sent = Sent(record["number"], record["hash"])
                        number += 1
            except OSError as error:
                waiting = len(due) - number
                logger.warning("audit repository away, messages=%d wait error=%s", waiting, type(error).__name__)
            if number:
                write_sent(self._storage, sent)
        if number == len(due):
            self._told_bytes = end
        return number

    def _due(self, sent: Sent) -> list[dict[str, Any]]:
        """Return what was not sent; all there is, where the trail does not go on from what was sent."""
        records = self._behind_what_was_told()
        if records is not None and (sent.is_in(records) or (self._told_bytes and not records)):
            return [record for record in records if record["number"] > sent.number]
        # Whoever cuts lines off must not keep the repository from those that are written in their place.
        logger.error("audit trail was cut short or changed behind line=%d; all of it is sent again", sent.number)
        self._told_bytes = 0
        return list(self._trail.records())

    def _behind_what_was_told(self) -> list[dict[str, Any]] | None:
        if self._trail.size() < self._told_bytes:
            return None
        try:
            return list(self._trail.records(self._told_bytes))
        except AuditTrailError:
            if not self._told_bytes:
                raise
            return None  # No line begins there any more.

    def _framed(self, record: dict[str, Any]) -> bytes:
        return framed(audit_message(event_from_json(record), self._source), record["at"], self._source)


@contextmanager
def _ended_properly(connect: Connect) -> Iterator[socket.socket]:
    with connect() as connection:
        yield connection
        # RFC 5425 4.4. Closed with something unread, be it a session ticket of TLS 1.3, a connection is reset, and
        # what waits to be sent is thrown away.
        connection.settimeout(GOODBYE_S)
        with suppress(OSError):  # Also ssl.SSLError: it does not say goodbye, or is late.
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()


def framed(message: bytes, at: str, source: str) -> bytes:
    """Return one syslog message with its length before it (RFC 5425 4.3)."""
    header = f"<{PRIORITY}>1 {at} {source} mvi-node - {MESSAGE_ID} - ".encode()
    content = header + _BYTE_ORDER_MARK + message
    return f"{len(content)} ".encode() + content
