"""The unit of matching: a series split into stacks in which no position occurs twice.

A series may hold b-values, Dixon images, echoes and contrast phases side by side; no frame is ever
dropped.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dicom_io.assembly.facts import FrameFacts, Physics, SeriesFacts, Vector
from dicom_io.assembly.match_result import digest
from dicom_io.assembly.stacks import Spacing, corners_mm, normal_of, position_mm, spacing_of

SPATIAL = "InstanceNumber"
"""Split tag of phases told apart by nothing but the order of their numbers: not to be trusted."""

KEY_DIGITS = 16

_ORIENTATION_DECIMALS = 2

_LEAST_SHARE = 0.5
"""Of the positions of its siblings: with fewer, what a tag has in common is no phase."""

Splitter = Callable[[FrameFacts], float | int | None]
Groups = list[list[FrameFacts]]


def _block(frame: FrameFacts) -> int | None:
    """Return which block of GE's Locations in Acquisition an image lies in, by its number."""
    locations, number = frame.physics.locations, frame.instance_number
    return None if not locations or number is None else (number - 1) // locations


INDICES: tuple[tuple[str, Splitter], ...] = (
    ("TemporalPositionIdentifier", lambda frame: frame.temporal_position),
    ("TriggerTime", lambda frame: frame.times.trigger_s),
    ("AcquisitionNumber", lambda frame: frame.acquisition_number),
    ("FrameAcquisitionDateTime", lambda frame: frame.times.frame_acquisition_s),
    ("AcquisitionTime", lambda frame: frame.times.acquisition_s),
    ("ContentTime", lambda frame: frame.times.content_s),
)
"""Tried in this order where positions repeat: one value a phase."""

CLOCKS = tuple(entry for entry in INDICES if entry[0].endswith("Time"))
"""Tried after that: times that drift within a phase but still keep the phases apart."""

BLOCKS: tuple[tuple[str, Splitter], ...] = (("LocationsInAcquisition", _block),)
"""Tried last: where no time parts them, GE still says how many images a phase has."""


@dataclass(frozen=True, eq=False)
class SubVolume:
    """One stack of one series.

    Parameters
    ----------
    series
        Facts of the series.
    physics
        Facts of the acquisition, the same for all frames.
    frames
        Ordered along the slice normal, row x column.
    split_tag, split_value
        What told it from the other stacks of its series; empty where it is alone.
    """

    series: SeriesFacts
    physics: Physics
    frames: tuple[FrameFacts, ...]
    split_tag: str = ""
    split_value: str = ""
    siblings: int = field(default=1)

    @cached_property
    def key(self) -> str:
        """What names the stack without doubt: a digest of its images, 16 hexadecimal digits."""
        names = sorted(f"{frame.instance.sop_instance_uid}/{frame.frame_number or 1}" for frame in self.frames)
        return digest(names, ())[:KEY_DIGITS]

    @property
    def label(self) -> str:
        """Name of the stack within its series, for people."""
        return " ".join(part for part in (kind_label(self.physics), self._phase) if part)

    @property
    def _phase(self) -> str:
        return f"{self.split_tag}={self.split_value}" if self.split_tag else ""

    @cached_property
    def positions_mm(self) -> tuple[float, ...]:
        """Positions along the normal, rising, mm; empty where a frame has none."""
        found = [position_mm(frame) for frame in self.frames]
        return tuple(value for value in found if value is not None) if None not in found else ()

    @cached_property
    def spacing(self) -> Spacing:
        """How the slices are spaced."""
        return spacing_of(self.positions_mm)

    @cached_property
    def normal(self) -> Vector | None:
        """Unit normal, row x column, LPS; None without orientation."""
        orientation = self.frames[0].orientation
        return None if orientation is None else normal_of(orientation)

    @property
    def extent_mm(self) -> tuple[float, float] | None:
        """First and last edge along the patient's z axis, mm; None without positions."""
        heights = [frame.position_lps_mm[2] for frame in self.frames if frame.position_lps_mm is not None]
        half = abs(self.spacing.step_mm) / 2
        return (min(heights) - half, max(heights) + half) if heights else None

    @cached_property
    def field_of_view_mm(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Edges of all slices along the patient's x and y axes, LPS mm; None without geometry."""
        corners = [corner for frame in {self.frames[0], self.frames[-1]} for corner in corners_mm(frame)]
        x, y = ([corner[axis] for corner in corners] for axis in (0, 1))
        return ((min(x), max(x)), (min(y), max(y))) if corners else None


def kind_label(physics: Physics) -> str:
    """Return Dixon type, b-value and component where they are not the plain ones."""
    parts = [physics.dixon or "", physics.component if physics.component != "MAGNITUDE" else ""]
    if physics.b_value_s_per_mm2 is not None:
        parts.append(f"b={physics.b_value_s_per_mm2:g}")
    return " ".join(part for part in parts if part)


def split_series(frames: Sequence[FrameFacts]) -> list[SubVolume]:
    """Split the frames of one series into stacks.

    Parameters
    ----------
    frames
        All frames of one series, in any order.

    Returns
    -------
    list[SubVolume]
        Every frame is in exactly one of them.
    """
    kinds: dict[object, list[FrameFacts]] = defaultdict(list)
    for frame in frames:
        kinds[_kind(frame)].append(frame)
    return [stack for kind in kinds.values() for stack in _phases(kind)]


def _kind(frame: FrameFacts) -> object:
    """Return what must be equal within a stack: geometry, making, diffusion, echo."""
    orientation = (
        None
        if frame.orientation is None
        else tuple(round(part, _ORIENTATION_DECIMALS) + 0.0 for part in frame.orientation)
    )
    spacing = None if frame.pixel_spacing_mm is None else tuple(round(part, 3) for part in frame.pixel_spacing_mm)
    physics = frame.physics
    echo = (physics.echo_number, None if physics.echo_time_ms is None else round(physics.echo_time_ms, 2))
    direction = physics.gradient if physics.b_value_s_per_mm2 else ()
    return (
        frame.rows, frame.columns, spacing, orientation, physics.image_type, physics.dixon, physics.component,
        physics.b_value_s_per_mm2, physics.directionality, direction, echo, frame.series.frame_of_reference_uid,
    )  # fmt: skip


def _phases(frames: list[FrameFacts]) -> list[SubVolume]:
    positions = Counter(position_mm(frame) for frame in frames)
    repeats = max(positions.values())
    if None in positions or repeats == 1:
        return [_stack(frames)]
    for attempts, group in ((INDICES, _by_value), (CLOCKS, _by_time), (BLOCKS, _by_value)):
        for tag, value_of in attempts:
            groups = group(frames, value_of)
            if _trustworthy(groups, repeats):
                return _stacks(groups, tag)
    return _stacks(_by_order(frames), SPATIAL)


def _stacks(groups: Groups, tag: str) -> list[SubVolume]:
    count = len(groups)
    return [_stack(group, tag, f"{number} of {count}", count) for number, group in enumerate(groups, start=1)]


def _by_value(frames: Sequence[FrameFacts], value_of: Splitter) -> Groups:
    """Group by equal values, in their order; no group where a frame has none."""
    groups: dict[float, list[FrameFacts]] = defaultdict(list)
    for frame in frames:
        value = value_of(frame)
        if value is None:
            return []
        groups[value].append(frame)
    return [groups[value] for value in sorted(groups)]


def _by_time(frames: Sequence[FrameFacts], value_of: Splitter) -> Groups:
    """Walk along time and begin a group wherever a position comes back; no group where a value lies in two."""
    groups: Groups = []
    positions: set[float | None] = set()
    latest: float | None = None
    for moments in _by_value(frames, value_of):
        for frame in moments:
            position = position_mm(frame)
            if not groups or position in positions:
                if groups and value_of(frame) == latest:
                    return []
                groups.append([])
                positions = set()
            groups[-1].append(frame)
            positions.add(position)
            latest = value_of(frame)
    return groups


def _trustworthy(groups: Groups, repeats: int) -> bool:
    """Tell whether groups are phases: as many as repeats, no position twice in one, the same positions in each.

    The guards defeat trigger times that drift per slice and acquisition numbers that change per table step. A
    phase that lost slices on the way is still a phase, as long as another has them all; it is refused later as
    incomplete, and by name.
    """
    if not 1 < len(groups) == repeats:
        return False
    sets = [Counter(position_mm(frame) for frame in group) for group in groups]
    everywhere = set().union(*sets)
    if max(len(found) for found in sets) < len(everywhere):
        return False
    return all(max(found.values()) == 1 and len(found) >= _LEAST_SHARE * len(everywhere) for found in sets)


def _by_order(frames: Sequence[FrameFacts]) -> Groups:
    """Take the n-th occurrence of each position, by instance number, as phase n."""
    seen: Counter[float | None] = Counter()
    phases: dict[int, list[FrameFacts]] = defaultdict(list)
    for frame in sorted(frames, key=lambda item: (item.instance_number or 0, item.instance.sop_instance_uid)):
        position = position_mm(frame)
        phases[seen[position]].append(frame)
        seen[position] += 1
    return [phases[number] for number in sorted(phases)]


def _stack(frames: Sequence[FrameFacts], tag: str = "", value: str = "", siblings: int = 1) -> SubVolume:
    ordered = tuple(sorted(frames, key=lambda frame: (position_mm(frame) or 0.0, frame.instance_number or 0)))
    return SubVolume(ordered[0].series, ordered[0].physics, ordered, tag, value, siblings)
