"""How a vendor's scanner writes the same series."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from pydicom import Dataset

from dicom_io.phantom.plan import DERIVED, Part, SeriesKind, SeriesPlan


@dataclass(frozen=True)
class Position:
    """Where an instance stands in its series.

    Parameters
    ----------
    instance_number
        From 1.
    slices
        Slices of its volume.
    instances
        Instances of the series.
    """

    instance_number: int
    slices: int
    instances: int


class VendorDialect(Protocol):
    """What differs between vendors; everything public and common is written by `SeriesWriter`."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    @property
    def superior_first(self) -> bool:
        """Whether instance 1 of an axial volume is the most superior slice."""

    def write_series(self, ds: Dataset, plan: SeriesPlan, acquired_at: datetime) -> None:
        """Add equipment, names, sequence words and clocks."""

    def write_instance(self, ds: Dataset, plan: SeriesPlan, part: Part, position: Position) -> None:
        """Add image type, diffusion and other private elements."""


def write_times(
    ds: Dataset, *, series: datetime, acquisition: datetime, content: datetime, fraction: bool
) -> None:
    """Write the three dates and times of an instance."""
    pattern = "%H%M%S.%f" if fraction else "%H%M%S"
    for name, moment in (("Series", series), ("Acquisition", acquisition), ("Content", content)):
        setattr(ds, f"{name}Date", moment.strftime("%Y%m%d"))
        setattr(ds, f"{name}Time", moment.strftime(pattern))


class GeDialect:
    """GE Discovery MR750w 3.0 T, software DV26."""

    name = "ge"
    superior_first = True
    _DESCRIPTIONS: Mapping[SeriesKind, str] = MappingProxyType(
        {
            SeriesKind.LOCALIZER: "3-Plane Loc SSFSE",
            SeriesKind.T1_PRE: "Ax LAVA PRE BH",
            SeriesKind.T1_ARTERIAL: "Ax LAVA ARTERIAL BH",
            SeriesKind.T1_PORTAL: "Ax LAVA PORTAL VENOUS BH",
            SeriesKind.T1_TRANSITIONAL: "Ax LAVA 3 MIN DELAY BH",
            SeriesKind.T2: "Ax T2 FRFSE FS RTr",
            SeriesKind.DWI: "Ax DWI b 0 800 RTr",
            SeriesKind.ADC: "Apparent Diffusion Coefficient (mm2/s)",
            SeriesKind.T1_HEPATOBILIARY: "Ax LAVA HBP 20 MIN BH",
            SeriesKind.T1_CORONAL: "Cor LAVA HBP 20 MIN BH",
            SeriesKind.T1_SUBTRACTION: "SUB Ax LAVA ARTERIAL - PRE",
        }
    )
    _AXIAL_PLANE, _CORONAL_PLANE, _OBLIQUE_PLANE = 2, 8, 16

    def write_series(self, ds: Dataset, plan: SeriesPlan, acquired_at: datetime) -> None:
        """Add equipment, names, sequence words, clocks and the private blocks of a series."""
        ds.Manufacturer, ds.ManufacturerModelName = "GE MEDICAL SYSTEMS", "DISCOVERY MR750w"
        ds.SoftwareVersions = ["26", "LX", "MR Software release:DV26.0_R03_1831.b"]
        ds.StationName = "PHANTOM3T"
        ds.SeriesDescription = self._DESCRIPTIONS[plan.kind]
        ds.ProtocolName = "Liver Gadoxetate"
        self._write_sequence(ds, plan)
        # A GE header gives one whole second for the series, the acquisition and the content.
        write_times(ds, series=acquired_at, acquisition=acquired_at, content=acquired_at, fraction=False)

    def write_instance(self, ds: Dataset, plan: SeriesPlan, part: Part, position: Position) -> None:
        """Add the image type and the private elements of an instance."""
        derived = plan.kind in DERIVED
        ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"] if derived else ["ORIGINAL", "PRIMARY", "OTHER"]
        if plan.kind is SeriesKind.ADC:
            ds.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
        ds.PixelRepresentation = 1
        ds.ImagesInAcquisition = position.instances
        acquisition = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
        acquisition.add_new(0x17, "SS", self._plane(ds))
        acquisition.add_new(0x9C, "LO", ds.SequenceName)
        acquisition.add_new(0xA4, "SS", 1)
        relation = ds.private_block(0x0021, "GEMS_RELA_01", create=True)
        relation.add_new(0x4F, "SS", position.slices)
        parameters = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        parameters.add_new(0x2F, "SS", 0)
        if part.b_s_per_mm2 is not None:
            ds.DiffusionBValue = part.b_s_per_mm2
            parameters.add_new(0x39, "IS", [int(part.b_s_per_mm2), 8, 0, 0])

    def _write_sequence(self, ds: Dataset, plan: SeriesPlan) -> None:
        if plan.is_gradient_echo:
            ds.ScanningSequence, ds.SequenceVariant = "GR", ["SS", "SP", "SK"]
            ds.ScanOptions = ["FAST_GEMS", "EDR_GEMS", "ACC_GEMS", "PFF", "FS"]
            ds.MRAcquisitionType, ds.EchoTrainLength, ds.SequenceName = "3D", 1, "efgre3d"
        elif plan.kind in (SeriesKind.DWI, SeriesKind.ADC):
            ds.ScanningSequence, ds.SequenceVariant = ["EP", "SE"], "NONE"
            ds.ScanOptions = ["SAT_GEMS", "EDR_GEMS", "EPI_GEMS", "ACC_GEMS", "PFF", "FS"]
            ds.MRAcquisitionType, ds.EchoTrainLength, ds.SequenceName = "2D", 1, "epi2"
        else:
            scout = plan.kind is SeriesKind.LOCALIZER
            ds.ScanningSequence, ds.SequenceVariant = "SE", ["SK", "SS"] if scout else "SK"
            ds.ScanOptions = ["FAST_GEMS", "EDR_GEMS"] + ([] if scout else ["RG", "FS"])
            ds.MRAcquisitionType, ds.EchoTrainLength = "2D", 96 if scout else 16
            ds.SequenceName = "ssfse" if scout else "frfse"

    def _plane(self, ds: Dataset) -> int:
        """Return the series plane: an exact plane or oblique."""
        rows = [abs(float(value)) for value in ds.ImageOrientationPatient]
        if max(rows[:3]) < 0.9999 or max(rows[3:]) < 0.9999:
            return self._OBLIQUE_PLANE
        return self._AXIAL_PLANE if rows[4] > 0.9999 else self._CORONAL_PLANE


class SiemensDialect:
    """Siemens MAGNETOM Skyra 3.0 T, software syngo MR E11, classic MR objects."""

    name = "siemens"
    superior_first = False
    _RECONSTRUCTION = timedelta(seconds=4)
    _DESCRIPTIONS: Mapping[SeriesKind, str] = MappingProxyType(
        {
            SeriesKind.LOCALIZER: "localizer",
            SeriesKind.T1_PRE: "t1_vibe_fs_tra_bh_pre",
            SeriesKind.T1_ARTERIAL: "t1_vibe_fs_tra_bh_art",
            SeriesKind.T1_PORTAL: "t1_vibe_fs_tra_bh_pv",
            SeriesKind.T1_TRANSITIONAL: "t1_vibe_fs_tra_bh_delayed_3min",
            SeriesKind.T2: "t2_tse_fs_tra_mbh",
            SeriesKind.DWI: "ep2d_diff_b0_800_tra_TRACEW",
            SeriesKind.ADC: "ep2d_diff_b0_800_tra_ADC",
            SeriesKind.T1_HEPATOBILIARY: "t1_vibe_fs_tra_bh_hepatobiliary_20min",
            SeriesKind.T1_CORONAL: "t1_vibe_fs_cor_bh_hepatobiliary_20min",
            SeriesKind.T1_SUBTRACTION: "t1_vibe_fs_tra_bh_art_SUB",
        }
    )

    def write_series(self, ds: Dataset, plan: SeriesPlan, acquired_at: datetime) -> None:
        """Add equipment, names, sequence words and clocks; content is written when it is reconstructed."""
        ds.Manufacturer, ds.ManufacturerModelName = "SIEMENS", "Skyra"
        ds.SoftwareVersions = "syngo MR E11"
        ds.StationName = "PHANTOM3T"
        ds.SeriesDescription = self._DESCRIPTIONS[plan.kind]
        ds.ProtocolName = ds.SeriesDescription.removesuffix("_SUB").removesuffix("_ADC").removesuffix("_TRACEW")
        if plan.is_gradient_echo:
            ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "GR", ["SP", "OSP"], ["PFP", "FS"]
            ds.MRAcquisitionType, ds.EchoTrainLength, ds.SequenceName = "3D", 1, "*fl3d1"
        elif plan.kind in (SeriesKind.DWI, SeriesKind.ADC):
            ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "EP", ["SK", "SP"], ["PFP", "FS"]
            ds.MRAcquisitionType, ds.EchoTrainLength, ds.SequenceName = "2D", 59, "*ep_b0"
        else:
            scout = plan.kind is SeriesKind.LOCALIZER
            ds.ScanningSequence, ds.SequenceVariant = "SE", ["SK", "SP", "OSP"]
            ds.ScanOptions = "PFP" if scout else ["PFP", "FS"]
            ds.MRAcquisitionType, ds.EchoTrainLength = "2D", 96 if scout else 25
            ds.SequenceName = "*h2d1_96" if scout else "*tse2d1_25"
        reconstructed = acquired_at + self._RECONSTRUCTION
        write_times(ds, series=reconstructed, acquisition=acquired_at, content=reconstructed, fraction=True)

    def write_instance(self, ds: Dataset, plan: SeriesPlan, part: Part, position: Position) -> None:  # noqa: ARG002
        """Add the image type and the b-value, which only a private element carries."""
        ds.ImageType = {
            SeriesKind.DWI: ["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW", "NORM", "DIS2D"],
            SeriesKind.ADC: ["DERIVED", "PRIMARY", "DIFFUSION", "ADC", "NORM", "DIS2D"],
            SeriesKind.T1_SUBTRACTION: ["DERIVED", "PRIMARY", "OTHER", "SUB"],
        }.get(plan.kind, ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"])
        ds.PixelRepresentation = 0
        if part.b_s_per_mm2 is not None:
            b = int(part.b_s_per_mm2)
            ds.SequenceName = f"*ep_b{b}t" if b else "*ep_b0"
            header = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
            header.add_new(0x0C, "IS", b)


DIALECTS: Mapping[str, VendorDialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (GeDialect(), SiemensDialect())}
)
"""By name on the command line."""
