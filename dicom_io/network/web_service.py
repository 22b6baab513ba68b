"""A DICOMweb service: how it is reached, and what its refusals mean (PS3.18)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import requests
from dicomweb_client.web import DICOMwebClient
from requests.adapters import HTTPAdapter
from requests.exceptions import HTTPError, RequestException

from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError
from dicom_io.network.tls import ClientTls, client_context

Answer = TypeVar("Answer")

CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S = 10.0, 120.0

NOT_AUTHORISED: Final = frozenset({401, 403})
NO_SUCH_SERVICE: Final = frozenset({404, 405, 501})
TRY_AGAIN: Final = frozenset({408, 425, 429})
SERVER_ERROR = 500
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)
"""What the client raises where an answer is no DICOM JSON."""


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


class NotFoundError(PeerRefusedError):
    """HTTP 404."""


class _OverTls(HTTPAdapter):
    """Opens HTTPS connections under the rules of associations: versions, ciphers, certificate, authority."""

    def __init__(self, tls: ClientTls) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        """Make the connections with our own context."""
        keywords["ssl_context"] = client_context(self._tls)
        if not self._tls.verify_host:
            # False, and not None, is how urllib3 is told to leave the name in the certificate alone.
            keywords["assert_hostname"] = False
        super().init_poolmanager(*arguments, **keywords)


def open_client(service: WebService, answers: list[int] | None = None) -> DICOMwebClient:
    """Return a client that tries everything once: the outbox knows when to try again.

    Parameters
    ----------
    answers
        Gets the HTTP status of each answer.

    Raises
    ------
    AccessRefusedError
        The file with the credentials cannot be read.
    """
    session = open_session(service)
    if answers is not None:
        session.hooks["response"].append(lambda response, **_: answers.append(response.status_code))
    client = DICOMwebClient(service.url, session, timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S))
    client.set_http_retry_params(retry=False, max_attempts=1)
    return client


def open_session(service: WebService) -> requests.Session:
    """Return what HTTP requests to the service are sent by: with its credentials, over TLS where it is set.

    Raises
    ------
    AccessRefusedError
        The file with the credentials cannot be read.
    """
    session = requests.Session()
    if service.authorization_file is not None:
        try:
            session.headers["Authorization"] = service.authorization_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            because = f"the file with its credentials cannot be read ({type(error).__name__})"
            raise AccessRefusedError(service, because) from error
    if service.tls is not None:
        session.mount("https://", _OverTls(service.tls))
        # Otherwise the authorities that come with requests would be trusted besides.
        session.verify = str(service.tls.files.authority)
    return session


def ask(service: WebService, question: Callable[[], Answer]) -> Answer:
    """Ask a question that may be repeated, and translate every way to fail.

    Raises
    ------
    PeerError
        The service cannot be reached, or does not answer now.
    AccessRefusedError
        It refuses the credentials.
    PeerRefusedError
        It has no such service, or refuses the question.
    """
    try:
        return question()
    except HTTPError as error:
        _refused(service, error)
    except (RequestException, OSError, *UNREADABLE) as error:
        raise PeerError(service, unreachable(error)) from error


def _refused(service: WebService, error: HTTPError) -> NoReturn:
    code = error.response.status_code
    if code in NOT_AUTHORISED:
        raise AccessRefusedError(service, f"it refuses the credentials of this node (HTTP {code})") from error
    if code in TRY_AGAIN or (code >= SERVER_ERROR and code not in NO_SUCH_SERVICE):
        raise PeerError(service, f"it answered a query with HTTP {code}") from error
    if code in NO_SUCH_SERVICE:
        raise NotFoundError(service, f"there is no QIDO-RS service under this URL (HTTP {code})") from error
    raise PeerRefusedError(service, f"it answered a query with HTTP {code}") from error


def unreachable(error: Exception) -> str:
    """Say why a service could not be asked."""
    if isinstance(error, requests.exceptions.SSLError):
        return "no TLS connection with it; check its certificate and ours, and the authority of both"
    if isinstance(error, requests.exceptions.Timeout):
        return "it did not answer in time"
    if isinstance(error, UNREADABLE):
        return "it answered a query with something that is no DICOM JSON"
    return "no DICOMweb service could be reached there"
