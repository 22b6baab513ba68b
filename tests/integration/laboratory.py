"""A laboratory around a running node: a FHIR server that knows some values, a sender over mutual TLS."""

import csv
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.orthanc import free_port
from tests.integration.service import LOOPBACK
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.node.labs.fhir_server import FhirServer, Resource, observation, patient, serving
from tests.unit.node.labs.hl7_samples import PANEL, panel
from tests.unit.node.labs.sender import Sender, code_of
from tests.unit.node.labs.test_mllp import client_context

ISSUER, SYSTEM = "HOSP", "urn:hosp"
LATE = "fibrinogen_g_per_l"
"""What the FHIR server does not know, and the laboratory sends over HL7 afterwards."""
MESSAGE_ID = "LATE-1"


@dataclass(frozen=True)
class Laboratory:
    """What the laboratory knows of one phantom.

    Parameters
    ----------
    values
        By analyte, in the unit of its name.
    day
        Of the specimen, ISO 8601.
    port
        Of the node's listener for TLS.
    known, stranger
        TLS of a sender whose certificate the node trusts, and of one without a certificate.
    """

    patient_id: str
    values: Mapping[str, float]
    day: str
    server: FhirServer
    port: int
    known: ssl.SSLContext
    stranger: ssl.SSLContext

    @property
    def as_sent(self) -> str:
        """What the message says of it, in mg/dL."""
        return f"{self.values[LATE] * 100:.8g}"

    def rest(self) -> bytes:
        """Return the message with what the server does not know, in another unit."""
        return panel(
            MESSAGE_ID,
            f"{self.patient_id}^^^{ISSUER}^MR",
            taken=self.day.replace("-", "") + "0830",
            values={LATE: self.as_sent},
        )

    def send(self, message: bytes, tls: ssl.SSLContext) -> str:
        """Send a message and return its acknowledgement."""
        with Sender(self.port, tls) as sender:
            return code_of(sender.ask(message))


@contextmanager
def laboratory(folder: Path, truth: Path) -> Iterator[Laboratory]:
    """Set the environment of a node that listens to this laboratory and asks its server.

    Parameters
    ----------
    truth
        ``labs.csv`` of the phantom.
    """
    with truth.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    values = {row["analyte"]: float(row["value"]) for row in rows}
    patient_id, day = rows[0]["patient_id"], rows[0]["collected_on"]
    authority = new_authority(folder / "ca")
    own, sender = authority.issue("node"), authority.issue("laboratory")
    known, stranger = client_context(authority.certificate), client_context(authority.certificate)
    known.load_cert_chain(sender.certificate, sender.key)
    token, port = folder / "token", free_port()
    token.write_text("secret\n", encoding="utf-8")
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        server.resources = _resources(patient_id, day, values)
        server.page = 3
        keys = {
            "issuer": ISSUER, "host": LOOPBACK, "tls_port": port, "tls_certificate": own.certificate,
            "tls_key": own.key, "tls_client_ca": authority.certificate, "fhir_url": server.url,
            "fhir_identifier_system": SYSTEM, "fhir_token_file": token,
        }  # fmt: skip
        for key, value in keys.items():
            patch.setenv(f"MVI_NODE_LABS__{key.upper()}", str(value))
        yield Laboratory(patient_id, values, day, server, port, known, stranger)


def _resources(patient_id: str, day: str, values: Mapping[str, float]) -> list[Resource]:
    """Return all values but one, and beside them what must not be used."""
    sound = [_observation(analyte, "7", day, value) for analyte, value in values.items() if analyte != LATE]
    alt = {"coding": [{"system": "http://loinc.org", "code": "2324-2", "display": "ALT"}]}
    wrong = [
        {**_observation("ggt_u_per_l", "7", day, 999), "id": "wrong-code", "code": alt},
        {**_observation("ast_u_per_l", "7", "2020-01-01", 998), "id": "too-old"},
        {**_observation("ast_u_per_l", "8", day, 997), "id": "of-another"},
        {**_observation(LATE, "7", day, 3), "id": "not-final", "status": "preliminary"},
    ]
    return [patient("7", patient_id, SYSTEM), patient("8", patient_id, "urn:clinic"), *wrong, *sound]


def _observation(analyte: str, of: str, day: str, value: float) -> Resource:
    name, _, _, unit = PANEL[analyte]
    code, text, _ = name.split("^")
    unit = {"total_protein_g_per_l": "g/L", LATE: "g/L"}.get(analyte, unit)
    code_of_verdict, display = ("10828004", "Positive") if value else ("260385009", "Negative")
    return observation(
        analyte.replace("_", "-"),
        of,
        code={"coding": [{"system": "http://loinc.org", "code": code, "display": text}]},
        effectiveDateTime=f"{day}T08:30:00+01:00",
        valueQuantity={"value": value, "unit": unit} if unit else None,
        valueCodeableConcept=None if unit else {"coding": [{"code": code_of_verdict, "display": display}]},
    )
