from node.delivery.pacing import Pace
from tests.unit.node.doubles import FakeClock


def test_take_when_the_bucket_is_empty_then_waits_for_the_pace(clock: FakeClock) -> None:
    pace = Pace(60, 6, clock.monotonic_s)
    assert [pace.take(3) for _ in range(3)] == [True, True, False]
    clock.advance(0.5)
    assert not pace.take(3)
    clock.advance(0.5)
    assert pace.take(3)
    assert not pace.take(1)


def test_take_when_nothing_was_sent_for_long_then_no_more_than_the_burst_goes_at_once(clock: FakeClock) -> None:
    pace = Pace(60, 6, clock.monotonic_s)
    clock.advance(86_400)
    assert [pace.take(1) for _ in range(7)] == [True] * 6 + [False]
