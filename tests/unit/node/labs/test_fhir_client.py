"""Asking a FHIR server: paging, time-outs, TLS, and one sentence where it fails."""

import ssl
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.sections.labs import LabsSection
from node.labs.fhir_bundle import FhirError
from node.labs.fhir_client import FhirClient, make_client
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.labs.fhir_asking import CODES, client
from tests.unit.node.labs.fhir_server import (
    Behaviour,
    FhirServer,
    answer,
    bundle,
    observation,
    patient,
    serving,
)


def ids(server: FhirServer) -> list[str]:
    return [str(item["id"]) for item in client(server).observations("P1", CODES)]


def test_observations_when_asked_then_the_query_names_patient_and_codes(server: FhirServer) -> None:
    assert [item["id"] for item in client(server, bearer="secret").observations("P1", CODES)] == ["o1"]
    (query,) = server.asked
    assert (query["patient.identifier"], query["code"]) == (["urn:hosp|P1"], CODES)
    assert server.tokens == ["Bearer secret"]


def test_observations_when_there_are_pages_then_all_are_read(server: FhirServer) -> None:
    server.resources = [patient("7", "P1"), *(observation(f"o{number}", "7") for number in range(7))]
    server.page = 3
    assert ids(server) == [f"o{number}" for number in range(7)]
    assert len(server.asked) == 3


def test_observations_when_the_server_sends_others_along_then_they_are_left_out(server: FhirServer) -> None:
    server.resources = [
        patient("7", "P1"),
        patient("8", "P1", system="urn:clinic"),
        patient("9", "P2"),
        *(observation(f"o{number}", str(number)) for number in (7, 8, 9, 10)),
        observation("x1", "", subject={"identifier": {"system": "urn:hosp", "value": "P1"}}),
        observation("x2", "", subject={"identifier": {"system": "urn:clinic", "value": "P1"}}),
        observation("x3", "", subject={"display": "Jane Doe"}),
        observation("x4", "", subject={}),
    ]
    assert ids(server) == ["o7", "x1"]


def stall(handler: BaseHTTPRequestHandler, _query: object) -> bool:
    time.sleep(1)
    return answer(handler, 200, bundle([]))


def drip(handler: BaseHTTPRequestHandler, _query: object) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Length", "9000000")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" " * 100)
        handler.wfile.flush()
        time.sleep(0.02)
    return True


def moved(handler: BaseHTTPRequestHandler, _query: object) -> bool:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:9/fhir")
    handler.send_header("Content-Length", "0")
    handler.end_headers()
    return True


NOT_WHOLE = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "of P1"}]}


@pytest.mark.parametrize(
    ("behaviour", "because"),
    [
        (lambda handler, _: answer(handler, 401, {}), "HTTP 401"),
        (lambda handler, _: answer(handler, 500, b"oops"), "HTTP 500"),
        (moved, "HTTP 302"),
        (lambda handler, _: answer(handler, 200, b"<html>"), "JSON"),
        (lambda handler, _: answer(handler, 200, {"resourceType": "OperationOutcome"}), "Bundle"),
        (lambda handler, _: answer(handler, 200, b"[]"), "Bundle"),
        (lambda handler, _: answer(handler, 200, b'{"resourceType": "Bun'), "JSON"),
        (lambda handler, _: answer(handler, 200, {**bundle([]), "entry": {"resource": {}}}), "element entry"),
        (lambda handler, _: answer(handler, 200, {**bundle([]), "entry": ["P1"]}), "element entry"),
        (lambda handler, _: answer(handler, 200, {**bundle([]), "link": [{"relation": 1}]}), "element relation"),
        (
            lambda handler, _: answer(handler, 200, bundle([{**observation("o1", "7"), "subject": "P1"}])),
            "subject",
        ),
        (lambda handler, _: answer(handler, 200, bundle([NOT_WHOLE])), "not whole"),
        (lambda handler, _: answer(handler, 200, bundle([], "http://127.0.0.1:9/x")), "another server"),
        (lambda handler, _: answer(handler, 200, bundle([], "/fhir/Observation?again=1")), "pages"),
        (stall, "no answer in time"),
        (drip, "in time"),
    ],
)
def test_observations_when_the_server_fails_then_is_one_sentence(
    server: FhirServer, behaviour: Behaviour, because: str
) -> None:
    server.behaviour = behaviour
    with pytest.raises(FhirError, match=because) as caught:
        client(server, timeout_s=0.3).observations("P1", CODES)
    assert "P1" not in str(caught.value)


def test_observations_when_nobody_listens_then_is_one_sentence(server: FhirServer) -> None:
    with pytest.raises(FhirError, match="cannot be reached: ConnectionRefusedError"):
        FhirClient("http://127.0.0.1:9/fhir", timeout_s=2).observations("P1", CODES)


def test_observations_when_the_server_speaks_tls_then_only_one_of_our_authority_is_believed(
    tmp_path: Path,
) -> None:
    files = new_authority(tmp_path / "ca").issue("fhir")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files.certificate, files.key)
    with serving(tls) as server:
        server.resources = [patient("7", "P1"), observation("o1", "7")]
        ours = LabsSection(fhir_url=server.url, fhir_ca=str(files.authority), fhir_identifier_system="urn:hosp")
        asking = make_client(ours)
        assert asking is not None
        assert [item["id"] for item in asking.observations("P1", CODES)] == ["o1"]
        stranger = make_client(ours.model_copy(update={"fhir_ca": ""}))
        assert stranger is not None
        with pytest.raises(FhirError, match="cannot be reached: SSLCertVerificationError"):
            stranger.observations("P1", CODES)


@pytest.mark.parametrize(
    ("key", "content", "because"),
    [
        ("fhir_token_file", None, "cannot be read: no such file"),
        ("fhir_token_file", b"", "one line"),
        ("fhir_token_file", b"secret\nX-Other: header", "one line"),
        ("fhir_token_file", b"\xff\xfe", "one line"),
        ("fhir_ca", None, "cannot be read: no such file"),
        ("fhir_ca", b"no certificate", "holds no certificate"),
    ],
)
def test_client_when_a_file_cannot_be_used_then_names_its_key(
    tmp_path: Path, key: str, content: bytes | None, because: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    labs = LabsSection.model_validate({"fhir_url": "https://localhost/fhir", key: str(path)})
    with pytest.raises(ConfigError, match=f"labs.{key}: .*{because}") as caught:
        make_client(labs)
    assert "secret" not in str(caught.value)
