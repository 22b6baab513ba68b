"""What is written, whatever the vendor: the series of one study, each a list of volumes with their instants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydicom import Dataset

from pipeline.study import Role
from pipeline.volume import Volume


class SeriesKind(StrEnum):
    """What a series is; the names of the roles are those of `Role`."""

    LOCALIZER = "LOCALIZER"
    BOLUS = "BOLUS"
    DUAL_ECHO = "DUAL_ECHO"
    T1_PRE = "T1_PRE"
    T1_ARTERIAL = "T1_ARTERIAL"
    T1_PORTAL = "T1_PORTAL"
    T1_TRANSITIONAL = "T1_TRANSITIONAL"
    T1_DYNAMIC = "T1_DYNAMIC"
    T1_PRE_POST = "T1_PRE_POST"
    T2 = "T2"
    T2_PLAIN = "T2_PLAIN"
    T2_SINGLE_SHOT = "T2_SINGLE_SHOT"
    MRCP = "MRCP"
    BALANCED = "BALANCED"
    DWI = "DWI"
    ADC = "ADC"
    T1_HEPATOBILIARY = "T1_HEPATOBILIARY"
    T1_CORONAL = "T1_CORONAL"
    T1_SUBTRACTION = "T1_SUBTRACTION"
    T1_MIP = "T1_MIP"
    T1_MPR = "T1_MPR"


class Technique(StrEnum):
    """How the scanner acquires it; a vendor has words for each."""

    SPOILED_3D = "spoiled gradient echo, 3D"
    SPOILED_2D = "spoiled gradient echo, 2D"
    TSE = "turbo spin echo"
    SINGLE_SHOT = "single-shot turbo spin echo"
    BALANCED = "balanced steady state"
    ECHO_PLANAR = "spin echo, echo planar"


class Making(StrEnum):
    """Whether an image was acquired, or what it was computed by."""

    ACQUIRED = "acquired"
    ADC = "apparent diffusion coefficient"
    CALCULATED_B = "calculated b-value"
    SUBTRACTION = "subtraction"
    MIP = "maximum intensity projection"
    MPR = "multiplanar reformat"


class Dixon(StrEnum):
    """Dixon image."""

    WATER = "WATER"
    FAT = "FAT"
    IN_PHASE = "IN_PHASE"
    OPPOSED = "OPPOSED"


class Quirk(StrEnum):
    """A habit of a scanner or of an export that a scenario turns on."""

    DRIFTING_TRIGGER = "Trigger Time grows from slice to slice"
    NO_PHASE_TIME = "every T1 series gives one and the same time"
    NO_DATES = "times come without dates"
    MOSAIC = "slices are tiled into one picture"
    R12_FRAME_TYPES = "Philips R12 words for Dixon images"
    OBJECT_PER_PART = "a multi-frame object for each phase or b-value"
    UNSAID_LOW_B = "no b-value on images without weighting"


@dataclass(frozen=True)
class Parameters:
    """How a series is acquired.

    Parameters
    ----------
    tr_ms, te_ms, flip_deg
        Repetition and echo time, ms; flip angle, degrees.
    """

    technique: Technique
    tr_ms: float
    te_ms: float
    flip_deg: float


@dataclass(frozen=True, eq=False)
class Part:
    """One volume of a series.

    Parameters
    ----------
    at_s
        Acquisition relative to the start of injection, s.
    role
        Which role the volume fills, if any: this, and nothing that matching says, is the truth.
    b_s_per_mm2
        Diffusion weighting, s/mm2; None where there is none.
    gradient
        Direction of the diffusion gradient, LPS; None for a trace or unweighted image.
    te_ms
        Where it differs from that of the series.
    """

    volume: Volume
    at_s: float
    role: Role | None = None
    b_s_per_mm2: float | None = None
    gradient: tuple[float, float, float] | None = None
    dixon: Dixon | None = None
    te_ms: float | None = None
    making: Making = Making.ACQUIRED


Touch = Callable[[Dataset], None]
"""Changes the elements that all instances of a series share."""


@dataclass(frozen=True, eq=False)
class SeriesPlan:
    """One series to be written.

    Parameters
    ----------
    parts
        Volumes in the order of their instance numbers.
    name
        What it is called, where that is not what it is.
    suffix
        Added to its description.
    key
        Tells several series of a kind apart.
    omit
        Slices of each volume that are not written.
    frame_of_reference, owner, examination
        Whose frame of reference, patient and study it carries; empty: those of the study.
    interleaved
        Whether the parts alternate slice by slice.
    touch
        Applied to what its instances share.
    """

    kind: SeriesKind
    number: int
    parameters: Parameters
    parts: tuple[Part, ...]
    name: SeriesKind | None = None
    suffix: str = ""
    key: str = ""
    omit: frozenset[int] = frozenset()
    frame_of_reference: str = ""
    owner: str = ""
    examination: str = ""
    interleaved: bool = False
    touch: tuple[Touch, ...] = ()

    @property
    def at_s(self) -> float:
        """Start of the series relative to the injection, s."""
        return min(part.at_s for part in self.parts)

    @property
    def phases(self) -> tuple[float, ...]:
        """Instants of its temporal positions, s."""
        return tuple(sorted({part.at_s for part in self.parts}))

    @property
    def enhanced(self) -> bool:
        """Whether part of it was acquired after the injection."""
        return any(part.at_s > 0 for part in self.parts)

    @property
    def is_t1(self) -> bool:
        """Whether it may show a phase of contrast."""
        return self.parameters.technique is Technique.SPOILED_3D

    @property
    def uid_parts(self) -> tuple[str, ...]:
        """What its UIDs are derived from."""
        return (self.kind.value, self.key) if self.key else (self.kind.value,)


@dataclass(frozen=True)
class Agent:
    """Contrast as the technologist typed it.

    Parameters
    ----------
    name
        Contrast/Bolus Agent; empty: absent.
    code
        Value, scheme and meaning of the coded agent; empty: absent.
    start_recorded
        Whether Contrast/Bolus Start Time is there.
    clock_error_s
        Of the injector, on whose clock the start was typed, s.
    before_too
        Whether series before the injection name it as well.
    given
        Whether it was administered.
    """

    name: str = "Gadoxetate disodium (Primovist)"
    code: tuple[str, str, str] | tuple[()] = ("440223009", "SCT", "Gadoxetate")
    start_recorded: bool = True
    clock_error_s: float = 0.0
    before_too: bool = False
    given: bool = True


@dataclass(frozen=True)
class Naming:
    """Descriptions in another language than the vendor's default.

    Parameters
    ----------
    names
        By kind; a kind that is absent has no description at all.
    character_set
        Specific Character Set as declared.
    encoding
        Python codec of the bytes where they are not what is declared; empty where they are.
    """

    names: Mapping[SeriesKind, str]
    character_set: tuple[str, ...] = ("ISO_IR 192",)
    encoding: str = ""


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """One study to be written.

    Parameters
    ----------
    injected_after_h
        Time of day of the injection, hours.
    naming
        None: as the vendor names its series.
    patient_position
        (0018,5100).
    converted
        Whether classic series are written as Legacy Converted Enhanced MR.
    implicit
        Whether the transfer syntax is Implicit VR Little Endian.
    sent
        How often the whole study is sent.
    """

    series: tuple[SeriesPlan, ...]
    agent: Agent = Agent()
    injected_after_h: float = 9 + 20 / 60
    naming: Naming | None = None
    patient_position: str = "HFS"
    converted: bool = False
    implicit: bool = False
    sent: int = 1
    quirks: frozenset[Quirk] = field(default_factory=frozenset)

    def of(self, kind: SeriesKind) -> SeriesPlan:
        """Return the only series of a kind."""
        (found,) = (series for series in self.series if series.kind is kind)
        return found

    def changing(self, change: Callable[[SeriesPlan], SeriesPlan], *kinds: SeriesKind) -> "StudyPlan":
        """Return the plan with `change` applied to every series of `kinds`."""
        return replace(self, series=tuple(change(item) if item.kind in kinds else item for item in self.series))

    def without(self, *kinds: SeriesKind) -> "StudyPlan":
        """Return the plan without the series of `kinds`."""
        return replace(self, series=tuple(item for item in self.series if item.kind not in kinds))

    def adding(self, *series: SeriesPlan) -> "StudyPlan":
        """Return the plan with more series."""
        return replace(self, series=(*self.series, *series))
