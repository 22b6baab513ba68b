"""A client of the FHIR server of the tests, and what asks it."""

from config.analytes import load_analytes
from node.labs.fhir_client import FhirClient
from node.labs.fhir_pull import FhirPull
from node.labs.observation import PatientIdentity
from node.ledger.ledger import Ledger
from tests.unit.node.labs.fhir_server import FhirServer

P1 = PatientIdentity("P1", "HOSP")
CODES = ["http://loinc.org|1920-8"]


def client(server: FhirServer, *, timeout_s: float = 10.0, bearer: str = "") -> FhirClient:
    return FhirClient(server.url, identifier_system="urn:hosp", timeout_s=timeout_s, token=bearer)


def pull(server: FhirServer, ledger: Ledger) -> FhirPull:
    return FhirPull(client(server), ledger, load_analytes(), "hosp")
