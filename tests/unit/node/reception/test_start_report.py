import multiprocessing

import pytest

from node.reception.start_report import STILL_STARTING_EVERY_S, ReceptionReport, StillStarting
from tests.unit.node.doubles import FakeClock


def test_say_when_it_starts_for_long_then_reports_now_and_then(clock: FakeClock) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with ours, theirs:
        still_starting = StillStarting(theirs, lambda: False, clock.monotonic_s)
        for _ in range(100):
            clock.advance(STILL_STARTING_EVERY_S / 10)
            still_starting.say()
        reports = []
        while ours.poll(0):
            reports.append(ours.recv())
    assert reports == [ReceptionReport(starting=True)] * 10


def test_say_when_nobody_waits_then_ends(clock: FakeClock) -> None:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with theirs:
        ours.close()
        still_starting = StillStarting(theirs, lambda: False, clock.monotonic_s)
        clock.advance(STILL_STARTING_EVERY_S)
        with pytest.raises(SystemExit):
            still_starting.say()
        with pytest.raises(SystemExit):
            StillStarting(theirs, lambda: True, clock.monotonic_s).say()
