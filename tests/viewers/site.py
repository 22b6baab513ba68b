"""The built OHIF as a static site, with Orthanc's DICOMweb behind the same address."""

import http.client
import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

HERE = Path(__file__).resolve().parent
OHIF = HERE / "node_modules" / "@ohif" / "app" / "dist"
CONFIGURATION = HERE.parents[1] / "deploy" / "compose" / "ohif_config.js"
"""That of the composition: what is shipped is what the pictures are made with."""
LOOPBACK = "127.0.0.1"

_PROXIED = "/dicom-web/"
_PASSED_ON = frozenset({"content-type", "content-length", "accept", "etag"})
_ISOLATION = {
    # OHIF shares memory among its workers only where both are set.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pacs_port: ClassVar[int] = 0

    def do_GET(self) -> None:
        """Answer from Orthanc or from the site."""
        if self.path.startswith(_PROXIED):
            self._answer_from_pacs()
        else:
            self._answer_from_site()

    def _answer_from_pacs(self) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, self.pacs_port, timeout=60)
        try:
            # Orthanc writes the address that it was asked under into its bulk data URIs.
            headers = {"Accept": self.headers.get("Accept", "*/*"), "Host": self.headers["Host"]}
            connection.request("GET", self.path, headers=headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() in _PASSED_ON}
            self._send(answer.status, answer.read(), kept)
        finally:
            connection.close()

    def _answer_from_site(self) -> None:
        name = self.path.partition("?")[0].lstrip("/")
        path = CONFIGURATION if name == "app-config.js" else (OHIF / name).resolve()
        if name != "app-config.js" and not (path.is_relative_to(OHIF) and path.is_file()):
            # The routes of a single-page application all begin at its index.
            path = OHIF / "index.html"
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._send(200, path.read_bytes(), {"Content-Type": kind})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, **_ISOLATION, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: hundreds of requests a page."""


@contextmanager
def running_site(pacs_port: int) -> Iterator[str]:
    """Serve OHIF in front of the Orthanc at `pacs_port`; yield the address."""
    handler = type("Handler", (_Handler,), {"pacs_port": pacs_port})
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="viewer site", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
