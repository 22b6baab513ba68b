"""A TLS front before a service without TLS, as hospitals put before a PACS: it demands a certificate."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from dicom_io.network.tls import TlsFiles, server_context

LOOPBACK = "127.0.0.1"


class _Handler(BaseRequestHandler):
    server: "_Front"

    def handle(self) -> None:
        """Pass bytes on in both directions until one side ends."""
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as client,
            socket.create_connection((LOOPBACK, self.server.behind)) as service,
        ):
            certificate: Any = client.getpeercert()
            self.server.callers.add(dict(certificate["subject"][0])["commonName"])
            back = threading.Thread(target=_pass_on, args=(service, client))
            back.start()
            _pass_on(client, service)
            back.join()


class _Front(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, files: TlsFiles, behind: int) -> None:
        self.context, self.behind = server_context(files), behind
        self.callers: set[str] = set()
        super().__init__((LOOPBACK, 0), _Handler)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@contextmanager
def tls_front(files: TlsFiles, behind: int) -> Iterator[tuple[int, set[str]]]:
    """Yield the port that speaks TLS for the port `behind`, and the names in the certificates of who called."""
    with _Front(files, behind) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(front.server_address[1]), front.callers
        finally:
            front.shutdown()
            thread.join()
