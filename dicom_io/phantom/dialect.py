"""A vendor's dialect: a record of names and words, and a few functions for what no table can say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.identity import PhantomIdentity
from dicom_io.phantom.plan import Dixon, Naming, Part, Quirk, SeriesKind, SeriesPlan, Technique


@dataclass(frozen=True)
class Words:
    """What a vendor says of a technique.

    Parameters
    ----------
    options
        Scan Options where fat is suppressed; without, its fat words are left out.
    train
        Echo Train Length.
    """

    sequence: tuple[str, ...]
    variant: tuple[str, ...]
    options: tuple[str, ...]
    dimensions: str
    train: int
    name: str


@dataclass(frozen=True)
class Slice:
    """One image: what a dialect may need to know to write it.

    Parameters
    ----------
    k
        Of its volume, along the slice normal.
    number
        Instance or frame number, from 1.
    slices, instances
        Of its volume; of its series.
    """

    plan: SeriesPlan
    part: Part
    k: int
    number: int
    slices: int
    instances: int
    identity: PhantomIdentity
    quirks: frozenset[Quirk] = frozenset()

    @property
    def phase(self) -> int:
        """Temporal position in its series, from 1."""
        return self.plan.phases.index(self.part.at_s) + 1

    @property
    def phases(self) -> int:
        """Temporal positions of its series."""
        return len(self.plan.phases)

    @property
    def acquired_at(self) -> datetime:
        """Start of the acquisition of its volume."""
        return self.identity.at(self.part.at_s)

    @property
    def series_at(self) -> datetime:
        """Start of the acquisition of its series."""
        return self.identity.at(self.plan.at_s)

    @property
    def trigger_ms(self) -> float:
        """Time since the start of its series, ms; drifting along the slices where the scenario says so."""
        drift_ms = 17.0 * self.k if Quirk.DRIFTING_TRIGGER in self.quirks else 0.0
        return 1000 * (self.part.at_s - self.plan.at_s) + drift_ms

    @property
    def tiled(self) -> bool:
        """Whether the image holds all slices of its volume, side by side."""
        return self.says(Quirk.MOSAIC) and self.plan.kind is not SeriesKind.LOCALIZER

    def says(self, quirk: Quirk) -> bool:
        """Tell whether a habit is turned on."""
        return quirk in self.quirks


SliceWriter = Callable[[Dataset, Slice], None]


def nothing(_ds: Dataset, _image: Slice) -> None:
    """Add nothing."""


@dataclass(frozen=True)
class MultiFrame:
    """How a vendor writes Enhanced MR.

    Parameters
    ----------
    frame_type
        Values of Frame Type.
    write_frame
        Adds to the functional groups of a frame.
    write_object
        Adds to the top level of an object.
    duration_factor
        1 where Frame Acquisition Duration is in ms as it should be.
    """

    frame_type: Callable[[Slice], tuple[str, ...]]
    write_frame: SliceWriter = nothing
    write_object: Callable[[Dataset, SeriesPlan], None] = lambda _ds, _plan: None
    duration_factor: float = 1.0
    creator_in_dimensions: bool = False


@dataclass(frozen=True)
class Dialect:
    """One scanner.

    Parameters
    ----------
    name
        On the command line.
    names
        Series descriptions; ``{minutes}`` after the injection, ``{b}`` the b-values.
    image_type
        Values of Image Type.
    write
        Adds clocks and private elements of a classic volume.
    write_slice
        Adds what differs from slice to slice of one volume.
    superior_first
        Whether instance 1 of an axial volume is the most superior slice.
    dixon_names
        By Dixon type, a pattern with ``{name}``.
    dixon_together
        Whether the Dixon images lie in one series.
    protocol
        Protocol Name; empty: the description without the suffixes of derived images.
    signed
        Whether pixels are stored signed.
    """

    name: str
    manufacturer: str
    model: str
    software: tuple[str, ...]
    names: Mapping[SeriesKind, str]
    words: Mapping[Technique, Words]
    image_type: Callable[[Slice], tuple[str, ...]]
    write: SliceWriter
    write_slice: SliceWriter = nothing
    character_set: str = "ISO_IR 100"
    superior_first: bool = False
    dixon_names: Mapping[Dixon, str] = field(default_factory=lambda: MappingProxyType({}))
    dixon_together: bool = False
    protocol: str = ""
    b_separator: str = "_"
    body_part: str = "LIVER"
    signed: bool = False
    multi_frame: MultiFrame | None = None

    def describe(self, plan: SeriesPlan, naming: Naming | None) -> str:
        """Return the description of a series."""
        names = self.names if naming is None else naming.names
        pattern = names.get(plan.name or plan.kind, "")
        if not pattern:
            return ""
        b_values = sorted({part.b_s_per_mm2 for part in plan.parts if part.b_s_per_mm2 is not None})
        name = pattern.format(
            minutes=max(round(plan.at_s / 60), 1), b=self.b_separator.join(f"{value:.0f}" for value in b_values)
        )
        kinds = {part.dixon for part in plan.parts}
        (dixon,) = kinds if len(kinds) == 1 else (None,)
        named = self.dixon_names.get(dixon, "{name}").format(name=name) if dixon is not None else name
        return named + plan.suffix


def write_times(
    ds: Dataset, *, series: datetime, acquisition: datetime, content: datetime, decimals: int, dates: bool = True
) -> None:
    """Write the three dates and times of an instance.

    Parameters
    ----------
    decimals
        Of a second, 0 to 6.
    dates
        Whether there are dates beside the times.
    """
    for name, moment in (("Series", series), ("Acquisition", acquisition), ("Content", content)):
        if dates:
            setattr(ds, f"{name}Date", moment.strftime("%Y%m%d"))
        setattr(ds, f"{name}Time", time_text(moment, decimals))


def time_text(moment: datetime, decimals: int) -> str:
    """Return a TM value with a number of decimals, cut rather than rounded."""
    fraction = f".{moment.microsecond:06d}"[: decimals + 1] if decimals else ""
    return moment.strftime("%H%M%S") + fraction


def date_time_text(moment: datetime, decimals: int = 6) -> str:
    """Return a DT value without zone, as scanners write it."""
    return moment.strftime("%Y%m%d") + time_text(moment, decimals)


def later(moment: datetime, seconds: float) -> datetime:
    """Return the instant `seconds` after `moment`."""
    return moment + timedelta(seconds=seconds)
