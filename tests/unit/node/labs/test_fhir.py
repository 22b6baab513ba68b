"""Values pulled from a FHIR server: of the patient asked for and no other, all of them or a sentence why not."""

import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from config.analytes import load_analytes
from config.errors import ConfigError
from config.settings import LabsSection
from node.labs.fhir_bundle import FhirError
from node.labs.fhir_client import FhirClient, make_client
from node.labs.fhir_pull import AMBIGUOUS, NO_ANSWER, UNREADABLE, FhirPull
from node.labs.observation import PatientIdentity
from node.ledger.lab_records import LabState
from node.ledger.ledger import Ledger
from node.states import Event
from pipeline.study import Analyte
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, take
from tests.unit.node.labs.fhir_server import (
    Behaviour,
    FhirServer,
    Resource,
    answer,
    bundle,
    observation,
    patient,
    serving,
)

P1 = PatientIdentity("P1", "HOSP")
CODES = ["http://loinc.org|1920-8"]


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with serving() as running:
        running.resources = [patient("7", "P1"), observation("o1", "7")]
        yield running


def client(server: FhirServer, *, timeout_s: float = 10.0, bearer: str = "") -> FhirClient:
    return FhirClient(server.url, identifier_system="urn:hosp", timeout_s=timeout_s, token=bearer)


def pull(server: FhirServer, ledger: Ledger) -> FhirPull:
    return FhirPull(client(server), ledger, load_analytes(), "hosp")


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


def test_fetch_when_values_are_sound_then_they_are_kept_with_their_provenance(
    server: FhirServer, ledger: Ledger
) -> None:
    protein = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "2885-2"}], "text": "Total protein"},
        "valueQuantity": {"value": 7.1, "unit": "g/dl"},
    }
    antibody = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "13952-7", "display": "HBc Ab"}]},
        "valueQuantity": None,
        "valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative"}]},
        "effectiveDateTime": None,
        "effectivePeriod": {"start": "2026-02-01"},
    }
    server.resources += [observation("o2", "7", **protein), observation("o3", "7", **antibody)]
    assert pull(server, ledger).fetch(P1) == ()
    found = {row.analyte: row for row in ledger.labs.values(P1)}
    assert {name: row.value for name, row in found.items()} == pytest.approx(
        {"ast_u_per_l": 41.0, "total_protein_g_per_l": 71.0, "hbcab_positive": 0.0}
    )
    row = found["total_protein_g_per_l"]
    assert row.collected_at == "2026-02-01T08:30:00+01:00"
    assert (row.source, row.sender, row.message_id) == ("fhir", server.url, "Observation/o2/_history/1")
    assert (row.original_value, row.original_unit, row.collected_at) == (
        "7.1",
        "g/dl",
        "2026-02-01T08:30:00+01:00",
    )


@pytest.mark.parametrize("status", ["preliminary", "registered", "unknown"])
def test_fetch_when_a_result_is_not_final_then_is_not_kept(
    server: FhirServer, ledger: Ledger, status: str
) -> None:
    server.resources[1] = observation("o1", "7", status=status)
    pull(server, ledger).fetch(P1)
    assert ledger.labs.values() == ()


def test_fetch_when_asked_again_then_nothing_is_doubled_and_changes_are_taken(
    server: FhirServer, ledger: Ledger
) -> None:
    asking = pull(server, ledger)
    for _ in range(2):
        asking.fetch(P1)
    assert len(ledger.labs.values(P1)) == 1
    amended = {"meta": {"versionId": "2"}, "status": "amended", "valueQuantity": {"value": 44, "unit": "U/L"}}
    server.resources[1] = observation("o1", "7", **amended)
    asking.fetch(P1)
    assert [row.value for row in ledger.labs.values(P1)] == [44]
    server.resources[1] = observation("o1", "7", status="entered-in-error")
    asking.fetch(P1)
    assert ledger.labs.values(P1) == ()
    assert [row.value for row in ledger.labs.values(P1, states=[LabState.WITHDRAWN])] == [44]


@pytest.mark.parametrize("status", ["final", "corrected"])
def test_fetch_when_a_value_goes_and_comes_back_without_a_version_then_the_last_counts(
    server: FhirServer, ledger: Ledger, status: str
) -> None:
    asking = pull(server, ledger)
    for number, said in ((41, "final"), (50, status), (41, "final"), (41, "final"), (50, status)):
        quantity = {"value": number, "unit": "U/L"}
        server.resources[1] = observation("o1", "7", meta={}, status=said, valueQuantity=quantity)
        asking.fetch(P1)
        assert [row.value for row in ledger.labs.values(P1)] == [number]


@pytest.mark.parametrize(
    ("changed", "warnings"),
    [
        ({"status": "corrected", "valueQuantity": None}, ()),
        ({"status": "amended", "valueQuantity": {"value": "44", "unit": "U/L"}}, (UNREADABLE,)),
        ({"status": "entered-in-error", "valueQuantity": "44"}, (UNREADABLE,)),
    ],
)
def test_fetch_when_a_correction_cannot_be_read_then_the_old_value_is_withdrawn(
    server: FhirServer, ledger: Ledger, changed: Resource, warnings: tuple[str, ...]
) -> None:
    asking = pull(server, ledger)
    asking.fetch(P1)
    server.resources[1] = observation("o1", "7", meta={}, **changed)
    assert asking.fetch(P1) == warnings
    assert ledger.labs.values(P1) == ()
    assert [row.value for row in ledger.labs.values(P1, states=[LabState.WITHDRAWN])] == [41]


def test_fetch_when_a_value_is_off_the_scale_then_it_is_a_bound(server: FhirServer, ledger: Ledger) -> None:
    server.resources[1] = observation("o1", "7", interpretation=[{"coding": [{"code": "<"}]}])
    pull(server, ledger).fetch(P1)
    assert [(row.comparator, row.value) for row in ledger.labs.values(P1)] == [("<", 41)]


def test_fetch_when_a_value_contradicts_itself_then_it_is_refused_once(server: FhirServer, ledger: Ledger) -> None:
    wrong = {"coding": [{"system": "http://loinc.org", "code": "2324-2", "display": "ALT"}]}
    server.resources[1] = observation("o1", "7", code=wrong)
    for _ in range(2):
        pull(server, ledger).fetch(P1)
    assert [refusal.code for refusal in ledger.labs.refusals(P1)] == ["LAB-TEXT"]


@pytest.mark.parametrize(
    "malformed",
    [
        {"code": "1920-8"},
        {"code": {"coding": ["1920-8"]}},
        {"status": ["final"]},
        {"valueQuantity": "41 U/L"},
        {"valueQuantity": {"value": "41", "unit": "U/L"}},
        {"valueQuantity": {"value": True, "unit": "U/L"}},
        {"valueQuantity": {"value": 41, "unit": ["U/L"]}},
        {"effectiveDateTime": 20260201},
        {"meta": []},
    ],
)
def test_fetch_when_a_result_is_malformed_then_the_others_are_taken_and_the_report_says_so(
    server: FhirServer, ledger: Ledger, malformed: Mapping[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    sound = {"code": {"coding": [{"system": "http://loinc.org", "code": "2324-2", "display": "GGT"}]}}
    server.resources[1:] = [observation("o1", "7", **malformed), observation("o2", "7", **sound)]
    assert pull(server, ledger).fetch(P1) == (UNREADABLE,)
    assert [row.analyte for row in ledger.labs.values(P1)] == ["ggt_u_per_l"]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "malformed" in line
    assert "41" not in line


def test_fetch_when_the_patient_is_of_another_issuer_then_the_server_is_not_asked(
    server: FhirServer, ledger: Ledger
) -> None:
    assert pull(server, ledger).fetch(PatientIdentity("P1", "CLINIC")) == ()
    assert server.asked == []


def test_fetch_when_the_server_fails_then_says_so_for_the_report(
    server: FhirServer, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    server.behaviour = lambda handler, _: answer(handler, 503, {})
    assert pull(server, ledger).fetch(P1) == (NO_ANSWER,)
    assert "HTTP 503" in caplog.text
    assert "P1" not in caplog.text


LOGICAL = observation("o2", "", subject={"identifier": {"system": "urn:clinic", "value": "P1"}})


@pytest.mark.parametrize(
    ("system", "more", "taken", "warnings", "told"),
    [
        ("", [], 1, (), False),
        ("", [patient("7", "P1")], 1, (), False),
        ("", [patient("8", "P1", system="urn:clinic"), observation("o2", "8")], 0, (AMBIGUOUS,), True),
        ("", [LOGICAL], 0, (AMBIGUOUS,), True),
        ("urn:hosp", [patient("8", "P1"), observation("o2", "8")], 0, (AMBIGUOUS,), True),
        ("urn:hosp", [patient("8", "P1", system="urn:clinic"), observation("o2", "8")], 1, (), True),
        ("urn:clinic", [], 0, (), True),
    ],
)
def test_fetch_when_several_patients_have_the_identifier_then_nothing_is_taken_and_it_is_said(
    server: FhirServer,
    ledger: Ledger,
    system: str,
    more: Sequence[Resource],
    taken: int,
    warnings: tuple[str, ...],
    told: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.resources += more
    asking = FhirPull(FhirClient(server.url, identifier_system=system), ledger, load_analytes(), "hosp")
    assert asking.fetch(P1) == warnings
    assert len(ledger.labs.values()) == taken
    assert bool(caplog.records) is told
    assert "P1" not in caplog.text


def test_fetch_late_when_a_value_may_still_change_the_result_then_asks_until_the_wait_is_over(
    server: FhirServer, ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    ledger.lab_uses.begin(STUDY, claim.generation, P1, date(2026, 2, 28))
    # Complete or not: the server may know of a correction.
    ledger.lab_uses.end(STUDY, dict.fromkeys(Analyte, 1), has_risk=True)
    ledger.work.finish(claim, Event.ANALYSED, objects=(), destinations=())
    asking = pull(server, ledger)
    assert asking.fetch_late(1.0) == 1
    assert [use.study_instance_uid for use in ledger.lab_uses.changed()] == [STUDY]
    clock.advance(3601)
    assert asking.fetch_late(1.0) == 0
