"""Audit messages to the hospital's audit repository: syslog (RFC 5424) over TLS (RFC 5425), in order."""

import json
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from node.audit.events import event_from_json
from node.audit.message import audit_message
from node.audit.trail import Trail

logger = logging.getLogger(__name__)

SENT_FILE = "audit-sent.json"
TIMEOUT_S = 10.0
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
        self._sent_file = storage / SENT_FILE
        self._connect = connect
        self._source = source
        self._told_bytes = 0

    def send(self) -> int:
        """Send what is due; return how many messages. Where the repository is away, all of them wait."""
        before = sent = self._sent()
        end = self._trail.size()
        due = [record for record in self._trail.records(self._told_bytes) if record["number"] > sent]
        if due:
            try:
                with self._connect() as connection:
                    for record in due:
                        connection.sendall(self._framed(record))
                        sent = record["number"]
            except OSError as error:
                waiting = len(due) - (sent - before)
                logger.warning("audit repository away, messages=%d wait error=%s", waiting, type(error).__name__)
            self._remember(sent)
        if sent - before == len(due):
            self._told_bytes = end
        return sent - before

    def _framed(self, record: dict[str, Any]) -> bytes:
        return framed(audit_message(event_from_json(record), self._source), record["at"], self._source)

    def _sent(self) -> int:
        try:
            return int(json.loads(self._sent_file.read_text(encoding="utf-8"))["number"])
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError, TypeError):
            logger.warning("%s is damaged; every message is sent again", self._sent_file.name)
            return 0

    def _remember(self, number: int) -> None:
        draft = self._sent_file.with_suffix(".draft")
        draft.write_text(json.dumps({"number": number}), encoding="utf-8")
        draft.replace(self._sent_file)


def framed(message: bytes, at: str, source: str) -> bytes:
    """Return one syslog message with its length before it (RFC 5425 4.3)."""
    header = f"<{PRIORITY}>1 {at} {source} mvi-node - {MESSAGE_ID} - ".encode()
    content = header + _BYTE_ORDER_MARK + message
    return f"{len(content)} ".encode() + content
