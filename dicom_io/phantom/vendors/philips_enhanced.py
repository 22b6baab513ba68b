"""Philips Ingenia 3.0 T as Enhanced MR objects, with the words of releases before 12 or of 12 and later."""

from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, MultiFrame, Slice, nothing
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesPlan, Technique
from dicom_io.phantom.vendors.philips import NAMES, WORDS, write_imaging_block, write_slice_number

_BEFORE_R12 = {Dixon.WATER: "W", Dixon.FAT: "F", Dixon.IN_PHASE: "IP", Dixon.OPPOSED: "OP"}
_FROM_R12 = {
    Dixon.WATER: "WATER",
    Dixon.FAT: "FAT",
    Dixon.IN_PHASE: "IN_PHASE",
    Dixon.OPPOSED: "OUT_OF_PHASE",
}
_MADE = {
    Making.ADC: ("DERIVED", "PRIMARY", "DIFFUSION", "ADC"),
    Making.CALCULATED_B: ("DERIVED", "PRIMARY", "DIFFUSION", "CALCULATED"),
    Making.SUBTRACTION: ("DERIVED", "PRIMARY", "T1", "SUBTRACTION"),
    Making.MIP: ("DERIVED", "PRIMARY", "MIP", "NONE"),
    Making.MPR: ("DERIVED", "PRIMARY", "MPR", "NONE"),
}
_CONTRASTS = {Technique.SPOILED_3D: "T1", Technique.SPOILED_2D: "T1", Technique.ECHO_PLANAR: "DIFFUSION"}


def _frame_type(image: Slice) -> tuple[str, ...]:
    part = image.part
    if part.making is not Making.ACQUIRED:
        return _MADE[part.making]
    contrast = _CONTRASTS.get(image.plan.parameters.technique, "T2")
    if part.dixon is None:
        return ("ORIGINAL", "PRIMARY", contrast, "M")
    words = _FROM_R12 if image.says(Quirk.R12_FRAME_TYPES) else _BEFORE_R12
    # The echoes are acquired, water and fat are computed from them.
    made = "DERIVED" if part.dixon in (Dixon.WATER, Dixon.FAT) else "ORIGINAL"
    return (made, "PRIMARY", contrast, words[part.dixon])


def _write_frame(groups: Dataset, image: Slice) -> None:
    item = Dataset()
    item.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
    item.ContentDate = image.acquired_at.strftime("%Y%m%d")
    item.ContentTime = image.acquired_at.strftime("%H%M%S.%f")[:9]
    item.TemporalPositionIdentifier, item.NumberOfTemporalPositions = image.phase, image.phases
    write_imaging_block(item, image)
    write_slice_number(item, image)
    block = groups.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    block.add_new(0x0F, "SQ", [item])


def _write_object(ds: Dataset, plan: SeriesPlan) -> None:
    imaging = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    imaging.add_new(0x12, "CS", "Y" if len(plan.phases) > 1 else "N")
    imaging.add_new(0x81, "IS", len(plan.phases))


PHILIPS_ENHANCED = Dialect(
    name="philips-enhanced",
    manufacturer="Philips Medical Systems",
    model="Ingenia",
    software=("5.3.0", "5.3.0.3"),
    names=MappingProxyType({kind: f"WIP {name}" for kind, name in NAMES.items()}),
    words=WORDS,
    image_type=_frame_type,
    write=nothing,
    dixon_together=True,
    b_separator="-",
    multi_frame=MultiFrame(_frame_type, _write_frame, _write_object),
)
"""Philips Ingenia, Enhanced export."""
