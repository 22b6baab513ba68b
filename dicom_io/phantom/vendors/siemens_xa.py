"""Siemens MAGNETOM Vida 3.0 T, software syngo MR XA20: Enhanced MR objects."""

from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, MultiFrame, Slice, nothing
from dicom_io.phantom.plan import Dixon, Making, SeriesKind, SeriesPlan
from dicom_io.phantom.vendors.siemens import DIXON_NAMES, NAMES, WORDS

MICROSECONDS = 1000.0
"""XA10 writes Frame Acquisition Duration in microseconds."""

_DIXON = {
    Dixon.WATER: "WATER",
    Dixon.FAT: "FAT",
    Dixon.IN_PHASE: "IN_PHASE",
    Dixon.OPPOSED: "OUT_PHASE",
}
_MADE = {
    Making.ADC: ("DERIVED", "PRIMARY", "DIFFUSION", "ADC"),
    Making.CALCULATED_B: ("DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE"),
    Making.SUBTRACTION: ("DERIVED", "PRIMARY", "M", "SUBTRACTION"),
    Making.MIP: ("DERIVED", "PRIMARY", "MIP", "NONE"),
    Making.MPR: ("DERIVED", "PRIMARY", "MPR", "NONE"),
}


def _frame_type(image: Slice) -> tuple[str, ...]:
    part = image.part
    if part.making is not Making.ACQUIRED:
        return _MADE[part.making]
    if part.dixon is not None:
        return ("ORIGINAL", "PRIMARY", "DIXON", _DIXON[part.dixon])
    if part.b_s_per_mm2 is not None:
        return ("ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW" if part.gradient is None else "NONE")
    return ("ORIGINAL", "PRIMARY", "M", "NONE")


def _write_frame(groups: Dataset, image: Slice) -> None:
    item = Dataset()
    block = item.private_block(0x0021, "SIEMENS MR SDI 02", create=True)
    block.add_new(0x03, "DS", "17000")
    block.add_new(0x06, "LO", f"X_1_1_1_{image.phase}_1_1_1_1_1_{image.k + 1}_1_1")
    block.add_new(0x76, "LO", ["ChannelMixing:ND=true_CMM=1_CDM=1", "CC:SoS"])
    outer = groups.private_block(0x0021, "SIEMENS MR SDI 02", create=True)
    outer.add_new(0xFE, "SQ", [item])


def _write_object(ds: Dataset, _plan: SeriesPlan) -> None:
    block = ds.private_block(0x0021, "SIEMENS MR SDR 01", create=True)
    block.add_new(0x01, "LO", "ACQUISITION")
    block.add_new(0x02, "LO", "ACQUISITION")


SIEMENS_XA = Dialect(
    name="siemens-xa",
    manufacturer="Siemens Healthineers",
    model="MAGNETOM Vida",
    software=("syngo MR XA20",),
    names=MappingProxyType({**NAMES, SeriesKind.T1_PRE_POST: "t1_vibe_fs_tra_bh_pre/post"}),
    words=WORDS,
    image_type=_frame_type,
    write=nothing,
    dixon_names=DIXON_NAMES,
    multi_frame=MultiFrame(_frame_type, _write_frame, _write_object, duration_factor=MICROSECONDS),
)
"""Siemens MAGNETOM Vida."""
