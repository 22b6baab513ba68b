"""What `mvi-node doctor` says of the laboratory: rules, HL7 listener, FHIR server."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from config.analytes import analytes_in_force
from config.errors import NodeError
from config.sections.labs import LabsSection
from node.diagnosis.finding import Finding, Verdict, attempted, found, reached_at, why_not_free
from node.labs.fhir_bundle import FhirError, FhirUnreachableError
from node.labs.fhir_client import NO_SYSTEM, make_client
from node.labs.mllp_blocks import END, START
from node.labs.tls import server_context

PATIENCE_S: Final = 5.0
"""Somebody waits for the answer."""
_PROBE: Final = START + b"MSH|^~\\&|MVINODE|DOCTOR|||20260101||ORU^R01|DOCTOR|D|2.5.1\r" + END
"""A message for debugging (MSH-11 is D), which every listener answers with AR and keeps nothing of."""


def diagnose(labs: LabsSection) -> Iterator[Finding]:
    """Examine the rules of laboratory values, each port of the listener, and the server."""
    yield from attempted("analytes", lambda: found("analytes", lambda: _rules(labs)))
    yield from attempted("hl7", lambda: _listener(labs))
    yield from attempted("fhir", lambda: _fhir(labs))


def _rules(labs: LabsSection) -> str:
    return f"version {analytes_in_force(labs.analytes).version}"


def _listener(labs: LabsSection) -> Iterator[Finding]:
    if not (labs.port or labs.tls_port):
        yield Finding("hl7", Verdict.OK, "off: labs.port and labs.tls_port are 0")
    if labs.port:
        yield found("hl7", lambda: _port(labs, "port", _answers_hl7))
    if labs.tls_port:
        yield found("hl7 tls", lambda: _tls_port(labs))


def _tls_port(labs: LabsSection) -> str:
    server_context(labs)
    senders = (
        "senders need a certificate" if labs.tls_client_ca else "any sender is taken, labs.tls_client_ca is empty"
    )
    return f"{_port(labs, 'tls_port', _shows_certificate)}; {senders}"


def _port(labs: LabsSection, key: str, is_ours: Callable[[LabsSection], bool]) -> str:
    place = f"{labs.host}:{getattr(labs, key)}"
    because = why_not_free(labs.host, getattr(labs, key))
    if not because:
        return f"{place} is free; no node runs on it"
    if is_ours(labs):
        return f"answers on {place}"
    raise NodeError(
        f"{place} cannot be listened on ({because}), and no HL7 listener of this node answers there; "
        f"end what holds it, or choose another labs.{key}"
    )


def _answers_hl7(labs: LabsSection) -> bool:
    try:
        with socket.create_connection((reached_at(labs.host), labs.port), PATIENCE_S) as connection:
            connection.sendall(_PROBE)
            answer = b""
            while END not in answer and (data := connection.recv(4096)):
                answer += data
    except OSError:
        return False
    return b"MSA|AR|DOCTOR" in answer


def _shows_certificate(labs: LabsSection) -> bool:
    # Any certificate is looked at: the question is whether it is the one of the settings.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((reached_at(labs.host), labs.tls_port), PATIENCE_S) as connection,
            context.wrap_socket(connection) as secret,
        ):
            shown = secret.getpeercert(binary_form=True)
    except OSError:
        return False
    text = Path(labs.tls_certificate).read_text(encoding="ascii", errors="replace")
    end = "-----END CERTIFICATE-----"
    first = text[text.find("-----BEGIN CERTIFICATE-----") :].split(end)[0]
    return shown == ssl.PEM_cert_to_DER_cert(first + end)


def _fhir(labs: LabsSection) -> Finding:
    name = "fhir"
    try:
        client = make_client(labs.model_copy(update={"fhir_timeout_s": min(PATIENCE_S, labs.fhir_timeout_s)}))
        if client is None:
            return Finding(name, Verdict.OK, "off: labs.fhir_url is empty")
        version = str(client.capability().get("fhirVersion", "without a version"))[:20]
    except FhirUnreachableError as error:
        return Finding(name, Verdict.UNREACHABLE, f"{error}; reports say so, and it is asked again")
    except FhirError as error:
        return Finding(name, Verdict.FAILED, f"{error}; look at labs.fhir_url and labs.fhir_token_file")
    except NodeError as error:
        return Finding(name, Verdict.FAILED, str(error))
    if not version.startswith("4."):
        return Finding(name, Verdict.FAILED, f"{client.base} speaks FHIR {version}, and R4 (4.0) is needed")
    advice = "" if labs.fhir_identifier_system else f"; {NO_SYSTEM}"
    return Finding(name, Verdict.OK, f"{client.base} answers, FHIR {version}{advice}")
