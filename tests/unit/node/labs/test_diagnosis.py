"""What `doctor` says of the laboratory: off, free, answering, held by something else, refusing, away."""

from pathlib import Path

import pytest

from config.sections.labs import LabsSection
from node.diagnosis.finding import Finding, Verdict
from node.labs.diagnosis import diagnose
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.labs.fhir_server import answer, serving
from tests.unit.node.labs.listening import LOOPBACK, free_port, listening


def findings(**labs: object) -> dict[str, Finding]:
    return {finding.name: finding for finding in diagnose(LabsSection.model_validate(labs))}


def test_diagnose_when_nothing_is_wanted_then_says_which_keys_turn_it_on() -> None:
    found = findings()
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert "labs.port" in found["hl7"].detail
    assert "labs.fhir_url" in found["fhir"].detail


def test_diagnose_when_the_rules_of_the_site_are_wrong_then_names_the_file(tmp_path: Path) -> None:
    found = findings(analytes=str(tmp_path / "absent.toml"))["analytes"]
    assert (found.verdict, "absent.toml" in found.detail) == (Verdict.FAILED, True)


def test_listener_when_it_runs_then_both_its_ports_answer_and_nothing_is_entered(tmp_path: Path) -> None:
    files = new_authority(tmp_path / "ca").issue("localhost")
    tls = {"tls_port": free_port(), "tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    with listening(tmp_path, **tls) as process:
        labs = process.settings.labs
        found = {finding.name: finding for finding in diagnose(labs)}
        assert (found["hl7"].verdict, found["hl7 tls"].verdict) == (Verdict.OK, Verdict.OK)
        assert found["hl7"].detail == f"answers on {LOOPBACK}:{labs.port}"
        assert found["hl7 tls"].detail.startswith(f"answers on {LOOPBACK}:{labs.tls_port}; any sender")
        assert process.answers() == {"AA": 0, "AE": 0, "AR": 1, "none": 0, "dropped": 0}


def test_listener_when_its_port_is_free_or_held_by_another_then_each_is_said(tmp_path: Path) -> None:
    assert "is free" in findings(port=free_port())["hl7"].detail
    files = new_authority(tmp_path / "ca").issue("localhost")
    with serving() as other:  # A web server: it answers, and not as a listener.
        port = int(other.url.split(":")[2].split("/")[0])
        tls = {"tls_port": port, "tls_certificate": str(files.certificate), "tls_key": str(files.key)}
        found = findings(port=port, **tls)
    assert (found["hl7"].verdict, found["hl7 tls"].verdict) == (Verdict.FAILED, Verdict.FAILED)
    assert "another labs.port" in found["hl7"].detail
    assert "another labs.tls_port" in found["hl7 tls"].detail


def test_fhir_when_it_answers_refuses_or_is_of_another_version_then_each_is_said() -> None:
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    with serving() as server:
        server.behaviour = lambda handler, _: answer(handler, 200, statement)
        assert findings(fhir_url=server.url, fhir_identifier_system="urn:hosp")["fhir"] == Finding(
            "fhir", Verdict.OK, f"{server.url} answers, FHIR 4.0.1"
        )
        assert "fhir_identifier_system is empty" in findings(fhir_url=server.url)["fhir"].detail
        server.behaviour = lambda handler, _: answer(handler, 200, {**statement, "fhirVersion": "3.0.2"})
        assert "FHIR 3.0.2" in findings(fhir_url=server.url)["fhir"].detail
        server.behaviour = lambda handler, _: answer(handler, 401, {})
        refused = findings(fhir_url=server.url)["fhir"]
        assert (refused.verdict, "labs.fhir_token_file" in refused.detail) == (Verdict.FAILED, True)
        server.behaviour = lambda handler, _: answer(handler, 200, b"<html>")
        assert findings(fhir_url=server.url)["fhir"].verdict is Verdict.FAILED


@pytest.mark.parametrize("key", ["fhir_token_file", "fhir_ca"])
def test_fhir_when_nobody_answers_or_a_file_is_absent_then_each_is_said(tmp_path: Path, key: str) -> None:
    url = f"http://{LOOPBACK}:{free_port()}/fhir"
    assert findings(fhir_url=url)["fhir"].verdict is Verdict.UNREACHABLE
    absent = findings(fhir_url=url, **{key: str(tmp_path / "absent")})["fhir"]
    assert (absent.verdict, key in absent.detail) == (Verdict.FAILED, True)
