"""What the queue says about deliveries: what has not reached which peer, why, and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

from node.ledger.delivery_records import Contact, Delivery, DeliveryState
from node.studies.report import as_json_value

_SENDING = "nothing: it is sent when its turn comes"
_TO_DO: Mapping[DeliveryState, str] = {
    DeliveryState.STORED: "nothing: the peer stored it and is asked to confirm it",
    DeliveryState.UNCONFIRMED: "look at the peer whether it is there: the peer offers no way to ask",
    DeliveryState.REFUSED: (
        "mend the peer (`mvi-node peers probe {peer}` says what it takes), "
        "then run `mvi-node studies retry {study}`; "
        "or leave it out with `outputs`"
    ),
}
_UNREACHABLE = (
    "see that the peer runs and can be reached: `mvi-node peers echo {peer}`; it is tried again by itself"
)
_PARKED = (
    "let the peer accept this node, then run `mvi-node peers echo {peer}` or `mvi-node studies retry {study}`; "
    "it is tried each hour besides"
)
_UNKNOWN = "the configuration has no peer {peer}: add it again, or run `mvi-node studies retry {study}`"
_TRIED = "nothing: it is tried again by itself"


def why(item: Delivery, contact: Contact | None) -> str:
    """Say why an object has not reached its peer."""
    if item.error:
        return item.error
    if item.state is DeliveryState.WAITING and contact is not None and contact.error is not None:
        return contact.error
    if item.state is DeliveryState.STORED and item.requests:
        return f"commitment asked for {item.requests} times and not answered"
    if item.state is DeliveryState.STORED and item.absences:
        return f"{item.absences} queries did not find it"
    return ""


def what_to_do(item: Delivery, contact: Contact | None, *, known: bool) -> str:
    """Say what the operator can do about an object that has not reached its peer."""
    words = _words(item, contact, known=known)
    return words.format(peer=item.destination, study=item.study_instance_uid)


def _words(item: Delivery, contact: Contact | None, *, known: bool) -> str:
    if not known:
        return _UNKNOWN
    if item.state is not DeliveryState.WAITING:
        return _TO_DO[item.state]
    if contact is not None and contact.error is not None:
        return _PARKED if contact.parked else _UNREACHABLE
    return _TRIED if item.error else _SENDING


def describe_deliveries(
    items: Sequence[Delivery], contacts: Mapping[str, Contact], peers: Sequence[str]
) -> list[dict[str, Any]]:
    """Return deliveries as JSON, with reason and advice.

    Parameters
    ----------
    peers
        Names of those in the configuration that receive results.
    """
    return [
        {
            **as_json_value(item),
            "because": why(item, contacts.get(item.destination)),
            "to_do": what_to_do(item, contacts.get(item.destination), known=item.destination in peers),
        }
        for item in items
    ]
