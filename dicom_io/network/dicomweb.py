"""Store instances at a DICOMweb service (STOW-RS, PS3.18 10.5) and ask it what it has (QIDO-RS, PS3.18 10.6)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from requests.exceptions import HTTPError, RequestException

from dicom_io.network.identity import InstanceIdentity, UnreadableInstanceError, read_file_identity
from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError
from dicom_io.network.status import Disposition, status_words, store_disposition
from dicom_io.network.storage_scu import SendOutcome
from dicom_io.network.tls import ClientTls

Answer = TypeVar("Answer")

CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 10.0, 120.0

_NOT_AUTHORISED: Final = frozenset({401, 403})
_NO_SUCH_SERVICE: Final = frozenset({404, 405, 501})
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)
"""What the client raises where an answer is no DICOM JSON."""
_CONFLICT = 409
"""All instances failed; the payload says why (PS3.18 10.5.3)."""


@dataclass(frozen=True)
class WebService:
    """A DICOMweb service.

    Parameters
    ----------
    url
        Its root, for example ``https://pacs.example/dicom-web``.
    authorization_file
        Holds the value of the Authorization header; read for each association, so that it may be renewed.
    tls
        Certificate, key and authority; None: the authorities of this machine, no certificate of ours.
    """

    url: str
    authorization_file: Path | None = None
    tls: ClientTls | None = None

    def __str__(self) -> str:
        return self.url


def store_files(service: WebService, paths: Iterable[Path], go_on: Callable[[SendOutcome], bool]) -> None:
    """Store files one after the other, tell `go_on` of each, and end where it returns False.

    Raises
    ------
    PeerError
        The service cannot be reached; nothing was sent.
    AccessRefusedError
        It refuses the credentials, or there is no STOW-RS under its URL.
    """
    answers: list[int] = []
    client = _client(service, answers)
    for path in paths:
        outcome = _store(service, client, path, answers)
        if not go_on(outcome):
            return


def find_instances(service: WebService, instances: Sequence[InstanceIdentity]) -> frozenset[str]:
    """Return the SOP Instance UIDs of those `instances` that the service has.

    Raises
    ------
    PeerError
        The service cannot be reached.
    PeerRefusedError
        There is no QIDO-RS under its URL.
    """
    client = _client(service)
    _ask(service, lambda: client.search_for_studies(limit=1))
    return frozenset(item.sop_instance_uid for item in instances if _has(service, client, item))


def echo(service: WebService) -> None:
    """Ask whether the service answers.

    Raises
    ------
    PeerError
        It does not.
    AccessRefusedError
        It refuses the credentials.
    """
    client = _client(service)
    try:
        _ask(service, lambda: client.search_for_studies(limit=1))
    except AccessRefusedError:
        raise
    except PeerRefusedError:
        return  # It answers, and only stores.


def _client(service: WebService, answers: list[int] | None = None) -> DICOMwebClient:
    session = requests.Session()
    if answers is not None:
        session.hooks["response"].append(lambda response, **_: answers.append(response.status_code))
    if service.authorization_file is not None:
        try:
            session.headers["Authorization"] = service.authorization_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            because = f"the file with its credentials cannot be read ({type(error).__name__})"
            raise AccessRefusedError(service, because) from error
    if service.tls is not None:
        files = service.tls.files
        session.cert, session.verify = (str(files.certificate), str(files.key)), str(files.authority)
    client = DICOMwebClient(service.url, session, timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S))
    client.set_http_retry_params(retry=False, max_attempts=1)  # The outbox knows when to try again.
    return client


def _store(service: WebService, client: DICOMwebClient, path: Path, answers: Sequence[int]) -> SendOutcome:
    try:
        read_file_identity(path)
        ds = dcmread(path)
    except (UnreadableInstanceError, InvalidDicomError) as error:
        return SendOutcome(path, "", None, Disposition.PERMANENT, f"it cannot be read: {error}")
    except OSError as error:
        because = error.strerror or type(error).__name__
        return SendOutcome(path, "", None, Disposition.TRANSIENT, f"it cannot be read now: {because}")
    return _post(service, client, path, ds, answers)


def _post(
    service: WebService, client: DICOMwebClient, path: Path, ds: Dataset, answers: Sequence[int]
) -> SendOutcome:
    uid, known = str(ds.SOPInstanceUID), len(answers)
    try:
        answer = client.store_instances([ds])
    except HTTPError as error:
        return _failed(service, path, uid, error.response)
    except requests.exceptions.JSONDecodeError:
        return _unreadable_answer(service, path, uid)
    except (RequestException, OSError) as error:
        if not answers:
            raise PeerError(service, _unreachable(error)) from error
        return SendOutcome(path, uid, None, Disposition.TRANSIENT, f"{service}: {_unreachable(error)}")
    except _UNREADABLE:
        if len(answers) == known:
            raise  # Nothing was sent.
        return _unreadable_answer(service, path, uid)
    return _outcome(service, path, uid, answer)


def _unreadable_answer(service: WebService, path: Path, uid: str) -> SendOutcome:
    # HTTP said Success; a query will tell whether that is true.
    return SendOutcome(path, uid, None, Disposition.WARNING, f"{service} stored it, with an unreadable answer")


def _failed(service: WebService, path: Path, uid: str, response: requests.Response) -> SendOutcome:
    code = response.status_code
    if code in _NOT_AUTHORISED:
        raise AccessRefusedError(service, f"it refuses the credentials of this node (HTTP {code})")
    if code in _NO_SUCH_SERVICE:
        raise AccessRefusedError(service, f"there is no STOW-RS service under this URL (HTTP {code})")
    if code == _CONFLICT:
        try:
            return _outcome(service, path, uid, Dataset.from_json(response.json()))
        except (ValueError, TypeError, KeyError):
            pass  # It does not say why.
    transient = code in _TRY_AGAIN or code >= _SERVER_ERROR
    disposition = Disposition.TRANSIENT if transient else Disposition.PERMANENT
    return SendOutcome(path, uid, None, disposition, f"{service} answered HTTP {code}")


def _outcome(service: WebService, path: Path, uid: str, answer: Dataset) -> SendOutcome:
    """Read the Store Instances Response (PS3.18 I.2)."""
    for item in answer.get("FailedSOPSequence") or ():
        if item.get("ReferencedSOPInstanceUID") in (None, uid):
            reason = int(item.get("FailureReason") or 0x0110)
            return SendOutcome(
                path, uid, reason, store_disposition(reason), f"{service} answered {status_words(reason)}"
            )
    for item in answer.get("ReferencedSOPSequence") or ():
        warning = int(item.get("WarningReason") or 0)
        if item.get("ReferencedSOPInstanceUID") == uid and warning:
            words = f"{service} answered {status_words(warning)}"
            return SendOutcome(path, uid, warning, Disposition.WARNING, words)
    return SendOutcome(path, uid, 0x0000, Disposition.DELIVERED, "")


def _has(service: WebService, client: DICOMwebClient, instance: InstanceIdentity) -> bool:
    def search() -> bool:
        found = client.search_for_instances(
            instance.study_instance_uid,
            instance.series_instance_uid,
            search_filters={"SOPInstanceUID": instance.sop_instance_uid},
        )
        return any(instance.sop_instance_uid in item.get("00080018", {}).get("Value", []) for item in found)

    try:
        return _ask(service, search)
    except _NotFoundError:
        return False  # Some say so where they do not know the study or the series.


class _NotFoundError(PeerRefusedError):
    """HTTP 404."""


def _ask(service: WebService, question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except HTTPError as error:
        _refused(service, error)
    except (RequestException, OSError, *_UNREADABLE) as error:
        raise PeerError(service, _unreachable(error)) from error


def _refused(service: WebService, error: HTTPError) -> NoReturn:
    code = error.response.status_code
    if code in _NOT_AUTHORISED:
        raise AccessRefusedError(service, f"it refuses the credentials of this node (HTTP {code})") from error
    if code in _TRY_AGAIN or (code >= _SERVER_ERROR and code not in _NO_SUCH_SERVICE):
        raise PeerError(service, f"it answered a query with HTTP {code}") from error
    if code in _NO_SUCH_SERVICE:
        raise _NotFoundError(service, f"there is no QIDO-RS service under this URL (HTTP {code})") from error
    raise PeerRefusedError(service, f"it answered a query with HTTP {code}") from error


def _unreachable(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "no TLS connection with it; check its certificate and the authority"
    if isinstance(error, requests.exceptions.Timeout):
        return "it did not answer in time"
    if isinstance(error, _UNREADABLE):
        return "it answered a query with something that is no DICOM JSON"
    return "no DICOMweb service could be reached there"
