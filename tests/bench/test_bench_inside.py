"""The clock of the profile takes what is inside a part off that part."""

import time

from tests.bench.bench_inside import Clock


def test_clock_when_a_part_is_inside_another_then_each_has_its_own_time() -> None:
    clock = Clock()
    step = clock.around("stage", "inner", lambda: time.sleep(0.2))
    with clock.part("stage", "outer"):
        step()
        step()
    inner, outer = (clock.seconds["stage", name, False] for name in ("inner", "outer"))
    assert clock.calls["stage", "inner", False] == 2
    assert inner >= 0.4
    # Nothing but calls: far below what it holds, on however busy a machine.
    assert outer < inner
