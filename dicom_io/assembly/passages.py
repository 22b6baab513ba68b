"""Which other stacks may be images of the acquisition of a chosen phase, by their headers; the pixels tell."""

from collections.abc import Iterator, Mapping, Sequence
from math import dist

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import Candidate
from dicom_io.assembly.clock import Clock
from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.fine_detail import middle
from dicom_io.assembly.grids import same_grid
from dicom_io.assembly.match_result import Passage
from dicom_io.assembly.preferences import called_alike
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role

_MOST = 8
"""Stacks compared with one phase, the nearest in time: each costs a few decoded slices."""

_SAME_PLACE_MM = 0.3
"""Largest distance of two slices that lie on one another: noise is compared pixel by pixel."""


def passages(
    role: Role,
    choice: Scored,
    choices: Mapping[Role, Scored],
    phases: Sequence[Candidate],
    clock: Clock | None,
    rules: SeriesRules,
) -> tuple[Passage, ...]:
    """Return the middle of the stacks that may be images of the acquisition of a chosen phase.

    Of one series, or with names that differ in numbers alone, phases are taken for what they say: a time-resolved
    sequence shares what it measures among its phases.

    Parameters
    ----------
    role, choice
        A dynamic phase.
    choices
        All roles; what is chosen is compared as it is.
    phases
        Possible phases of contrast.
    clock
        Tells which of them are near; None: none is nearer.
    rules
        Tolerances of the grid.
    """
    own, taken = choice.subvolume, {item.subvolume for item in choices.values()}
    others = [
        item.subvolume
        for item in phases
        if item.subvolume not in taken
        and item.subvolume.series.series_instance_uid != own.series.series_instance_uid
        and not called_alike(own, item.subvolume)
        and same_grid(own, item.subvolume, rules)
    ]
    if clock is not None:
        others.sort(key=lambda item: abs(clock.instants_s[item] - clock.instants_s[own]))
    return tuple(_passages(role, own, others[:_MOST]))


def _passages(role: Role, own: SubVolume, others: Sequence[SubVolume]) -> Iterator[Passage]:
    wanted = own.frames[middle(len(own.frames))]
    for other in others:
        found = [frame for place in wanted if (frame := _at(place, other)) is not None]
        if len(found) < len(wanted):
            continue
        several = found[0].frame_count > 1
        yield Passage(
            role=role,
            series_number=other.series.series_number,
            series_description=other.series.description,
            sub_volume=other.label,
            instances=(found[0].instance,) if several else tuple(frame.instance for frame in found),
            frame_numbers=tuple(frame.frame_number or 1 for frame in found) if several else None,
        )


def _at(place: FrameFacts, stack: SubVolume) -> FrameFacts | None:
    """Return the slice of a stack that lies on `place`, pixel by pixel."""
    if place.position_lps_mm is None:
        return None
    for frame in stack.frames:
        near = frame.position_lps_mm is not None and dist(frame.position_lps_mm, place.position_lps_mm)
        if near is not False and near < _SAME_PLACE_MM:
            same = (frame.rows, frame.columns) == (place.rows, place.columns)
            return frame if same else None
    return None
