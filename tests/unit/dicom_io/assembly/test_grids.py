import random
from dataclasses import replace
from statistics import median_high

from config.series_rules import load_series_rules
from dicom_io.assembly.grids import Grids, grid_differences, same_grid
from dicom_io.assembly.subvolumes import SubVolume, split_series
from tests.unit.dicom_io.assembly.test_random_protocols import T1, series

RULES = load_series_rules()


def stacks(seed: int) -> list[SubVolume]:
    """Return stacks of grids that are equal, just within the tolerances, and just outside."""
    random_ = random.Random(seed)
    found = []
    for number in range(40):
        spacing, step = random_.choice([1.5, 1.52, 1.54]), random_.choice([5.0, 5.4, 6.0])
        dixon, slices = random_.choice([None, "WATER"]), random_.randint(8, 10)
        frames = [
            replace(
                frame,
                pixel_spacing_mm=None if number == 0 else (spacing, 1.5),
                position_lps_mm=(0.0, 0.0, step * k),
                physics=replace(T1, dixon=dixon),
            )
            for k, frame in enumerate(series(number, "t1", T1, number))
        ]
        found += split_series(frames[:slices])
    return found


def test_grids_when_many_stacks_are_compared_then_the_answer_is_that_of_each_pair() -> None:
    found = stacks(seed=3)
    members, outsider = found[:-1], found[-1]
    grids = Grids(members, RULES)
    for stack in found:
        for other in found:
            assert same_grid(stack, other, RULES) is not bool(grid_differences(stack, other, RULES))
        mates = [other for other in members if same_grid(stack, other, RULES)]
        assert grids.siblings(stack) == len([other for other in mates if other is not stack])
        usual = median_high([len(other.frames) for other in mates]) if mates and stack is not outsider else None
        assert grids.usual_slices(stack) == usual
