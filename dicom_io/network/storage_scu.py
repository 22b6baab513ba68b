"""Send files to a peer, and ask whether it is there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pynetdicom.association import Association

from dicom_io.network.identity import InstanceIdentity, UnreadableInstanceError, read_file_identity
from dicom_io.network.limits import TransportLimits
from dicom_io.network.negotiation import UNCOMPRESSED_TRANSFER_SYNTAXES, VERIFICATION_SOP_CLASS_UID
from dicom_io.network.requestor import Context, PeerError, RemoteAE, open_association
from dicom_io.network.status import Disposition, StoreStatus, status_words, store_disposition


@dataclass(frozen=True)
class SendOutcome:
    """What became of one file.

    Parameters
    ----------
    sop_instance_uid
        Empty where the file could not be read.
    status
        The peer's answer; None where there was none.
    message
        One sentence; empty after Success.
    """

    path: Path
    sop_instance_uid: str
    status: int | None
    disposition: Disposition
    message: str

    @property
    def refuses_class(self) -> bool:
        """Whether the peer does not take objects of this SOP class: proposed in vain, or 0x0122 (PS3.7 C.5.9)."""
        refused = self.disposition is Disposition.PERMANENT and bool(self.sop_instance_uid)
        return refused and self.status in (None, StoreStatus.SOP_CLASS_NOT_SUPPORTED)


@dataclass(frozen=True)
class _Item:
    path: Path
    identity: InstanceIdentity


def echo(peer: RemoteAE, *, calling_ae_title: str, limits: TransportLimits | None = None) -> None:
    """Verify that a DICOM service answers (C-ECHO).

    Raises
    ------
    PeerError
        It does not; the message says how.
    """
    contexts = [Context(VERIFICATION_SOP_CLASS_UID, UNCOMPRESSED_TRANSFER_SYNTAXES)]
    with open_association(peer, contexts, calling_ae_title=calling_ae_title, limits=limits) as assoc:
        status = assoc.send_c_echo()
        if status.get("Status") != 0x0000:
            raise PeerError(peer, "it accepted the association and did not answer C-ECHO")


def send_files(
    paths: Iterable[Path],
    peer: RemoteAE,
    *,
    calling_ae_title: str,
    limits: TransportLimits | None = None,
    on_outcome: Callable[[SendOutcome], object] | None = None,
    go_on: Callable[[SendOutcome], bool] = lambda _: True,
) -> list[SendOutcome]:
    """Send files on one association, in the given order, as they are where the peer takes their encoding.

    Parameters
    ----------
    paths
        Part 10 files.
    on_outcome
        Told of each file as it is done.
    go_on
        Whether to go on after this outcome; where it returns False, the rest is not sent.

    Returns
    -------
    list[SendOutcome]
        One for each path that was tried, in order. Where the association ends on the way, the rest is transient.

    Raises
    ------
    PeerError
        The association could not be opened; nothing was sent. Its `transient` says whether to try again.
    """
    prepared = [_prepare(path) for path in paths]
    items = [item for item in prepared if isinstance(item, _Item)]
    outcomes: list[SendOutcome] = []

    def conclude(outcome: SendOutcome) -> bool:
        outcomes.append(outcome)
        if on_outcome is not None:
            on_outcome(outcome)
        return go_on(outcome)

    with ExitStack() as stack:
        sender = None
        for item in prepared:
            if isinstance(item, SendOutcome):
                outcome = item
            else:
                if sender is None:
                    opening = open_association(
                        peer, _contexts(items), calling_ae_title=calling_ae_title, limits=limits
                    )
                    sender = _Sender(stack.enter_context(opening), peer)
                outcome = sender.send(item)
            if not conclude(outcome):
                break
    return outcomes


def _prepare(path: Path) -> "_Item | SendOutcome":
    try:
        return _Item(path, read_file_identity(path).identity)
    except UnreadableInstanceError as error:
        return SendOutcome(path, "", None, Disposition.PERMANENT, f"it cannot be read: {error}")
    except OSError as error:
        # Also an absent file: the disk that holds it may be away.
        because = error.strerror or type(error).__name__
        return SendOutcome(path, "", None, Disposition.TRANSIENT, f"it cannot be read now: {because}")


def _contexts(items: Sequence[_Item]) -> list[Context]:
    """Propose only what is sent, each encoding on its own, and the other uncompressed one as a second choice."""
    wanted = dict.fromkeys(_encodings(items))
    return [Context(sop_class_uid, (transfer_syntax_uid,)) for sop_class_uid, transfer_syntax_uid in wanted]


def _encodings(items: Sequence[_Item]) -> Iterator[tuple[str, str]]:
    for item in items:
        identity = item.identity
        yield identity.sop_class_uid, identity.transfer_syntax_uid
        if identity.transfer_syntax_uid in UNCOMPRESSED_TRANSFER_SYNTAXES:
            for alternative in UNCOMPRESSED_TRANSFER_SYNTAXES:
                yield identity.sop_class_uid, alternative


class _Sender:
    """One association on which files go out one after the other."""

    def __init__(self, assoc: Association, peer: RemoteAE) -> None:
        self._assoc = assoc
        self._peer = peer
        self._accepted = {(str(cx.abstract_syntax), str(cx.transfer_syntax[0])) for cx in assoc.accepted_contexts}
        self._sent = 0
        self._broken = ""

    def send(self, item: _Item) -> SendOutcome:
        identity = item.identity

        def outcome(status: int | None, disposition: Disposition, message: str) -> SendOutcome:
            return SendOutcome(item.path, identity.sop_instance_uid, status, disposition, message)

        native = (identity.sop_class_uid, identity.transfer_syntax_uid) in self._accepted
        if not native and not _convertible(identity, self._accepted):
            return outcome(None, Disposition.PERMANENT, _not_accepted(self._peer, identity))
        try:
            answer = Dataset() if self._broken else self._store(item.path, native=native)
        except InvalidDicomError:
            # It was one when it was prepared. Nothing of it went out: the association is as good as before.
            return outcome(None, Disposition.PERMANENT, "it cannot be read: it is no DICOM file any more")
        if "Status" not in answer:
            # pynetdicom calls an aborted association established for some milliseconds more, and whoever sends
            # then waits for the whole DIMSE timeout: after the first silence nothing is tried.
            self._broken = self._broken or "no answer to C-STORE"
            return outcome(None, Disposition.TRANSIENT, f"{self._peer}: {self._broken}")
        status = int(answer.Status)
        comment = str(answer.get("ErrorComment") or "")
        message = f"{self._peer} answered {status_words(status)}" + (f" ({comment})" if comment else "")
        return outcome(status, store_disposition(status), "" if status == 0x0000 else message)

    def _store(self, path: Path, *, native: bool) -> Dataset:
        self._sent += 1
        try:
            # A path goes out byte by byte as it lies there; a data set is encoded for the accepted context.
            return self._assoc.send_c_store(path if native else dcmread(path), msg_id=self._sent % 65_535 + 1)
        except (RuntimeError, ValueError, OSError) as error:
            self._broken = str(error) or type(error).__name__
            return Dataset()


def _convertible(identity: InstanceIdentity, accepted: set[tuple[str, str]]) -> bool:
    if identity.transfer_syntax_uid not in UNCOMPRESSED_TRANSFER_SYNTAXES:
        return False
    return any((identity.sop_class_uid, syntax) in accepted for syntax in UNCOMPRESSED_TRANSFER_SYNTAXES)


def _not_accepted(peer: RemoteAE, identity: InstanceIdentity) -> str:
    return f"{peer} does not accept {UID(identity.sop_class_uid).name} in {UID(identity.transfer_syntax_uid).name}"
