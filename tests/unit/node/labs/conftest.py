from collections.abc import Iterator

import pytest

from config.analytes import load_analytes
from node.labs.hl7_receiver import Hl7Receiver
from node.ledger.ledger import Ledger
from tests.unit.node.labs.fhir_server import FhirServer, observation, patient, serving
from tests.unit.node.labs.receiving import NOW


@pytest.fixture
def receiver(ledger: Ledger) -> Hl7Receiver:
    return Hl7Receiver(ledger.labs, load_analytes(), "HOSP", lambda: NOW)


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with serving() as running:
        running.resources = [patient("7", "P1"), observation("o1", "7")]
        yield running
