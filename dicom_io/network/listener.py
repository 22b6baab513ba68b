"""A TCP port, with TLS or without, and the thread that accepts its connections."""

import threading
import time
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from pynetdicom.presentation import PresentationContext

from config.errors import NodeError
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.server import GuardedServer
from dicom_io.network.store_loop import ServeStore

_POLL_S = 0.1
_LATE_S = 10.0


class PortTakenError(NodeError):
    """The port of the receiver cannot be used."""


class Listener:
    """One listening port.

    Parameters
    ----------
    host, port
        Interface and TCP port; port 0 takes a free one.
    key
        Of the settings, to be named where the port is taken.
    tls
        Server context; None for a plain port.
    serve_store
        Serves C-STORE in pynetdicom's place.

    Raises
    ------
    PortTakenError
        Another program listens there, or this one may not.
    """

    def __init__(  # noqa: PLR0913 - what a server of pynetdicom needs, and the name of its port
        self,
        ae: GuardedAE,
        host: str,
        port: int,
        contexts: list[PresentationContext],
        handlers: list[Any],
        *,
        key: str,
        knows_host: Callable[[str], bool],
        tls: SSLContext | None = None,
        serve_store: ServeStore | None = None,
    ) -> None:
        try:
            self._server = GuardedServer(
                ae,
                (host, port),
                ae.ae_title,
                contexts,
                ssl_context=tls,
                evt_handlers=handlers,
                limits=ae.limits,
                knows_host=knows_host,
                serve_store=serve_store,
            )
        except OSError as error:
            because = (error.strerror or str(error)).lower()
            raise PortTakenError(
                f"cannot listen on {host} port {port}: {because}; choose another {key}"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": _POLL_S}, name=f"accept {key}", daemon=True
        )

    @property
    def port(self) -> int:
        """TCP port."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()

    def is_accepting(self) -> bool:
        """Say whether it has looked for connections in the last seconds, which it does ten times a second."""
        return time.monotonic() - self._server.looked_at_s < _LATE_S

    def stop(self) -> None:
        """Stop accepting and end what is open."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        else:
            self._server.server_close()
