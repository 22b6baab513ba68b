import threading
from functools import partial

from dicom_io.network.access import canonical_address
from dicom_io.network.pending import PendingConnections, Slot


def pending(*, known: int = 3, unknown_host: int = 2, unknown: int = 3) -> PendingConnections:
    return PendingConnections(
        lambda host: canonical_address(host).startswith("10."),
        per_known_host=known,
        per_unknown_host=unknown_host,
        unknown=unknown,
    )


def test_take_when_an_unknown_host_has_its_share_then_others_still_get_theirs() -> None:
    waiting = pending()

    assert [waiting.take("192.0.2.1") is not None for _ in range(3)] == [True, True, False]
    assert waiting.take("10.0.0.2") is not None


def test_take_when_the_host_of_a_peer_has_its_share_then_the_oldest_makes_room() -> None:
    waiting = pending(known=3)
    ended: list[int] = []
    slots = [waiting.take("10.0.0.1", partial(ended.append, number)) for number in range(3)]
    assert slots[1] is not None
    slots[1].give_back()  # It has sent its request, and is nobody's to end any more.
    assert waiting.take("10.0.0.1", lambda: ended.append(3)) is not None
    assert ended == []
    for number in (4, 5, 6):
        assert waiting.take("10.0.0.1", partial(ended.append, number)) is not None
    assert ended == [0, 2, 3]
    for slot in slots:
        assert slot is not None
        slot.give_back()
        slot.evict()
    assert ended == [0, 2, 3]


def test_take_when_many_unknown_hosts_come_then_are_capped_together_and_peers_are_not() -> None:
    waiting = pending()

    assert [waiting.take(f"192.0.2.{number}") is not None for number in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert waiting.take("10.0.0.1") is not None


def test_take_when_one_address_is_spelled_twice_then_counts_once() -> None:
    waiting = pending(unknown_host=1)

    assert waiting.take("192.0.2.1") is not None
    assert waiting.take("::ffff:192.0.2.1") is None


def test_slot_when_given_back_twice_then_frees_one_place() -> None:
    waiting = pending(unknown_host=2)
    first, second = waiting.take("192.0.2.1"), waiting.take("192.0.2.1")
    assert first is not None
    assert second is not None

    first.give_back()
    first.give_back()

    assert waiting.take("192.0.2.1") is not None
    assert waiting.take("192.0.2.1") is None


def test_slot_when_given_back_by_many_threads_then_counts_once() -> None:
    times: list[int] = []
    slot = Slot(lambda _: times.append(1))
    threads = [threading.Thread(target=slot.give_back) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert times == [1]
