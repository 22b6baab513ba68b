"""Store instances at a DICOMweb service (STOW-RS, PS3.18 10.5)."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from requests.exceptions import HTTPError, RequestException

from dicom_io.network.identity import UnreadableInstanceError, read_file_identity
from dicom_io.network.requestor import AccessRefusedError, PeerError
from dicom_io.network.status import Disposition, status_words, store_disposition
from dicom_io.network.storage_scu import SendOutcome
from dicom_io.network.web_service import (
    ANSWER_TIMEOUT_S,
    NO_SUCH_SERVICE,
    NOT_AUTHORISED,
    SERVER_ERROR,
    TRY_AGAIN,
    UNREADABLE,
    WebService,
    ask,
    open_client,
    open_session,
    unreachable,
)

_CONFLICT = 409
"""All instances failed; the payload says why (PS3.18 10.5.3)."""
_NOTHING = 'multipart/related; type="application/dicom"; boundary=nothing'


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
    client = open_client(service, answers)
    for path in paths:
        outcome = _store(service, client, path, answers)
        if not go_on(outcome):
            return


def offers_storage(service: WebService) -> bool:
    """Return whether there is STOW-RS, asked by a request to store that holds no instance.

    Raises
    ------
    PeerError
        The service cannot be reached.
    AccessRefusedError
        It refuses the credentials.
    """
    session = open_session(service)  # The client sends no request without an instance.

    def post() -> int:
        headers = {"Content-Type": _NOTHING, "Accept": "application/dicom+json"}
        answer = session.post(
            f"{service.url}/studies", data=b"--nothing--\r\n", headers=headers, timeout=ANSWER_TIMEOUT_S
        )
        return answer.status_code

    code = ask(service, post)
    if code in NOT_AUTHORISED:
        raise AccessRefusedError(service, f"it refuses the credentials of this node (HTTP {code})")
    return code not in NO_SUCH_SERVICE


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
            raise PeerError(service, unreachable(error)) from error
        return SendOutcome(path, uid, None, Disposition.TRANSIENT, f"{service}: {unreachable(error)}")
    except UNREADABLE:
        if len(answers) == known:
            raise  # Nothing was sent.
        return _unreadable_answer(service, path, uid)
    return _outcome(service, path, uid, answer)


def _unreadable_answer(service: WebService, path: Path, uid: str) -> SendOutcome:
    # HTTP said Success; a query will tell whether that is true.
    return SendOutcome(path, uid, None, Disposition.WARNING, f"{service} stored it, with an unreadable answer")


def _failed(service: WebService, path: Path, uid: str, response: requests.Response) -> SendOutcome:
    code = response.status_code
    if code in NOT_AUTHORISED:
        raise AccessRefusedError(service, f"it refuses the credentials of this node (HTTP {code})")
    if code in NO_SUCH_SERVICE:
        raise AccessRefusedError(service, f"there is no STOW-RS service under this URL (HTTP {code})")
    if code == _CONFLICT:
        try:
            return _outcome(service, path, uid, Dataset.from_json(response.json()))
        except (ValueError, TypeError, KeyError):
            pass  # It does not say why.
    transient = code in TRY_AGAIN or code >= SERVER_ERROR
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
