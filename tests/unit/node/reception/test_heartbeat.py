from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from node.reception.heartbeat import BEAT_EVERY_S, HUNG_LOOKS, Heart, Pulse
from tests.unit.node.doubles import FakeClock


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe(duplex=False)
    with ours, theirs:
        yield ours, theirs


def test_look_when_the_process_falls_silent_then_it_is_taken_to_hang(pipe: tuple[Connection, Connection]) -> None:
    clock = FakeClock()
    ours, theirs = pipe
    heart, pulse = Heart(theirs, clock.monotonic_s), Pulse(ours)
    for _ in range(2 * HUNG_LOOKS):
        heart.beat()
        clock.advance(BEAT_EVERY_S)
        assert pulse.look()
    assert [pulse.look() for _ in range(HUNG_LOOKS)] == [True] * (HUNG_LOOKS - 1) + [False]


def test_look_when_the_process_never_gave_a_sign_then_it_is_taken_to_live(
    pipe: tuple[Connection, Connection],
) -> None:
    pulse = Pulse(pipe[0])
    assert all(pulse.look() for _ in range(2 * HUNG_LOOKS))


def test_look_when_who_watches_stood_still_itself_then_the_process_lives(
    pipe: tuple[Connection, Connection],
) -> None:
    clock = FakeClock()
    ours, theirs = pipe
    heart, pulse = Heart(theirs, clock.monotonic_s), Pulse(ours)
    for _ in range(20_000):  # More than a pipe holds: it must not wait for room.
        heart.beat()
        clock.advance(BEAT_EVERY_S)
    assert pulse.look()
    assert not ours.poll()


def test_beat_when_nobody_watches_any_more_then_goes_on(pipe: tuple[Connection, Connection]) -> None:
    clock = FakeClock()
    ours, theirs = pipe
    heart = Heart(theirs, clock.monotonic_s)
    ours.close()
    heart.beat()
    clock.advance(BEAT_EVERY_S)
    heart.beat()
