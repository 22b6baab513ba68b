"""The names of pynetdicom that this package overrides, and the version with which it was tested."""

import pynetdicom
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import (
    AssociationSocket,
    RequestHandler,
    ThreadedAssociationServer,
)

from config.errors import NodeError

TESTED_VERSIONS = frozenset({"3.0.4"})


class TransportSeamError(NodeError):
    """The installed pynetdicom is not one that the seam was tested with."""


def check_seam() -> None:
    """Check that the names which the seam overrides are there and that the version was tested.

    Raises
    ------
    TransportSeamError
        pynetdicom would run without the guards.
    """
    version = pynetdicom.__version__
    overridden = (
        (AssociationSocket, ("recv", "ready", "send", "close", "connect", "_shutdown_socket")),
        (RequestHandler, ("_create_association", "handle")),
        (ThreadedAssociationServer, ("get_request", "finish_request", "service_actions")),
        (ApplicationEntity, ("_create_socket", "_validate_requested_contexts", "associate")),
        (Association, ("run_reactor", "_run_reactor", "_serve_request", "kill", "set_socket", "request")),
        (DULServiceProvider, ("_is_transport_event", "kill_dul", "run_reactor", "send_pdu", "stop_dul")),
        (DIMSEServiceProvider, ("get_msg", "receive_primitive")),
    )
    missing = [
        f"{owner.__name__}.{name}" for owner, names in overridden for name in names if not hasattr(owner, name)
    ]
    if missing or version not in TESTED_VERSIONS:
        tested = ", ".join(sorted(TESTED_VERSIONS))
        raise TransportSeamError(
            f"pynetdicom {version} is installed, and the transport guards were tested with {tested}; "
            f"install that version" + (f" (absent: {', '.join(missing)})" if missing else "")
        )
