"""Time from the last image to the last object."""

from pathlib import Path

import pytest

from node.simulation.judging import _seconds
from node.simulation.receiver import Arrival


def came(at_s: float) -> Arrival:
    return Arrival(Path("x.dcm"), "1.2", "1.2.3", at_s)


@pytest.mark.parametrize(
    ("acknowledged_s", "arrivals", "seconds"),
    [
        ([1.0, 2.0], [came(10.0), came(12.0)], 10.0),
        ([1.0, 2.0, 30.0], [came(10.0)], 8.0),
        ([1.0], [], None),
        ([], [came(10.0)], None),
    ],
)
def test_time_when_images_come_again_after_the_result_then_they_do_not_count(
    acknowledged_s: list[float], arrivals: list[Arrival], seconds: float | None
) -> None:
    assert _seconds(acknowledged_s, arrivals) == seconds
