"""Real servers on loopback that messages to people are sent to."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOOPBACK = "127.0.0.1"
USER, PASSWORD = "mvi", "secret"


@dataclass
class Mailbox:
    """What a mail server took."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, _server: object, session: Session, envelope: Envelope) -> str:  # noqa: N802 - theirs
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
            self.encrypted.append(session.ssl is not None)
        return self.answer


@contextmanager
def mail_server(
    context: ssl.SSLContext | None, *, log_in: bool = False, from_the_first_byte: bool = False
) -> Iterator[Mailbox]:
    """Run a mail server that demands STARTTLS where it has a context, and a log-in where it is told to."""
    box = Mailbox()

    def know(_server: object, _session: object, _envelope: object, _mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=known, handled=False)

    keys: dict[str, Any] = {}
    if context is not None and not from_the_first_byte:
        keys |= {"tls_context": context, "require_starttls": True}
    if log_in:
        keys |= {"authenticator": know, "auth_required": True}
    loop = asyncio.new_event_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(SMTP(box, loop=loop, **keys))
        return sessions[-1]

    serving = loop.create_server(session, LOOPBACK, 0, ssl=context if from_the_first_byte else None)
    server = loop.run_until_complete(serving)
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(_end(sessions))
        loop.close()


async def _end(sessions: list[SMTP]) -> None:
    """Close what a client left open; an open socket is a warning, and that an error."""
    for session in sessions:
        for transport in (session.transport, session._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for _ in range(5):  # Turns of the loop in which transports close their sockets.
        await asyncio.sleep(0)


@dataclass
class Hook:
    """What a webhook was told."""

    port: int = 0
    documents: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    status: int = 204


@contextmanager
def webhook_server() -> Iterator[Hook]:
    """Run an HTTP server that keeps what is posted."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.authorizations.append(self.headers["Authorization"])
            if hook.status == 204:
                hook.documents.append(json.loads(body))
            self.send_response(hook.status)
            if hook.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        hook.port = server.server_port
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
