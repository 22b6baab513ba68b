"""Philips Ingenia 3.0 T, R5.3, classic MR objects: Dixon images in one series, Trigger Time for phases."""

from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, Slice, Words, later, write_times
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesKind, Technique

RECONSTRUCTION_S = 9.0
"""From the acquisition to the time of the content."""

_DIXON = {Dixon.WATER: "W", Dixon.FAT: "F", Dixon.IN_PHASE: "IP", Dixon.OPPOSED: "OP"}
_TYPES = {
    Making.ADC: ("DERIVED", "PRIMARY", "ADC", "ADC", "UNSPECIFIED"),
    Making.CALCULATED_B: ("DERIVED", "PRIMARY", "DIFFUSION", "CALCULATED", "UNSPECIFIED"),
    Making.SUBTRACTION: ("DERIVED", "SECONDARY", "SUBTRACTION", "M", "FFE"),
    Making.MIP: ("DERIVED", "SECONDARY", "PROJECTION IMAGE", "MIP", "UNSPECIFIED"),
    Making.MPR: ("DERIVED", "SECONDARY", "MPR", "M", "FFE"),
}
_SPIN_ECHO = (Technique.TSE, Technique.SINGLE_SHOT, Technique.ECHO_PLANAR)

NAMES = MappingProxyType(
    {
        SeriesKind.LOCALIZER: "Survey",
        SeriesKind.BOLUS: "BolusTrak",
        SeriesKind.DUAL_ECHO: "dual FFE BH",
        SeriesKind.T1_PRE: "e-THRIVE pre BH",
        SeriesKind.T1_ARTERIAL: "e-THRIVE art BH",
        SeriesKind.T1_PORTAL: "e-THRIVE portal BH",
        SeriesKind.T1_TRANSITIONAL: "e-THRIVE delayed {minutes}min BH",
        SeriesKind.T1_DYNAMIC: "e-THRIVE dyn BH",
        SeriesKind.T1_PRE_POST: "e-THRIVE pre/post BH",
        SeriesKind.T2: "T2W_TSE SPAIR RT",
        SeriesKind.T2_PLAIN: "T2W_TSE RT",
        SeriesKind.T2_SINGLE_SHOT: "T2W_SSh BH",
        SeriesKind.MRCP: "sMRCP_Rad",
        SeriesKind.BALANCED: "bTFE BH",
        SeriesKind.DWI: "DWI b{b} RT",
        SeriesKind.ADC: "dADC map",
        SeriesKind.T1_HEPATOBILIARY: "e-THRIVE HBP {minutes}min BH",
        SeriesKind.T1_CORONAL: "e-THRIVE cor HBP {minutes}min BH",
        SeriesKind.T1_SUBTRACTION: "sub e-THRIVE art",
        SeriesKind.T1_MIP: "MIP e-THRIVE art",
        SeriesKind.T1_MPR: "MPR e-THRIVE portal",
    }
)
WORDS = MappingProxyType(
    {
        Technique.SPOILED_3D: Words(("GR",), ("SS", "SP", "MP"), ("FS",), "3D", 30, "T1TFE"),
        Technique.SPOILED_2D: Words(("GR",), ("SS", "SP"), ("OTHER",), "2D", 1, "T1FFE"),
        Technique.TSE: Words(("SE",), ("SK",), ("FS",), "2D", 18, "TSE"),
        Technique.SINGLE_SHOT: Words(("SE",), ("SK",), ("OTHER",), "2D", 80, "TSE"),
        Technique.BALANCED: Words(("GR",), ("SS",), ("FS",), "2D", 1, "BTFE"),
        Technique.ECHO_PLANAR: Words(("SE",), ("SK",), ("FS",), "2D", 47, "SEEPI"),
    }
)
"""Philips calls an echo planar sequence SE; its sequence name and the b-value tell."""


def _image_type(image: Slice) -> tuple[str, ...]:
    part = image.part
    if part.making is not Making.ACQUIRED:
        return _TYPES[part.making]
    if part.dixon is not None:
        word = _DIXON[part.dixon]
        return ("DERIVED", "PRIMARY", word, word, "DERIVED")
    spin_echo = image.plan.parameters.technique in _SPIN_ECHO
    return (
        ("ORIGINAL", "PRIMARY", "M_SE", "M", "SE") if spin_echo else ("ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE")
    )


def _write(ds: Dataset, image: Slice) -> None:
    at = image.identity.at(0.0) if image.says(Quirk.NO_PHASE_TIME) and image.plan.is_t1 else image.series_at
    content = later(at, RECONSTRUCTION_S)
    write_times(ds, series=at, acquisition=at, content=content, decimals=2, dates=not image.says(Quirk.NO_DATES))
    ds.AcquisitionNumber = image.plan.number
    if not image.says(Quirk.NO_PHASE_TIME):
        ds.TemporalPositionIdentifier, ds.NumberOfTemporalPositions = image.phase, image.phases
        if image.phases > 1:
            ds.TriggerTime = f"{image.trigger_ms:.4f}"
    write_imaging_block(ds, image)


def write_slice_number(ds: Dataset, image: Slice) -> None:
    """Add the private number of a slice."""
    ds.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x0A, "IS", image.k + 1)


def write_imaging_block(ds: Dataset, image: Slice) -> None:
    """Add the private elements that classic and Enhanced objects share."""
    imaging = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    b = image.part.b_s_per_mm2
    if b is not None:
        imaging.add_new(0x03, "FL", b)
        imaging.add_new(0x04, "CS", "I" if image.part.gradient is None else "O")
        if not (image.says(Quirk.UNSAID_LOW_B) and b == 0):
            ds.DiffusionBValue = b
            ds.DiffusionDirectionality = directionality(image)
    imaging.add_new(0x12, "CS", "Y" if image.phases > 1 else "N")
    imaging.add_new(0x18, "SL", image.slices)
    imaging.add_new(0x81, "IS", image.phases)
    private = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    private.add_new(0x0D, "FL", 0.0)
    private.add_new(0x0E, "FL", 1.0)
    private.add_new(0x11, "CS", _DIXON[image.part.dixon] if image.part.dixon else "M")
    for element, part in zip((0xB0, 0xB1, 0xB2), image.part.gradient or (0.0, 0.0, 0.0), strict=True):
        private.add_new(element, "FL", part)


def directionality(image: Slice) -> str:
    """Return Diffusion Directionality (PS3.3 C.8.13.5.9)."""
    if not image.part.b_s_per_mm2:
        return "NONE"
    return "ISOTROPIC" if image.part.gradient is None else "DIRECTIONAL"


PHILIPS = Dialect(
    name="philips",
    manufacturer="Philips Medical Systems",
    model="Ingenia",
    software=("5.3.0", "5.3.0.3"),
    names=NAMES,
    words=WORDS,
    image_type=_image_type,
    write=_write,
    write_slice=write_slice_number,
    dixon_together=True,
    b_separator="-",
)
"""Philips Ingenia."""
