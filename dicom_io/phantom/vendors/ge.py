"""GE Discovery MR750w 3.0 T, software DV26: whole seconds, one time a series, Trigger Time for the phases."""

from types import MappingProxyType

from pydicom import Dataset

from dicom_io.phantom.dialect import Dialect, Slice, Words, write_times
from dicom_io.phantom.plan import Dixon, Making, Quirk, SeriesKind, Technique

AXIAL_PLANE, CORONAL_PLANE, OBLIQUE_PLANE = 2, 8, 16
"""Values of Series Plane (0019,xx17)."""

ACQUISITION_US = 17_000_000.0
"""Duration of a breath-hold, (0019,xx5A) in microseconds."""

_FAST = ("FAST_GEMS", "EDR_GEMS", "ACC_GEMS", "PFF")
_ECHO_PLANAR = ("SAT_GEMS", "EDR_GEMS", "EPI_GEMS", "ACC_GEMS", "PFF", "FS")
_TYPES = {
    Making.ACQUIRED: ("ORIGINAL", "PRIMARY", "OTHER"),
    Making.ADC: ("DERIVED", "PRIMARY", "DIFFUSION", "ADC"),
    Making.CALCULATED_B: ("DERIVED", "SECONDARY", "DIFFUSION", "SYNTHETIC"),
    Making.SUBTRACTION: ("DERIVED", "SECONDARY", "OTHER"),
    Making.MIP: ("DERIVED", "SECONDARY", "PROJECTION IMAGE", "MIP"),
    Making.MPR: ("DERIVED", "SECONDARY", "REFORMATTED"),
}


def _image_type(image: Slice) -> tuple[str, ...]:
    return _TYPES[image.part.making]


def _write(ds: Dataset, image: Slice) -> None:
    # A GE header gives one whole second for the series, the acquisition and the content.
    at = image.identity.at(0.0) if image.says(Quirk.NO_PHASE_TIME) and image.plan.is_t1 else image.series_at
    write_times(ds, series=at, acquisition=at, content=at, decimals=0, dates=not image.says(Quirk.NO_DATES))
    ds.ImagesInAcquisition = image.instances
    if image.phases > 1 and not image.says(Quirk.NO_PHASE_TIME) and not image.says(Quirk.DRIFTING_TRIGGER):
        ds.TemporalPositionIdentifier, ds.NumberOfTemporalPositions = image.phase, image.phases
    _write_private(ds, image)


def _write_slice(ds: Dataset, image: Slice) -> None:
    if image.phases > 1 and not image.says(Quirk.NO_PHASE_TIME):
        ds.TriggerTime = round(image.trigger_ms)


def _write_private(ds: Dataset, image: Slice) -> None:
    acquisition = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    acquisition.add_new(0x17, "SS", _plane(image))
    acquisition.add_new(0x5A, "FL", ACQUISITION_US)
    acquisition.add_new(0x9C, "LO", GE.words[image.plan.parameters.technique].name)
    acquisition.add_new(0xA4, "SS", 1)
    relation = ds.private_block(0x0021, "GEMS_RELA_01", create=True)
    relation.add_new(0x4F, "SS", image.slices)
    parameters = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x2F, "SS", 0)
    b = image.part.b_s_per_mm2
    if b is not None:
        if not (image.says(Quirk.UNSAID_LOW_B) and b == 0):
            ds.DiffusionBValue = b
        parameters.add_new(0x39, "IS", [int(b), 8, 0, 0])


def _plane(image: Slice) -> int:
    """Return the series plane: an exact plane or oblique."""
    cosines = abs(image.part.volume.grid.direction[:, :2]).T.ravel()
    if max(cosines[:3]) < 0.9999 or max(cosines[3:]) < 0.9999:
        return OBLIQUE_PLANE
    return AXIAL_PLANE if cosines[5] < 0.9999 else CORONAL_PLANE


GE = Dialect(
    name="ge",
    manufacturer="GE MEDICAL SYSTEMS",
    model="DISCOVERY MR750w",
    software=("26", "LX", "MR Software release:DV26.0_R03_1831.b"),
    superior_first=True,
    protocol="Liver Gadoxetate",
    b_separator=" ",
    signed=True,
    image_type=_image_type,
    write=_write,
    write_slice=_write_slice,
    dixon_names=MappingProxyType(
        {
            Dixon.WATER: "WATER: {name}",
            Dixon.FAT: "FAT: {name}",
            Dixon.IN_PHASE: "InPhase: {name}",
            Dixon.OPPOSED: "OutPhase: {name}",
        }
    ),
    names=MappingProxyType(
        {
            SeriesKind.LOCALIZER: "3-Plane Loc SSFSE",
            SeriesKind.BOLUS: "SmartPrep",
            SeriesKind.DUAL_ECHO: "Ax Dual Echo FSPGR BH",
            SeriesKind.T1_PRE: "Ax LAVA PRE BH",
            SeriesKind.T1_ARTERIAL: "Ax LAVA ARTERIAL BH",
            SeriesKind.T1_PORTAL: "Ax LAVA PORTAL VENOUS BH",
            SeriesKind.T1_TRANSITIONAL: "Ax LAVA {minutes} MIN DELAY BH",
            SeriesKind.T1_DYNAMIC: "3D Ax LAVA Dyn Mph BH",
            SeriesKind.T1_PRE_POST: "Ax LAVA PRE & POST",
            SeriesKind.T2: "Ax T2 FRFSE FS RTr",
            SeriesKind.T2_PLAIN: "Ax T2 FRFSE RTr",
            SeriesKind.T2_SINGLE_SHOT: "Ax T2 SSFSE BH",
            SeriesKind.MRCP: "MRCP Ax SSFSE Thick Slab",
            SeriesKind.BALANCED: "Ax FIESTA FS BH",
            SeriesKind.DWI: "Ax DWI b {b} RTr",
            SeriesKind.ADC: "Apparent Diffusion Coefficient (mm2/s)",
            SeriesKind.T1_HEPATOBILIARY: "Ax LAVA HBP {minutes} MIN BH",
            SeriesKind.T1_CORONAL: "Cor LAVA HBP {minutes} MIN BH",
            SeriesKind.T1_SUBTRACTION: "SUB Ax LAVA ARTERIAL - PRE",
            SeriesKind.T1_MIP: "MIP Ax LAVA ARTERIAL",
            SeriesKind.T1_MPR: "Reformat Ax LAVA PORTAL VENOUS",
        }
    ),
    words=MappingProxyType(
        {
            Technique.SPOILED_3D: Words(("GR",), ("SS", "SP", "SK"), (*_FAST, "FS"), "3D", 1, "efgre3d"),
            Technique.SPOILED_2D: Words(("GR",), ("SS", "SP"), _FAST[:2], "2D", 1, "fspgr"),
            Technique.TSE: Words(("SE",), ("SK",), ("FAST_GEMS", "EDR_GEMS", "RG", "FS"), "2D", 16, "frfse"),
            Technique.SINGLE_SHOT: Words(("SE",), ("SK", "SS"), _FAST[:2], "2D", 96, "ssfse"),
            Technique.BALANCED: Words(("GR",), ("SS",), (*_FAST[:2], "FS"), "2D", 1, "fiesta"),
            Technique.ECHO_PLANAR: Words(("EP", "SE"), ("NONE",), _ECHO_PLANAR, "2D", 1, "epi2"),
        }
    ),
)
"""GE Discovery MR750w."""
