"""Canon Vantage Galan and Toshiba Vantage Titan, 3.0 T: sparse headers, b-values on weighted images only."""

from dataclasses import replace
from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, Slice, Words, later, write_times
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesKind, Technique

RECONSTRUCTION_S = 12.0
"""From the acquisition to the time of the content."""

_DIXON = {Dixon.WATER: "WATER", Dixon.FAT: "FAT", Dixon.IN_PHASE: "IN_PHASE", Dixon.OPPOSED: "OUT_PHASE"}
_TYPES = {
    Making.ADC: ("DERIVED", "SECONDARY", "ADC"),
    Making.CALCULATED_B: ("DERIVED", "SECONDARY", "COMPUTED"),
    Making.SUBTRACTION: ("DERIVED", "SECONDARY", "SUBTRACTION"),
    Making.MIP: ("DERIVED", "SECONDARY", "MIP"),
    Making.MPR: ("DERIVED", "SECONDARY", "MPR"),
}


def _image_type(image: Slice) -> tuple[str, ...]:
    if image.part.making is not Making.ACQUIRED:
        return _TYPES[image.part.making]
    if image.part.dixon is not None:
        return ("DERIVED", "PRIMARY", _DIXON[image.part.dixon])
    return ("ORIGINAL", "PRIMARY", "GDC")


def _write(ds: Dataset, image: Slice) -> None:
    acquired = image.acquired_at
    if image.says(Quirk.NO_PHASE_TIME) and image.plan.is_t1:
        acquired = image.identity.at(0.0)
    write_times(
        ds,
        series=acquired,
        acquisition=acquired,
        content=later(acquired, RECONSTRUCTION_S),
        decimals=3,
        dates=not image.says(Quirk.NO_DATES),
    )
    ds.AcquisitionNumber = image.phase
    ds.StackID, ds.TemporalPositionIndex = "1", image.phase


def _write_slice(ds: Dataset, image: Slice) -> None:
    ds.InStackPositionNumber = image.k + 1


def _write_canon(ds: Dataset, image: Slice) -> None:
    _write(ds, image)
    if image.part.b_s_per_mm2:
        direction = ",".join(f"{part:.3f}" for part in image.part.gradient or (0.0, 0.0, 0.0))
        ds.ImageComments = f"b={image.part.b_s_per_mm2:.0f}({direction})"


def _write_toshiba(ds: Dataset, image: Slice) -> None:
    _write(ds, image)
    if image.part.b_s_per_mm2:
        ds.DiffusionBValue = image.part.b_s_per_mm2


CANON = Dialect(
    name="canon",
    manufacturer="CANON_MEC",
    model="Vantage Galan 3T",
    software=("V6.0SP0103*",),
    character_set="ISO_IR 192",
    body_part="ABDOMEN",
    signed=True,
    b_separator=",",
    image_type=_image_type,
    write=_write_canon,
    write_slice=_write_slice,
    dixon_names=MappingProxyType(
        {
            Dixon.WATER: "{name} WFS Water",
            Dixon.FAT: "{name} WFS Fat",
            Dixon.IN_PHASE: "{name} WFOP In",
            Dixon.OPPOSED: "{name} WFOP Out",
        }
    ),
    names=MappingProxyType(
        {
            SeriesKind.LOCALIZER: "Locator",
            SeriesKind.BOLUS: "Visual Prep bolus track",
            SeriesKind.DUAL_ECHO: "AX In/Out FFE2D",
            SeriesKind.T1_PRE: "AX Quick3Ds FS PRE",
            SeriesKind.T1_ARTERIAL: "AX Quick3Ds FS ART",
            SeriesKind.T1_PORTAL: "AX Quick3Ds FS PORTAL",
            SeriesKind.T1_TRANSITIONAL: "AX Quick3Ds FS DELAY {minutes}min",
            SeriesKind.T1_DYNAMIC: "AX Quick3Ds FS DYNAMIC",
            SeriesKind.T1_PRE_POST: "AX Quick3Ds FS PRE/POST",
            SeriesKind.T2: "AX T2 FS",
            SeriesKind.T2_PLAIN: "AX T2",
            SeriesKind.T2_SINGLE_SHOT: "AX T2 SS FASE",
            SeriesKind.MRCP: "MRCP thick slab",
            SeriesKind.BALANCED: "AX True SSFP",
            SeriesKind.DWI: "AX DWI b{b}",
            SeriesKind.ADC: "ADC",
            SeriesKind.T1_HEPATOBILIARY: "AX Quick3Ds FS HBP {minutes}min",
            SeriesKind.T1_CORONAL: "COR Quick3Ds FS HBP {minutes}min",
            SeriesKind.T1_SUBTRACTION: "AX Quick3Ds FS ART SUB",
            SeriesKind.T1_MIP: "AX Quick3Ds FS ART MIP",
            SeriesKind.T1_MPR: "AX Quick3Ds FS PORTAL MPR",
        }
    ),
    words=MappingProxyType(
        {
            Technique.SPOILED_3D: Words(("GR",), ("SP",), ("PFP", "FS"), "3D", 1, "FFE3D+1.3"),
            Technique.SPOILED_2D: Words(("GR",), ("SP",), ("PFP",), "2D", 1, "FFE2D+2.3"),
            Technique.TSE: Words(("SE",), ("SK",), ("PFP", "FS"), "2D", 19, "FSE2D+7.5"),
            Technique.SINGLE_SHOT: Words(("SE",), ("SK",), ("PFP",), "2D", 76, "FASE2D+6.5"),
            Technique.BALANCED: Words(("GR",), ("SS",), ("PFP",), "2D", 1, "SSFP2D+2.2"),
            Technique.ECHO_PLANAR: Words(("SE",), ("NONE",), ("FS",), "2D", 48, "SEEPI2D+0.75"),
        }
    ),
)
"""Canon Vantage Galan."""

TOSHIBA = replace(
    CANON, name="toshiba", manufacturer="TOSHIBA", model="Titan3T", software=("V4.0SP0053*",), write=_write_toshiba
)
"""Toshiba Vantage Titan."""
