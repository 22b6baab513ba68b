"""United Imaging uMR 790 3.0 T: UTF-8, content minutes after the acquisition, b-values in private elements."""

from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, Slice, Words, date_time_text, later, time_text, write_times
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesKind, Technique

RECONSTRUCTION_S = 221.0
"""From the acquisition to the content in a real T1 series."""

_DIXON = {
    Dixon.WATER: "WATER",
    Dixon.FAT: "FAT",
    Dixon.IN_PHASE: "IN_PHASE",
    Dixon.OPPOSED: "OUT_PHASE",
}
_TYPES = {
    Making.ADC: ("DERIVED", "PRIMARY", "ADC", "UCA", "IF"),
    Making.CALCULATED_B: ("DERIVED", "PRIMARY", "COMPUTED", "UCA", "IF"),
    Making.SUBTRACTION: ("DERIVED", "SECONDARY", "SUBTRACTION"),
    Making.MIP: ("DERIVED", "SECONDARY", "MIP"),
    Making.MPR: ("DERIVED", "SECONDARY", "MPR"),
}


def _image_type(image: Slice) -> tuple[str, ...]:
    part = image.part
    if part.making is not Making.ACQUIRED:
        return _TYPES[part.making]
    if part.dixon is not None:
        return ("ORIGINAL", "PRIMARY", "M", "WFI", _DIXON[part.dixon])
    return ("ORIGINAL", "PRIMARY", "M", *(("VFRAME",) if image.tiled else ("UCA", "IF")))


def _write(ds: Dataset, image: Slice) -> None:
    acquired = image.acquired_at
    if image.says(Quirk.NO_PHASE_TIME) and image.plan.is_t1:
        acquired = image.identity.at(0.0)
    dates = not image.says(Quirk.NO_DATES)
    content = later(acquired, RECONSTRUCTION_S)
    write_times(ds, series=later(acquired, 0.75), acquisition=acquired, content=content, decimals=6, dates=dates)
    if dates:
        ds.AcquisitionDateTime = date_time_text(acquired)
    ds.AcquisitionNumber = image.phase
    ds.ComplexImageComponent = "MAGNITUDE"
    private = ds.private_block(0x0065, "Image Private Header", create=True)
    b = image.part.b_s_per_mm2
    if b is not None and not (image.says(Quirk.UNSAID_LOW_B) and b == 0):
        # The actual value follows the gradients of the moment; the user value is what was asked for.
        private.add_new(0x09, "FD", 0.93 * b)
        private.add_new(0x0A, "FD", b)
        private.add_new(0x37, "FD", list(image.part.gradient or (0.0, 0.0, 0.0)))
    private.add_new(0x16, "UL", image.slices)
    private.add_new(0x29, "SH", "00:17")
    private.add_new(0x2B, "LT", "DWI" if b is not None else "")
    private.add_new(0x2D, "ST", UIH.words[image.plan.parameters.technique].name)
    if image.tiled:
        private.add_new(0x50, "DS", str(image.slices))
        private.add_new(0x51, "SQ", _tiles(image))


def _tiles(image: Slice) -> list[Dataset]:
    """Return one item a tile: its instant and position (private sequence of a VFRAME image)."""
    items = []
    for k in range(image.slices):
        item = Dataset()
        item.AcquisitionDate = image.acquired_at.strftime("%Y%m%d")
        item.AcquisitionTime = time_text(image.acquired_at, 6)
        item.ImagePositionPatient = [f"{value:.6f}" for value in image.part.volume.grid.to_lps_mm([0, 0, k])]
        items.append(item)
    return items


UIH = Dialect(
    name="uih",
    manufacturer="UIH",
    model="uMR 790",
    software=("R004",),
    character_set="ISO_IR 192",
    image_type=_image_type,
    write=_write,
    dixon_names=MappingProxyType(
        {
            Dixon.WATER: "{name}_wfi_W",
            Dixon.FAT: "{name}_wfi_F",
            Dixon.IN_PHASE: "{name}_wfi_IP",
            Dixon.OPPOSED: "{name}_wfi_OP",
        }
    ),
    names=MappingProxyType(
        {
            SeriesKind.LOCALIZER: "gre_scout",
            SeriesKind.BOLUS: "bolus_track_cor",
            SeriesKind.DUAL_ECHO: "t1_gre_2d_ip_op_tra_bh",
            SeriesKind.T1_PRE: "t1_quick3d_fs_tra_bh_pre",
            SeriesKind.T1_ARTERIAL: "t1_quick3d_fs_tra_bh_art",
            SeriesKind.T1_PORTAL: "t1_quick3d_fs_tra_bh_portal",
            SeriesKind.T1_TRANSITIONAL: "t1_quick3d_fs_tra_bh_delay_{minutes}min",
            SeriesKind.T1_DYNAMIC: "t1_quick3d_fs_tra_bh_dyn",
            SeriesKind.T1_PRE_POST: "t1_quick3d_fs_tra_bh_pre/post",
            SeriesKind.T2: "t2_fse_fs_tra_trig",
            SeriesKind.T2_PLAIN: "t2_fse_tra_trig",
            SeriesKind.T2_SINGLE_SHOT: "t2_ssfse_tra_bh",
            SeriesKind.MRCP: "mrcp_ssfse_thickslab",
            SeriesKind.BALANCED: "bssfp_ssfp_tra_bh",
            SeriesKind.DWI: "dwi_epi_b{b}_tra_trig",
            SeriesKind.ADC: "dwi_epi_tra_trig_ADC",
            SeriesKind.T1_HEPATOBILIARY: "t1_quick3d_fs_tra_bh_hbp_{minutes}min",
            SeriesKind.T1_CORONAL: "t1_quick3d_fs_cor_bh_hbp_{minutes}min",
            SeriesKind.T1_SUBTRACTION: "t1_quick3d_fs_tra_bh_art_sub",
            SeriesKind.T1_MIP: "t1_quick3d_fs_tra_bh_art_MIP",
            SeriesKind.T1_MPR: "t1_quick3d_fs_tra_bh_portal_MPR",
        }
    ),
    words=MappingProxyType(
        {
            Technique.SPOILED_3D: Words(("GR",), ("SP",), ("FS",), "3D", 40, "gre_quick3d"),
            Technique.SPOILED_2D: Words(("GR",), ("SP",), (), "2D", 1, "gre_2d"),
            Technique.TSE: Words(("SE",), ("SK",), ("FS",), "2D", 20, "fse"),
            Technique.SINGLE_SHOT: Words(("SE",), ("SK",), (), "2D", 90, "fse_ssh"),
            Technique.BALANCED: Words(("GR",), ("SS",), (), "2D", 1, "gre_bssfp"),
            Technique.ECHO_PLANAR: Words(("EP",), ("NONE",), ("FS",), "2D", 48, "epi_dwi"),
        }
    ),
)
"""United Imaging uMR 790."""
