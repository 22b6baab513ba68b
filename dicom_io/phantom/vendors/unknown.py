"""A scanner that matching has no dialect for: public elements only."""

from dataclasses import replace
from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, Slice, later, write_times
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesKind
from dicom_io.phantom.vendors.siemens import WORDS

RECONSTRUCTION_S = 6.0
"""From the acquisition to the time of the content."""

_DIXON = {
    Dixon.WATER: "WATER",
    Dixon.FAT: "FAT",
    Dixon.IN_PHASE: "IN_PHASE",
    Dixon.OPPOSED: "OPPOSED_PHASE",
}
_TYPES = {
    Making.ADC: ("DERIVED", "PRIMARY", "ADC"),
    Making.CALCULATED_B: ("DERIVED", "PRIMARY", "CALCULATED"),
    Making.SUBTRACTION: ("DERIVED", "SECONDARY", "SUBTRACTION"),
    Making.MIP: ("DERIVED", "SECONDARY", "PROJECTION IMAGE"),
    Making.MPR: ("DERIVED", "SECONDARY", "RESAMPLED"),
}


def _image_type(image: Slice) -> tuple[str, ...]:
    if image.part.making is not Making.ACQUIRED:
        return _TYPES[image.part.making]
    if image.part.dixon is not None:
        return ("DERIVED", "PRIMARY", "DIXON", _DIXON[image.part.dixon])
    return ("ORIGINAL", "PRIMARY", "DIFFUSION" if image.part.b_s_per_mm2 is not None else "OTHER")


def _write(ds: Dataset, image: Slice) -> None:
    acquired = image.acquired_at
    if image.says(Quirk.NO_PHASE_TIME) and image.plan.is_t1:
        acquired = image.identity.at(0.0)
    write_times(
        ds,
        series=later(image.series_at, 1.0) if acquired == image.acquired_at else acquired,
        acquisition=acquired,
        content=later(acquired, RECONSTRUCTION_S),
        decimals=1,
        dates=not image.says(Quirk.NO_DATES),
    )
    ds.AcquisitionNumber = image.phase
    if image.phases > 1:
        ds.TemporalPositionIdentifier, ds.NumberOfTemporalPositions = image.phase, image.phases
    b = image.part.b_s_per_mm2
    if b is not None and not (image.says(Quirk.UNSAID_LOW_B) and b == 0):
        ds.DiffusionBValue = b
        if image.part.gradient is not None:
            ds.DiffusionDirectionality = "DIRECTIONAL"
            ds.DiffusionGradientOrientation = list(image.part.gradient)


UNKNOWN = Dialect(
    name="unknown",
    manufacturer="Phantom Imaging",
    model="Zero",
    software=("1.0",),
    names=MappingProxyType(
        {
            SeriesKind.LOCALIZER: "SCOUT",
            SeriesKind.BOLUS: "TEST BOLUS",
            SeriesKind.DUAL_ECHO: "AX T1 IN OUT",
            SeriesKind.T1_PRE: "AX T1 FS PRE",
            SeriesKind.T1_ARTERIAL: "AX T1 FS ARTERIAL",
            SeriesKind.T1_PORTAL: "AX T1 FS PORTAL VENOUS",
            SeriesKind.T1_TRANSITIONAL: "AX T1 FS {minutes} MIN",
            SeriesKind.T1_DYNAMIC: "AX T1 FS DYNAMIC",
            SeriesKind.T1_PRE_POST: "AX T1 FS PRE/POST",
            SeriesKind.T2: "AX T2 FS",
            SeriesKind.T2_PLAIN: "AX T2",
            SeriesKind.T2_SINGLE_SHOT: "AX T2 SINGLE SHOT",
            SeriesKind.MRCP: "MRCP",
            SeriesKind.BALANCED: "AX BALANCED SSFP",
            SeriesKind.DWI: "AX DWI b {b}",
            SeriesKind.ADC: "ADC",
            SeriesKind.T1_HEPATOBILIARY: "AX T1 FS HBP {minutes} MIN",
            SeriesKind.T1_CORONAL: "COR T1 FS HBP {minutes} MIN",
            SeriesKind.T1_SUBTRACTION: "SUBTRACTION ART",
            SeriesKind.T1_MIP: "MIP ART",
            SeriesKind.T1_MPR: "MPR PORTAL VENOUS",
        }
    ),
    words=MappingProxyType({technique: replace(words, name="") for technique, words in WORDS.items()}),
    b_separator=" ",
    image_type=_image_type,
    write=_write,
)
"""A scanner without a name."""
