"""The HTTP service of `/metrics`, `/healthz` and `/readyz`. It only answers; nothing can be changed through it."""

import json
import logging
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import ThreadingWSGIServer, make_wsgi_app

from config.errors import NodeError
from node.watch.health import Dependency, Health

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

CLIENT_TIMEOUT_S = 5.0
"""A client that sends nothing for so long is gone, s."""


class WatchError(NodeError):
    """The service cannot listen."""


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_TIMEOUT_S

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a probe every few seconds would be all that the log shows."""


class _Server(ThreadingWSGIServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
        """Forget a client that went away; standard error is the log, and no place for its traceback."""
        logger.info("a client of the watch service went away")


class WatchService:
    """Answers on a thread of its own from the time it is entered.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        self._host, self._port = host, port
        self._metrics = make_wsgi_app(registry)
        self._health = health
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        """Listen.

        Raises
        ------
        WatchError
            The port is taken, or the address is not of this machine.
        """
        try:
            server = make_server(self._host, self._port, self._answer, _Server, _Handler)
        except OSError as error:
            raise WatchError(
                f"watch: {self._host}:{self._port} cannot be listened on ({error.strerror}); set watch.port"
            ) from error
        self._server = server
        threading.Thread(target=server.serve_forever, name="watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens; 0 before."""
        return 0 if self._server is None else int(self._server.server_port)

    def _answer(self, request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if request["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _say(start, "405 Method Not Allowed", {"error": "only GET is answered"})
        match request["PATH_INFO"]:
            case "/metrics":
                answer: Iterable[bytes] = self._metrics(request, start)
                return answer
            case "/healthz":
                return _report(start, {"process": self._health.live()})
            case "/readyz":
                return _report(start, {"process": self._health.live(), **self._health.ready()})
        return _say(start, "404 Not Found", {"error": "ask for /metrics, /healthz or /readyz"})


def _report(start: "StartResponse", dependencies: dict[str, Dependency]) -> Iterable[bytes]:
    ok = all(item.ok for item in dependencies.values())
    listed = {name: {"ok": item.ok, "detail": item.detail} for name, item in dependencies.items()}
    return _say(start, "200 OK" if ok else "503 Service Unavailable", {"ok": ok, "dependencies": listed})


def _say(start: "StartResponse", status: str, document: object) -> Iterable[bytes]:
    body = json.dumps(document, indent=2).encode() + b"\n"
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
