"""Siemens MAGNETOM Skyra 3.0 T, software syngo MR E11, classic MR objects."""

from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, Slice, Words, later, write_times
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesKind, Technique

RECONSTRUCTION_S = 4.0
"""From the acquisition to the time of the content."""

DIXON_NAMES = MappingProxyType(
    {Dixon.WATER: "{name}_W", Dixon.FAT: "{name}_F", Dixon.IN_PHASE: "{name}_in", Dixon.OPPOSED: "{name}_opp"}
)
_DIXON_TYPES = {
    Dixon.WATER: "WATER",
    Dixon.FAT: "FAT",
    Dixon.IN_PHASE: "IN_PHASE",
    Dixon.OPPOSED: "OPP_PHASE",
}
_FILTERS = ("NORM", "DIS2D")
_TYPES = {
    Making.ADC: ("DERIVED", "PRIMARY", "DIFFUSION", "ADC", *_FILTERS),
    Making.CALCULATED_B: ("DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE", "TRACEW", *_FILTERS),
    Making.SUBTRACTION: ("DERIVED", "PRIMARY", "OTHER", "SUB"),
    Making.MIP: ("DERIVED", "SECONDARY", "MIP", "NONE"),
    Making.MPR: ("DERIVED", "SECONDARY", "MPR", "CSA MPR"),
}

NAMES = MappingProxyType(
    {
        SeriesKind.LOCALIZER: "localizer",
        SeriesKind.BOLUS: "care_bolus_cor",
        SeriesKind.DUAL_ECHO: "t1_fl2d_opp-in_tra_bh",
        SeriesKind.T1_PRE: "t1_vibe_fs_tra_bh_pre",
        SeriesKind.T1_ARTERIAL: "t1_vibe_fs_tra_bh_art",
        SeriesKind.T1_PORTAL: "t1_vibe_fs_tra_bh_pv",
        SeriesKind.T1_TRANSITIONAL: "t1_vibe_fs_tra_bh_delayed_{minutes}min",
        SeriesKind.T1_DYNAMIC: "t1_vibe_fs_tra_bh_dyn",
        SeriesKind.T1_PRE_POST: "AX VIBE PRE-POST DYNAMIC",
        SeriesKind.T2: "t2_tse_fs_tra_mbh",
        SeriesKind.T2_PLAIN: "t2_tse_tra_mbh",
        SeriesKind.T2_SINGLE_SHOT: "t2_haste_tra_p2_mbh",
        SeriesKind.MRCP: "t2_haste_fs_MRCP_thick slab",
        SeriesKind.BALANCED: "t2_trufi_tra_bh",
        SeriesKind.DWI: "ep2d_diff_b{b}_tra_TRACEW",
        SeriesKind.ADC: "ep2d_diff_tra_ADC",
        SeriesKind.T1_HEPATOBILIARY: "t1_vibe_fs_tra_bh_hepatobiliary_{minutes}min",
        SeriesKind.T1_CORONAL: "t1_vibe_fs_cor_bh_hepatobiliary_{minutes}min",
        SeriesKind.T1_SUBTRACTION: "t1_vibe_fs_tra_bh_art_SUB",
        SeriesKind.T1_MIP: "t1_vibe_fs_tra_bh_art_MIP",
        SeriesKind.T1_MPR: "t1_vibe_fs_tra_bh_pv_MPR",
    }
)
WORDS = MappingProxyType(
    {
        Technique.SPOILED_3D: Words(("GR",), ("SP", "OSP"), ("PFP", "FS"), "3D", 1, "*fl3d1"),
        Technique.SPOILED_2D: Words(("GR",), ("SP", "OSP"), ("PFP",), "2D", 1, "*fl2d2"),
        Technique.TSE: Words(("SE",), ("SK", "SP", "OSP"), ("PFP", "FS"), "2D", 25, "*tse2d1_25"),
        Technique.SINGLE_SHOT: Words(("SE",), ("SK", "SP", "OSP"), ("PFP",), "2D", 96, "*h2d1_96"),
        Technique.BALANCED: Words(("GR",), ("SS", "SP"), ("PFP",), "2D", 1, "*tfi2d1"),
        Technique.ECHO_PLANAR: Words(("EP",), ("SK", "SP"), ("PFP", "FS"), "2D", 59, "*ep_b0"),
    }
)


def _image_type(image: Slice) -> tuple[str, ...]:
    making, part = image.part.making, image.part
    if making is not Making.ACQUIRED:
        return _TYPES[making]
    if part.dixon is not None:
        return ("DERIVED", "PRIMARY", "M", "DIXON", _DIXON_TYPES[part.dixon], *_FILTERS)
    if part.b_s_per_mm2 is not None:
        kind = "TRACEW" if part.gradient is None else "NONE"
        return ("ORIGINAL", "PRIMARY", "DIFFUSION", kind, *_FILTERS)
    return ("ORIGINAL", "PRIMARY", "M", *_FILTERS)


def _write(ds: Dataset, image: Slice) -> None:
    acquired = image.acquired_at
    if image.says(Quirk.NO_PHASE_TIME) and image.plan.is_t1:
        acquired = image.identity.at(0.0)
    reconstructed = later(acquired, RECONSTRUCTION_S)
    write_times(
        ds,
        series=later(image.series_at, RECONSTRUCTION_S) if acquired == image.acquired_at else reconstructed,
        acquisition=acquired,
        content=reconstructed,
        decimals=6,
        dates=not image.says(Quirk.NO_DATES),
    )
    ds.AcquisitionNumber = image.phase
    b = image.part.b_s_per_mm2
    if b is None or (image.says(Quirk.UNSAID_LOW_B) and b == 0):
        return
    # The b-value stands in a private element and in the sequence name only.
    kind = "t" if image.part.gradient is None else "#1"
    ds.SequenceName = f"*ep_b{b:.0f}{kind}" if b else "*ep_b0"
    header = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    header.add_new(0x0C, "IS", int(b))
    if image.part.gradient is not None:
        header.add_new(0x0D, "CS", "DIRECTIONAL")
        header.add_new(0x0E, "FD", list(image.part.gradient))


SIEMENS = Dialect(
    name="siemens",
    manufacturer="SIEMENS",
    model="Skyra",
    software=("syngo MR E11",),
    names=NAMES,
    words=WORDS,
    image_type=_image_type,
    write=_write,
    dixon_names=DIXON_NAMES,
)
"""Siemens MAGNETOM Skyra."""
