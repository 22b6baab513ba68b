"""One series as MR Image Storage instances (PS3.3 A.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from dicom_io.phantom.dialects import Position, VendorDialect
from dicom_io.phantom.identity import PATIENT_WEIGHT_KG, PhantomIdentity
from dicom_io.phantom.plan import Part, SeriesPlan
from pipeline.geometry import Grid
from pipeline.study import Role

IMPLEMENTATION_CLASS_UID = UID("2.25.268912356134573218465239112387412056993")
MAGNET_HZ_PER_T = 42.577478518
"""Gyromagnetic ratio of the proton, MHz/T (CODATA 2018)."""


@dataclass(frozen=True)
class WrittenInstance:
    """One file.

    Parameters
    ----------
    slice_index
        k on the grid of its volume.
    role
        Which the volume fills, if any.
    """

    path: Path
    series_instance_uid: str
    sop_instance_uid: str
    slice_index: int
    role: Role | None


@dataclass(frozen=True)
class SeriesWriter:
    """Writes the series of one study.

    Parameters
    ----------
    folder
        Where the series' folders go.
    field_strength_t
        T.
    """

    folder: Path
    identity: PhantomIdentity
    dialect: VendorDialect
    field_strength_t: float

    def write(
        self, plan: SeriesPlan, *, missing: frozenset[int] = frozenset(), other_patient: bool = False
    ) -> list[WrittenInstance]:
        """Write every instance of a series.

        Parameters
        ----------
        missing
            Instance numbers that are left out.
        other_patient
            Whether the series carries the identity of somebody else.
        """
        ds = self._series_dataset(plan, other_patient=other_patient)
        folder = self.folder / f"s{plan.number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        instances = sum(part.volume.grid.shape[0] for part in plan.parts)
        written = []
        for number, (part, k) in enumerate(self._order(plan), start=1):
            if number in missing:
                continue
            position = Position(number, part.volume.grid.shape[0], instances)
            path = folder / f"i{number:04d}.dcm"
            self._write_instance(ds, plan, part, k, position, path)
            written.append(WrittenInstance(path, ds.SeriesInstanceUID, ds.SOPInstanceUID, k, part.role))
        return written

    def _order(self, plan: SeriesPlan) -> Iterator[tuple[Part, int]]:
        for part in plan.parts:
            order = range(part.volume.grid.shape[0])
            yield from ((part, k) for k in (reversed(order) if self.dialect.superior_first else order))

    def _series_dataset(self, plan: SeriesPlan, *, other_patient: bool) -> Dataset:
        ds = Dataset()
        _write_patient_and_study(ds, self.identity, other_patient=other_patient)
        acquired_at = self.identity.at(plan.at_s)
        ds.Modality = "MR"
        ds.SeriesInstanceUID = self.identity.uid("series", plan.kind.value)
        ds.SeriesNumber = plan.number
        ds.FrameOfReferenceUID = self.identity.uid("frame of reference")
        ds.PositionReferenceIndicator = ""
        ds.BodyPartExamined, ds.PatientPosition = "LIVER", "HFS"
        ds.AcquisitionNumber = 1
        ds.RepetitionTime, ds.EchoTime = plan.sequence.tr_ms, plan.sequence.te_ms
        ds.FlipAngle = plan.sequence.flip_deg
        ds.NumberOfAverages, ds.EchoNumbers = 1, 1
        ds.MagneticFieldStrength, ds.ImagedNucleus = self.field_strength_t, "1H"
        ds.ImagingFrequency = round(MAGNET_HZ_PER_T * self.field_strength_t, 6)
        ds.AngioFlag = "N"
        ds.ReceiveCoilName = "PHANTOM ARRAY"
        ds.InPlanePhaseEncodingDirection = "COL"
        if plan.enhanced:
            _write_contrast(ds, self.identity)
        self.dialect.write_series(ds, plan, acquired_at)
        return ds

    def _write_instance(
        self, ds: Dataset, plan: SeriesPlan, part: Part, k: int, position: Position, path: Path
    ) -> None:
        ds.SOPClassUID = MRImageStorage
        ds.SOPInstanceUID = self.identity.uid("instance", plan.kind.value, str(position.instance_number))
        ds.InstanceNumber = position.instance_number
        _write_plane(ds, part.volume.grid, k)
        self.dialect.write_instance(ds, plan, part, position)
        _write_pixels(ds, part.volume.array[k], largest=float(part.volume.array.max()))
        ds.file_meta = _file_meta(ds.SOPInstanceUID)
        dcmwrite(path, ds, enforce_file_format=True)


def _write_patient_and_study(ds: Dataset, identity: PhantomIdentity, *, other_patient: bool) -> None:
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "PHANTOM^SOMEBODY ELSE" if other_patient else identity.patient_name
    ds.PatientID = f"{identity.patient_id}-B" if other_patient else identity.patient_id
    ds.PatientBirthDate, ds.PatientSex = "", "O"
    ds.PatientWeight = PATIENT_WEIGHT_KG
    ds.StudyInstanceUID = identity.uid("study")
    began = identity.at(-900)
    ds.StudyDate, ds.StudyTime = began.strftime("%Y%m%d"), began.strftime("%H%M%S")
    ds.StudyID, ds.StudyDescription = f"{identity.seed}", "MR LIVER WITH GADOXETATE (PHANTOM)"
    ds.AccessionNumber, ds.ReferringPhysicianName = f"PH{identity.seed:06d}", ""
    ds.InstitutionName = "SYNTHETIC PHANTOM"


def _write_contrast(ds: Dataset, identity: PhantomIdentity) -> None:
    """Write gadoxetate at 0.1 mL/kg, 1.5 mL/s (PS3.3 C.7.6.4)."""
    ds.ContrastBolusAgent = "Gadoxetate disodium (Primovist)"
    agent = Dataset()
    agent.CodeValue, agent.CodingSchemeDesignator = "440223009", "SCT"
    agent.CodeMeaning = "Gadoxetate"
    ds.ContrastBolusAgentSequence = [agent]
    volume_ml = 0.1 * PATIENT_WEIGHT_KG
    ds.ContrastBolusRoute = "IV"
    ds.ContrastBolusVolume = ds.ContrastBolusTotalDose = round(volume_ml, 1)
    ds.ContrastBolusStartTime = identity.injected_at.strftime("%H%M%S")
    ds.ContrastFlowRate = 1.5
    ds.ContrastBolusIngredient, ds.ContrastBolusIngredientConcentration = "GADOLINIUM", 181.43


def _write_plane(ds: Dataset, grid: Grid, k: int) -> None:
    rows, columns = grid.shape[1:]
    x, y, z = grid.spacing_xyz_mm
    ds.Rows, ds.Columns = rows, columns
    ds.PixelSpacing = [_decimal(y), _decimal(x)]
    ds.SliceThickness = ds.SpacingBetweenSlices = _decimal(z)
    ds.ImageOrientationPatient = [_decimal(value) for value in grid.direction[:, :2].T.ravel()]
    position = grid.to_lps_mm([0, 0, k])
    ds.ImagePositionPatient = [_decimal(value) for value in position]
    ds.SliceLocation = _decimal(float(position @ grid.direction[:, 2]))
    ds.ReconstructionDiameter = _decimal(float(columns * x))
    ds.AcquisitionMatrix = [0, columns, rows, 0]
    ds.PercentSampling = ds.PercentPhaseFieldOfView = 100


def _write_pixels(ds: Dataset, values: np.ndarray, *, largest: float) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    stored = values.astype("<i2" if ds.PixelRepresentation else "<u2")
    ds.WindowCenter, ds.WindowWidth = str(round(largest / 4)), str(max(round(largest / 2), 1))
    ds.PixelData = stored.tobytes()


def _file_meta(sop_instance_uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = IMPLEMENTATION_CLASS_UID, "MVI_PHANTOM"
    return meta


def _decimal(value: float) -> str:
    """Write a number within the 16 characters of DS (PS3.5 6.2), to a nanometre or 1e-8 of a cosine."""
    text = f"{float(value):.8f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
