"""What the command line says about the peers: how they are set, and how the last contact with each ended."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from config.errors import ConfigError
from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.requestor import AccessRefusedError, PeerError
from node.ledger.contacts import Contacts
from node.ledger.delivery_records import Contact
from node.ledger.ledger import open_ledger
from node.storage.folder import StorageError, existing_ledger_url
from node.studies.report import as_json_value

_KEYS = (
    "name",
    "ae_title",
    "host",
    "port",
    "tls",
    "may_send",
    "receives_results",
    "return_to_sender",
    "outputs",
    "dicomweb_url",
)
_RETRY_IN_S = 0.0


def peer_named(settings: Settings, name: str) -> Peer:
    """Return one peer of the settings.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    for peer in settings.peers:
        if peer.name == name:
            return peer
    known = ", ".join(peer.name for peer in settings.peers) or "none"
    raise ConfigError([f"no peer {name} in the configuration; it has: {known}"])


@contextmanager
def contacts_of(settings: Settings) -> Iterator[Contacts | None]:
    """Yield the contacts of the ledger in force, None where the node has never run."""
    try:
        url = existing_ledger_url(settings)
    except StorageError:
        yield None
        return
    with open_ledger(url) as ledger:
        yield ledger.contacts


def describe_peers(settings: Settings, contacts: Contacts | None) -> list[dict[str, Any]]:
    """Return the document of ``peers list --json``."""
    known: Mapping[str, Contact] = {} if contacts is None else contacts.all()
    return [
        {
            **{key: peer.model_dump(mode="json")[key] for key in _KEYS},
            "last_contact": _contact(known.get(peer.name)),
        }
        for peer in settings.peers
    ]


def last_outcome(contact: Contact | None) -> str:
    """Say in words how the last contact ended."""
    if contact is None:
        return "never contacted"
    at = contact.contacted_at.isoformat(timespec="seconds")
    if contact.error is None:
        return f"reached at {at}"
    since = f", last reached at {contact.reached_at.isoformat(timespec='seconds')}" if contact.reached_at else ""
    tries = f" ({contact.failures} times in a row{since})"
    return f"{'parked' if contact.parked else 'not reached'} at {at}{tries}: {contact.error}"


def note_contact(contacts: Contacts | None, peer: Peer, error: PeerError | None) -> None:
    """Enter how an attempt by hand ended: a peer that answers gets what waits for it at once."""
    if contacts is None:
        return
    if error is None:
        contacts.reached(peer.name)
    else:
        parked = isinstance(error, AccessRefusedError)
        contacts.failed(peer.name, error.because, retry_in_s=_RETRY_IN_S, parked=parked)


def _contact(contact: Contact | None) -> dict[str, Any]:
    if contact is None:
        return {"outcome": "never", "message": last_outcome(None)}
    outcome = "reached" if contact.error is None else "refused" if contact.parked else "unreachable"
    return {"outcome": outcome, "message": last_outcome(contact), **as_json_value(contact)}
