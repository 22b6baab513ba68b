"""Associations that this node opens: one context manager, and every way to fail as one error with a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLError
from threading import Event as Signal
from typing import Any

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from config.errors import NodeError
from dicom_io.network.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    configure_pynetdicom,
)
from dicom_io.network.limits import TransportLimits
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.tls import ClientTls, client_context
from dicom_io.network.transport import GuardedSocket

MAXIMUM_CONTEXTS = 128
"""PS3.8 9.3.2.2: odd identifiers from 1 to 255."""
_REJECTED_PERMANENT = 0x01
_ADVICE: Mapping[tuple[int | None, int | None], str] = {
    (0x01, 0x03): "; add the AE title {calling} and the address of this node there",
    (0x01, 0x07): "; it has another AE title: correct ae_title of this peer",
}
"""PS3.8 9.3.4: source and diagnostic of A-ASSOCIATE-RJ."""


@dataclass(frozen=True)
class RemoteAE:
    """Where a peer listens.

    Parameters
    ----------
    tls
        How it is reached over TLS; None without.
    """

    ae_title: str
    host: str
    port: int
    tls: ClientTls | None = None

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


@dataclass(frozen=True)
class Context:
    """One presentation context to propose."""

    sop_class_uid: str
    transfer_syntax_uids: tuple[str, ...] = field(default=())


class PeerError(NodeError):
    """A peer could not be reached, or the association with it ended; worth another attempt.

    Parameters
    ----------
    peer
        Which one; its text names it in the message.
    because
        What happened, a sentence without its subject.
    """

    transient = True

    def __init__(self, peer: object, because: str) -> None:
        self.peer = peer
        self.because = because
        super().__init__(f"{peer}: {because}")


class UnansweredError(PeerError):
    """The peer took a request and did not answer it; it may have done what it was asked."""


class PeerRefusedError(PeerError):
    """The peer answered, and said no; the same attempt would end the same way."""

    transient = False


class AccessRefusedError(PeerRefusedError):
    """The peer lets this node do nothing until somebody changes something, here or there."""


class NothingAcceptedError(PeerRefusedError):
    """The peer opened the association and accepts no presentation context: it is about what was proposed.

    Parameters
    ----------
    peer
        Which one.
    sop_class_uids
        What was proposed.
    """

    def __init__(self, peer: RemoteAE, sop_class_uids: Sequence[str]) -> None:
        self.sop_class_uids = tuple(sop_class_uids)
        names = ", ".join(UID(uid).name for uid in sop_class_uids)
        super().__init__(peer, f"it accepts none of the proposed SOP classes and transfer syntaxes ({names})")


@contextmanager
def open_association(
    peer: RemoteAE,
    contexts: Sequence[Context],
    *,
    calling_ae_title: str,
    limits: TransportLimits | None = None,
    handlers: Sequence[Any] = (),
    extensions: Sequence[Any] = (),
) -> Iterator[Association]:
    """Open an association, and release it at the end of the block; abort it where the block raises.

    Parameters
    ----------
    contexts
        At most 128.
    handlers
        pynetdicom event handlers.
    extensions
        Extended negotiation items, for example role selection.

    Raises
    ------
    PeerError
        The peer cannot be reached, does not answer, or aborts.
    AccessRefusedError
        The peer rejects the association for good.
    NothingAcceptedError
        The peer takes the association, and none of `contexts`.
    ConfigError
        It is reached over TLS, and our certificate cannot be used.
    """
    if len(contexts) > MAXIMUM_CONTEXTS:
        raise ValueError(f"{len(contexts)} presentation contexts, an association has at most {MAXIMUM_CONTEXTS}")
    configure_pynetdicom()
    connected = Signal()
    on_connection = (evt.EVT_CONN_OPEN, lambda _event: connected.set())
    ae = GuardedAE(calling_ae_title, limits or TransportLimits())
    ae.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    try:
        assoc = ae.associate(
            peer.host,
            peer.port,
            contexts=[_presentation_context(context) for context in contexts],
            ae_title=peer.ae_title,
            ext_neg=list(extensions),
            tls_args=(client_context(peer.tls), peer.host) if peer.tls else None,
            evt_handlers=[on_connection, *handlers],
        )
    except OSError as error:
        raise PeerError(peer, f"its host name cannot be resolved ({error.strerror or error})") from error
    if not assoc.is_established:
        raise _failure(peer, assoc, connected=connected.is_set())
    try:
        yield assoc
    except BaseException:
        assoc.abort()
        raise
    if assoc.is_established:
        assoc.release()


def _failure(peer: RemoteAE, assoc: Association, *, connected: bool) -> PeerError:
    answer = assoc.acceptor.primitive
    if assoc.is_rejected and answer is not None:
        return _rejection(peer, answer, assoc.requestor.ae_title.strip())
    if answer is not None and answer.result == 0x00:
        proposed = dict.fromkeys(str(context.abstract_syntax) for context in assoc.requestor.requested_contexts)
        if not assoc.accepted_contexts:
            return NothingAcceptedError(peer, tuple(proposed))
        return PeerError(peer, "it accepted the association and ended it at once")
    if connected:
        return PeerError(peer, "something listens there and did not answer the association request")
    failure = assoc.dul.socket.failure if isinstance(assoc.dul.socket, GuardedSocket) else None
    if isinstance(failure, SSLError):
        because = getattr(failure, "verify_message", "") or failure.reason or str(failure)
        return PeerError(peer, f"no TLS connection with it: {str(because).lower().replace('_', ' ')}")
    return PeerError(peer, "no DICOM service could be reached there")


def _rejection(peer: RemoteAE, answer: A_ASSOCIATE, calling_ae_title: str) -> PeerError:
    because = f"it rejected the association: {answer.reason_str.lower()} ({answer.result_str.lower()})"
    if answer.result != _REJECTED_PERMANENT:
        return PeerError(peer, because)
    advice = _ADVICE.get((answer.result_source, answer.diagnostic), "")
    return AccessRefusedError(peer, because + advice.format(calling=calling_ae_title))


def _presentation_context(context: Context) -> PresentationContext:
    built = PresentationContext()
    built.abstract_syntax = UID(context.sop_class_uid)
    built.transfer_syntax = [UID(item) for item in context.transfer_syntax_uids]
    return built
