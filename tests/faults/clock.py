"""The time of day is set, back and forth: nothing ends early, and nothing waits longer than it would have.

Completion, leases, back-offs and deliveries, with clocks that are given to them. The test of the scheduler sets
its clock too.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from config.sections.studies import CompletionSection
from dicom_io.assembly.progress import StudyProgress
from node.completion import Completion
from node.ledger.delivery_records import Delivery
from node.ledger.ledger import Ledger, open_ledger
from node.states import Event
from pipeline.study import Role
from tests.faults.fault import Fault, FaultRecord, record
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take

LARGEST_STEP_S = 400 * 86_400
TICK_S = 1.0
PEER = "pacs"
LOOKED_AT_S = 2.0
"""A wait is measured from where it is first seen, one look later at the latest, s."""


def set_back_and_forth(folder: Path, cases: int) -> FaultRecord:
    """Set the clock once in a random moment of a wait of each kind, in turn; a case is one step."""
    chance = random.Random(24)
    failures = []
    longest_error_s = 0.0
    for number in range(cases):
        clock = FakeClock()
        wait = _WAITS[number % len(_WAITS)]
        step_s = chance.uniform(-LARGEST_STEP_S, LARGEST_STEP_S)
        with open_ledger(f"sqlite:///{folder / f'{number}.sqlite'}", clock, clock.monotonic_s) as ledger:
            expected_s, is_over = wait(ledger, clock)
            error_s = abs(
                _measured_s(clock, is_over, chance.uniform(LOOKED_AT_S, expected_s), step_s) - expected_s
            )
        longest_error_s = max(longest_error_s, error_s)
        if error_s > LOOKED_AT_S:
            failures.append(f"{wait.__name__} was {error_s:.0f} s off after a step of {step_s:.0f} s")
    detail = (
        f"steps of up to {LARGEST_STEP_S / 86_400:.0f} days; no wait was off by more than {longest_error_s:.0f} s"
    )
    return record("clock set back and forth", cases, failures, detail)


def _measured_s(clock: FakeClock, is_over: Callable[[], int], step_at_s: float, step_s: float) -> float:
    """Return how long a wait took by the monotonic clock, s, where the time of day is set in the middle of it."""
    began_s = clock.monotonic
    stepped = False
    while not is_over():
        clock.advance(TICK_S)
        if not stepped and clock.monotonic - began_s >= step_at_s:
            clock.now += timedelta(seconds=step_s)
            stepped = True
        if clock.monotonic - began_s > 10_000:
            break
    return clock.monotonic - began_s


Wait = tuple[float, Callable[[], int]]


def settling(ledger: Ledger, clock: FakeClock) -> Wait:
    return 60, _completion(ledger, clock, "filled").check


def deadline(ledger: Ledger, clock: FakeClock) -> Wait:
    return 600, _completion(ledger, clock, "empty").check


def _completion(ledger: Ledger, clock: FakeClock, status: str) -> Completion:
    settings = CompletionSection(settle_s=60, deadline_s=600)
    found = StudyProgress(dict.fromkeys(Role, status))
    completion = Completion(ledger, Path(), lambda *_: found, settings, clock.monotonic_s)
    completion.check()
    ledger.record_instance(instance(clock))
    return completion


def lease(ledger: Ledger, clock: FakeClock) -> Wait:
    make_ready(ledger, clock, STUDY)
    take(ledger)
    return 60, ledger.recovery.recover


def back_off(ledger: Ledger, clock: FakeClock) -> Wait:
    make_ready(ledger, clock, STUDY)
    ledger.work.give_up(take(ledger), Event.UNAVAILABLE, code="X", message="away", retry_in_s=300)
    return 300, ledger.recovery.wake


def delivery(ledger: Ledger, clock: FakeClock) -> Wait:
    objects = _entered(ledger, clock)[:1]
    ledger.outbox.again(objects[0], "away", 300)
    return 300, lambda: len(ledger.outbox.due(PEER))


def confirmation(ledger: Ledger, clock: FakeClock) -> Wait:
    objects = _entered(ledger, clock)
    for item in objects:
        ledger.outbox.stored(item)
    ledger.confirmations.requested(ledger.confirmations.uncommitted(PEER), "2.25.1", 300)
    return 300, lambda: len(ledger.confirmations.uncommitted(PEER))


def peer_on_hold(ledger: Ledger, _clock: FakeClock) -> Wait:
    ledger.contacts.failed(PEER, "away", retry_in_s=300)
    return 300, lambda: not ledger.contacts.is_on_hold(PEER)


def _entered(ledger: Ledger, clock: FakeClock) -> tuple[Delivery, ...]:
    make_ready(ledger, clock, STUDY)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=[PEER])
    return ledger.outbox.due(PEER)


_WAITS = (settling, deadline, lease, back_off, delivery, confirmation, peer_on_hold)

FAULTS = (Fault("clock set back and forth", set_back_and_forth, cases=210, short=14),)
