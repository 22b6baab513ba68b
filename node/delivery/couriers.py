"""What delivers to each peer, as the settings have it."""

import time
import uuid

from config.sections.peers import Peer
from config.settings import Settings
from node.backoff import back_off
from node.delivery.confirmation import (
    ASK_AGAIN_S,
    LONGEST_ASK_AGAIN_S,
    LONGEST_LOOK_AGAIN_S,
    LOOK_AGAIN_S,
    Confirmer,
)
from node.delivery.outbox import Courier
from node.delivery.pacing import Pace
from node.ledger.ledger import Ledger
from node.peers.clients import make_transport

OBJECTS_AT_ONCE = 6
"""Two studies go out without waiting for the pace of their peer."""


def new_uid() -> str:
    """Return a new UID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def make_courier(peer: Peer, settings: Settings, ledger: Ledger) -> Courier:
    """Return what delivers to one peer."""
    storage = settings.node.storage
    transport = make_transport(peer, settings)
    confirmer = Confirmer(
        peer,
        ledger,
        storage,
        transport,
        ask_again=back_off(ASK_AGAIN_S, LONGEST_ASK_AGAIN_S),
        look_again=back_off(LOOK_AGAIN_S, LONGEST_LOOK_AGAIN_S),
        new_uid=new_uid,
    )
    pace = Pace(peer.objects_per_minute, OBJECTS_AT_ONCE, time.monotonic)
    return Courier(peer, ledger, storage, transport, confirmer, back_off=back_off(5), pace=pace)
