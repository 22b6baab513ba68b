from dataclasses import replace

import pytest

from config.sections.peers import Peer
from node.delivery.recipients import Recipients
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind
from node.states import Event, StudyState
from tests.unit.node.doubles import SEGMENTATION, STUDY, FakeClock, instance, make_ready, result_objects, take

EVERYTHING = frozenset(ObjectKind)
ARCHIVE = Peer(name="archive", ae_title="ARCHIVE", host="10.0.0.1", receives_results=True)
SENDER = Peer(name="sender", ae_title="SCANNER", host="mr1", return_to_sender=True)
NAMESAKE = Peer(name="namesake", ae_title="SCANNER", host="mr2", return_to_sender=True)
SILENT = Peer(name="silent", ae_title="SCANNER", host="mr1", may_send=True)
ADDRESSES = {"mr1": frozenset({"loopback", "10.0.0.7"}), "mr2": frozenset({"10.0.0.8"})}


def recipients(ledger: Ledger, *peers: Peer) -> dict[str, frozenset[ObjectKind]]:
    return dict(Recipients(peers, ledger, lambda host: ADDRESSES.get(host, frozenset()))(STUDY))


def test_recipients_when_a_peer_wants_what_it_sent_back_then_only_the_sender_gets_it(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)  # From SCANNER at 127.0.0.1.
    assert recipients(ledger, ARCHIVE, SENDER, NAMESAKE, SILENT) == {"archive": EVERYTHING, "sender": EVERYTHING}


def test_recipients_when_a_peer_sent_no_image_then_it_gets_nothing_back(ledger: Ledger, clock: FakeClock) -> None:
    context = instance(clock, sop_class=SEGMENTATION)
    ledger.record_instance(context)
    ledger.record_instance(replace(instance(clock, 2), calling_ae_title="OTHER"))
    assert recipients(ledger, ARCHIVE, SENDER) == {"archive": EVERYTHING}


@pytest.mark.parametrize("returned", [False, True])
def test_finish_when_a_peer_takes_less_then_only_that_is_queued(
    ledger: Ledger, clock: FakeClock, returned: bool
) -> None:
    peer = SENDER if returned else ARCHIVE
    peer = peer.model_copy(update={"outputs": ("sr", "summary")})
    make_ready(ledger, clock)
    taken = recipients(ledger, peer)
    ledger.work.finish(
        take(ledger), Event.ANALYSED, objects=result_objects(), destinations=list(taken), outputs=taken
    )
    assert [item.kind for item in ledger.outbox.due(peer.name)] == [ObjectKind.SR, ObjectKind.SUMMARY]


def test_finish_when_nobody_takes_what_there_is_then_the_study_rests(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    (report,) = [item for item in result_objects() if item.kind is ObjectKind.SR]
    state = ledger.work.finish(
        take(ledger),
        Event.REFUSED,
        objects=[report],
        destinations=["archive"],
        outputs={"archive": [ObjectKind.SEG]},
        code="SM-NOHBP",
        message="words",
    )
    assert state is StudyState.REFUSED
    assert ledger.outbox.open() == ()
