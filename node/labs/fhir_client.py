"""Observations from a FHIR R4 server by patient identifier: time-outs, paging, and one sentence where it fails."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from decimal import Decimal
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from config.errors import ConfigError
from config.sections.labs import LabsSection
from node.labs.fhir_bundle import FhirError, FhirUnreachableError, observations_of
from node.labs.fhir_shape import Element as Resource
from node.labs.fhir_shape import ShapeError, objects_of, text_of

PAGE: Final = 100
MAXIMUM_PAGES: Final = 20
MAXIMUM_BYTES: Final = 10_000_000
_CHUNK: Final = 65536
NO_SYSTEM: Final = (
    "labs.fhir_identifier_system is empty: values count only where one patient alone has the identifier; set it"
)
"""Advice of `doctor` and `config check`."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead the token and the patient's identifier to another server."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


class FhirClient:
    """One server.

    Parameters
    ----------
    base
        Address of the server.
    identifier_system
        Of patient identifiers there; empty: the identifier alone is asked for.
    token
        Bearer token; empty: none is sent.
    timeout_s
        Of one request from its first byte to its last.
    """

    def __init__(
        self,
        base: str,
        *,
        identifier_system: str = "",
        token: str = "",
        context: ssl.SSLContext | None = None,
        timeout_s: float = 15.0,
    ) -> None:
        self.base = base.rstrip("/")
        self._system = identifier_system
        self._token = token
        self._timeout_s = timeout_s
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def observations(self, patient_id: str, codes: Sequence[str]) -> list[Resource]:
        """Return the Observations of one patient, and of no other, whatever the server sends along.

        Parameters
        ----------
        codes
            Search tokens, ``http://loinc.org|1920-8``.

        Raises
        ------
        FhirError
            Any page fails: half an answer is none.
        """
        token = f"{self._system}|{patient_id}" if self._system else patient_id
        query = {
            "patient.identifier": token,
            "code": ",".join(codes),
            "_include": "Observation:patient",
            "_count": str(PAGE),
        }
        try:
            entries = list(self._pages(f"{self.base}/Observation?{urlencode(query)}"))
            return observations_of(entries, patient_id, self._system)
        except ShapeError as error:
            raise FhirError(f"the answer of the FHIR server cannot be read: {error}") from error

    def capability(self) -> Resource:
        """Return what the server says of itself.

        Raises
        ------
        FhirError
            It does not answer, or with something else.
        """
        found = self._get(f"{self.base}/metadata")
        if found.get("resourceType") != "CapabilityStatement":
            raise FhirError("the FHIR server did not answer with a CapabilityStatement")
        return found

    def _pages(self, url: str) -> Iterator[Resource]:
        for _ in range(MAXIMUM_PAGES):
            bundle = self._get(url)
            if bundle.get("resourceType") != "Bundle":
                raise FhirError("the FHIR server did not answer with a Bundle")
            yield from objects_of(bundle, "entry")
            links = {text_of(link, "relation"): text_of(link, "url") for link in objects_of(bundle, "link")}
            if not links.get("next"):
                return
            url = urljoin(url, links["next"])
            if urlsplit(url)[:2] != urlsplit(self.base)[:2]:
                raise FhirError("the FHIR server continues its answer on another server")
        raise FhirError(f"the answer of the FHIR server has more than {MAXIMUM_PAGES} pages")

    def _get(self, url: str) -> Resource:
        headers = {"Accept": "application/fhir+json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the settings allow http and https only
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                content = _read(response, time.monotonic() + self._timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            raise FhirError(f"the FHIR server answered HTTP {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            kind = "no answer in time" if isinstance(reason, TimeoutError) else type(reason).__name__
            raise FhirUnreachableError(f"the FHIR server cannot be reached: {kind}") from error
        return _document(content)


def make_client(labs: LabsSection) -> FhirClient | None:
    """Return the client of the settings, None where no server is named.

    Raises
    ------
    ConfigError
        The token or the certificates cannot be read.
    """
    if not labs.fhir_url:
        return None
    return FhirClient(
        labs.fhir_url,
        identifier_system=labs.fhir_identifier_system,
        token=_token(labs.fhir_token_file),
        context=_trust(labs.fhir_ca),
        timeout_s=labs.fhir_timeout_s,
    )


def _token(path: str) -> str:
    if not path:
        return ""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        because = (error.strerror or str(error)).lower()
        raise ConfigError([f"labs.fhir_token_file: {path} cannot be read: {because}"]) from error
    except UnicodeDecodeError:
        token = ""
    if not token.isprintable() or not token:
        raise ConfigError([f"labs.fhir_token_file: {path} must hold one line, the token alone"])
    return token


def _trust(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path or None)
    except OSError as error:  # Also ssl.SSLError: no certificate in the file.
        because = "it holds no certificate" if isinstance(error, ssl.SSLError) else (error.strerror or "").lower()
        raise ConfigError([f"labs.fhir_ca: {path} cannot be read: {because}"]) from error


def _read(response: HTTPResponse, until_s: float) -> bytes:
    content = bytearray()
    # As much as has arrived: a server that sends byte by byte must not hold a worker.
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > MAXIMUM_BYTES:
            raise FhirError("the answer of the FHIR server is too long")
        if time.monotonic() > until_s:
            raise FhirUnreachableError("the FHIR server gave no whole answer in time")
    return bytes(content)


def _document(content: bytes) -> Resource:
    try:
        # Decimals stay as they were written: 7.10 is not a binary fraction.
        document = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise FhirError("the FHIR server did not answer with JSON") from error
    return document if isinstance(document, dict) else {}
