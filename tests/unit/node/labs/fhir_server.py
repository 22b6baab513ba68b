"""A FHIR server of a few lines: a real one over HTTP, which does what the test tells it to."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Resource = Mapping[str, Any]
Behaviour = Callable[[BaseHTTPRequestHandler, dict[str, list[str]]], bool]


@dataclass
class FhirServer:
    """What the server holds, and what it was asked.

    Parameters
    ----------
    page
        Entries of one page.
    behaviour
        Answers in place of the server where it returns True.
    """

    url: str = ""
    resources: list[Resource] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    page: int = 100
    behaviour: Behaviour = lambda _handler, _query: False


def patient(number: str, value: str, system: str = "urn:hosp") -> Resource:
    return {"resourceType": "Patient", "id": number, "identifier": [{"system": system, "value": value}]}


def observation(number: str, of: str, **changed: Any) -> Resource:
    """Return a final AST of 41 U/L of Patient/`of`."""
    resource = {
        "resourceType": "Observation",
        "id": number,
        "meta": {"versionId": "1"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1920-8", "display": "AST"}]},
        "subject": {"reference": f"Patient/{of}"},
        "effectiveDateTime": "2026-02-01T08:30:00+01:00",
        "valueQuantity": {"value": 41, "unit": "U/L", "system": "http://unitsofmeasure.org", "code": "U/L"},
    }
    return {**resource, **changed}


def answer(handler: BaseHTTPRequestHandler, status: int, document: object) -> bool:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/fhir+json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
    return True


def bundle(entries: Sequence[Resource], following: str | None = None) -> Resource:
    link = [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": link,
        "entry": [{"resource": entry} for entry in entries],
    }


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[FhirServer]:
    """Run a server until the block ends."""
    state = FhirServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            state.asked.append(query)
            state.tokens.append(self.headers.get("Authorization"))
            with suppress(BrokenPipeError, ConnectionResetError):  # A client may have had enough.
                self.respond(query)

        def respond(self, query: dict[str, list[str]]) -> None:
            if state.behaviour(self, query):
                return
            start = int(query.get("start", ["0"])[0])
            end = start + state.page
            following = f"{state.url}/Observation?start={end}" if end < len(state.resources) else None
            answer(self, 200, bundle(state.resources[start:end], following))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}/fhir"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
