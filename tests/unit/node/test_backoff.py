from hypothesis import given
from hypothesis import strategies as st

from node.backoff import BackOff


def test_delay_when_failures_grow_then_doubles_to_the_longest() -> None:
    own = BackOff(5, 60, lambda: 1.0)
    assert [own.delay_s(failures) for failures in range(1, 7)] == [5, 10, 20, 40, 60, 60]


@given(failures=st.integers(1, 10**6), chance=st.floats(0, 1, exclude_max=True))
def test_delay_whatever_happens_then_is_positive_and_bounded(failures: int, chance: float) -> None:
    assert 2.5 <= BackOff(5, 900, lambda: chance).delay_s(failures) <= 900
