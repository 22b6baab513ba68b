"""What the tests of the outbox and of confirmations ask and do of all deliveries of one peer."""

from node.ledger.delivery_records import DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind
from tests.unit.node.doubles import STUDY


def states(ledger: Ledger, destination: str = "pacs") -> list[DeliveryState]:
    found = [item for item in ledger.outbox.of_study(STUDY) if item.destination == destination]
    return [item.state for item in sorted(found, key=lambda item: list(ObjectKind).index(item.kind))]


def store_all(ledger: Ledger, destination: str) -> None:
    for item in ledger.outbox.due(destination):
        ledger.outbox.stored(item)
