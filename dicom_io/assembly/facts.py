"""One typed record of facts per frame, whatever vendor or object it came from."""

from dataclasses import dataclass
from typing import NamedTuple

from dicom_io.assembly.match_result import SourceInstance

Vector = tuple[float, float, float]


class Times(NamedTuple):
    """Instants of one frame by source, s since an arbitrary midnight shared by the study; None: not known."""

    frame_acquisition_s: float | None = None
    acquisition_s: float | None = None
    content_s: float | None = None
    series_s: float | None = None
    trigger_s: float | None = None


class Person(NamedTuple):
    """Who the headers say a patient is: digests, only good for comparing; empty: not known.

    Parameters
    ----------
    issuer
        Of the Patient ID.
    birth
        Of the birth date.
    sex
        ``M`` or ``F``.
    names
        Of each word of the name in Latin letters, and of each Han character and Hangul syllable, however they are
        written; each after the name of its script.
    """

    issuer: str = ""
    birth: str = ""
    sex: str = ""
    names: frozenset[str] = frozenset()


NOBODY = Person()


@dataclass(frozen=True)
class SeriesFacts:
    """What the frames of one series and one parameter set share.

    Parameters
    ----------
    patient_key
        Digest of Patient ID, only good for comparing; empty where the ID is absent.
    descriptions
        Readings of Series Description, the best first.
    search_text
        Normalised Series Description, Protocol Name and Sequence Name, all readings.
    images_in_acquisition
        (0020,1002) as stored: GE counts all phases of the series, others one; None where absent.
    """

    study_instance_uid: str
    series_instance_uid: str
    series_number: int | None
    descriptions: tuple[str, ...]
    search_text: str
    patient_key: str
    modality: str
    manufacturer: str
    frame_of_reference_uid: str
    images_in_acquisition: int | None = None
    patient_position: str = ""
    """(0018,5100): HFS, FFS and so on; empty where absent."""
    person: Person = NOBODY
    """What else tells whose images these are."""
    orders: tuple[tuple[str, str], ...] = ()
    """What was ordered and done, in words: the name of each element that is not empty, and all its readings."""

    @property
    def description(self) -> str:
        """Series Description as displayed."""
        return self.descriptions[0]


@dataclass(frozen=True)
class Physics:
    """How a frame was acquired and made; None or empty: not known."""

    image_type: tuple[str, ...] = ()
    scanning_sequence: tuple[str, ...] = ()
    acquisition_type: str = ""
    pulse_sequence: str = ""
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    echo_train_length: float | None = None
    flip_angle_deg: float | None = None
    slice_thickness_mm: float | None = None
    field_strength_t: float | None = None
    fat_suppressed: bool | None = None
    dixon: str | None = None
    component: str = "MAGNITUDE"
    echo_number: int | None = None
    b_value_s_per_mm2: float | None = None
    directionality: str = ""
    gradient: tuple[float, ...] = ()
    agent: str = ""
    agent_phase: str = ""
    contrast_start: str = ""
    lossy: bool = False
    burned_in: bool = False
    body_part: str = ""
    mosaic: bool = False
    locations: int | None = None
    """GE's Locations in Acquisition: slices of one phase."""


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """One frame: where it lies, when it was acquired, and the shared facts.

    Parameters
    ----------
    frame_number
        From 1 in a multi-frame instance; None where the instance is one image.
    position_lps_mm
        Centre of the first voxel (PS3.3 C.7.6.2.1.1), LPS, mm; None where absent.
    orientation
        Direction cosines of row and column; None where absent.
    pixel_spacing_mm
        Between rows, between columns, mm; None where absent.
    times
        Instants by source, s.
    temporal_position, acquisition_number, instance_number
        Indices as stored.
    problem
        Why the pixels cannot be used although the header was read; empty otherwise.
    """

    instance: SourceInstance
    frame_number: int | None
    frame_count: int
    series: SeriesFacts
    physics: Physics
    rows: int
    columns: int
    pixel_spacing_mm: tuple[float, float] | None
    orientation: tuple[float, ...] | None
    position_lps_mm: Vector | None
    times: Times
    temporal_position: int | None
    acquisition_number: int | None
    instance_number: int | None
    problem: str = ""
    comments: str = ""
    """Image Comments, and those of the frame."""
