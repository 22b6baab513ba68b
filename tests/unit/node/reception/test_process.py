import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as StopEvent
from typing import Any

import pytest

from config.sections.node import NodeSection
from config.settings import Settings
from node.backoff import BackOff
from node.reception.process import MAXIMUM_FAILURES, START_TIMEOUT_S, ReceptionError, ReceptionProcess
from node.reception.start_report import Ports, ReceptionReport
from tests.unit.dicom_io.network.receiver import wait_until
from tests.unit.node.doubles import FakeClock

Target = Callable[[Settings, str, Connection, StopEvent], None]

# Each runs in a new process, in place of the receiver.


def listens(settings: Settings, url: str, ready: Connection, stop: StopEvent) -> None:
    ready.send(ReceptionReport(Ports(plain=settings.node.port or 40_404)))
    stop.wait()


def falls_silent(settings: Settings, url: str, ready: Connection, stop: StopEvent) -> None:
    ready.send(ReceptionReport(Ports(plain=settings.node.port or 40_404)))
    ready.send(None)
    os.kill(os.getpid(), signal.SIGSTOP)


def says_why_not(settings: Settings, url: str, ready: Connection, stop: StopEvent) -> None:
    ready.send(ReceptionReport(error="port 104 is taken; set node.port"))


def dies(settings: Settings, url: str, ready: Connection, stop: StopEvent) -> None:
    os._exit(9)


@pytest.fixture
def make(clock: FakeClock) -> Iterator[Callable[[Target], ReceptionProcess]]:
    made: list[ReceptionProcess] = []

    def build(target: Target) -> ReceptionProcess:
        settings = Settings(node=NodeSection(port=0))
        own = ReceptionProcess(settings, "", BackOff(1, 30, lambda: 1.0), clock.monotonic_s, target)
        made.append(own)
        return own

    yield build
    for own in made:
        own.stop()


def test_start_when_it_listens_then_gives_the_port(make: Callable[[Target], ReceptionProcess]) -> None:
    assert make(listens).start() == Ports(plain=40_404)


def test_start_when_it_cannot_listen_then_passes_on_the_reason(make: Callable[[Target], ReceptionProcess]) -> None:
    with pytest.raises(ReceptionError, match="port 104 is taken"):
        make(says_why_not).start()


def test_start_when_it_dies_then_says_so(make: Callable[[Target], ReceptionProcess]) -> None:
    with pytest.raises(ReceptionError, match="ended while it started"):
        make(dies).start()


def test_watch_when_it_was_killed_then_starts_it_again_on_the_same_port(
    make: Callable[[Target], ReceptionProcess], clock: FakeClock
) -> None:
    own = make(listens)
    own.start()
    assert own._running is not None
    first = own._running.process
    own.watch()
    assert own._running.process is first
    first.kill()
    first.join()
    own.watch()
    assert own._running.process.is_alive()
    assert own.settings.node.port == 40_404


def test_watch_when_it_stands_still_then_ends_it_and_starts_another(
    make: Callable[[Target], ReceptionProcess],
) -> None:
    own = make(falls_silent)
    own.start()
    assert own._running is not None
    first = own._running.process

    def is_replaced() -> bool:
        own.watch()
        return own._running is not None and own._running.process is not first

    wait_until(is_replaced, "another receiver", 60)
    assert first.exitcode == -signal.SIGKILL


def test_watch_when_it_dies_again_and_again_then_backs_off_and_gives_up(
    make: Callable[[Target], ReceptionProcess], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make(dies)
    starts: list[float] = []

    def start() -> int:
        starts.append(clock.monotonic - 1000)
        raise ReceptionError("it dies")

    monkeypatch.setattr(own, "start", start)
    with pytest.raises(ReceptionError, match=f"{MAXIMUM_FAILURES} times in a row"):
        for _ in range(1000):
            own.watch()
            clock.advance(1)
    assert starts == [0, 1, 3, 7, 15, 31]


def test_watch_when_stopped_then_starts_nothing(make: Callable[[Target], ReceptionProcess]) -> None:
    own = make(listens)
    own.start()
    own.stop()
    own.watch()
    assert own._running is None


class SlowStart:
    """The end of a pipe into which a report comes every so often: still starting, and at last a port."""

    def __init__(self, clock: FakeClock, every_s: float, reports: int) -> None:
        self.clock = clock
        self.every_s = every_s
        self.left = [ReceptionReport(Ports(plain=104))] + [ReceptionReport(starting=True)] * reports
        self.next_s = clock.monotonic + every_s

    def poll(self, timeout_s: float) -> bool:
        self.clock.advance(timeout_s)
        return self.clock.monotonic >= self.next_s

    def recv(self) -> ReceptionReport:
        self.next_s += self.every_s
        return self.left.pop()


def await_port(own: ReceptionProcess, ready: Any) -> int | None:
    return own._await(ready).plain


def test_start_when_it_says_that_it_is_still_starting_then_is_waited_for(
    make: Callable[[Target], ReceptionProcess], clock: FakeClock
) -> None:
    began_s = clock.monotonic
    assert await_port(make(listens), SlowStart(clock, START_TIMEOUT_S - 1, 10)) == 104
    assert clock.monotonic - began_s > 10 * (START_TIMEOUT_S - 1)


def test_start_when_it_is_silent_then_is_given_up(
    make: Callable[[Target], ReceptionProcess], clock: FakeClock
) -> None:
    with pytest.raises(ReceptionError, match="does not start within 60 s"):
        await_port(make(listens), SlowStart(clock, START_TIMEOUT_S + 1, 10))


def test_start_when_the_node_stops_then_does_not_wait(
    make: Callable[[Target], ReceptionProcess], clock: FakeClock
) -> None:
    own = make(listens)
    own.asked_to_stop = lambda: clock.monotonic > 1010
    with pytest.raises(ReceptionError, match="told to stop"):
        await_port(own, SlowStart(clock, 1, 10_000))
    assert clock.monotonic < 1020
