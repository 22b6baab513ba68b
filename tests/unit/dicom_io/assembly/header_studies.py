"""Small studies with the headers that scanners write: few slices, tiny matrices, no anatomy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from dicom_io.assembly import MatchResult

SLICES = 9
MATRIX = 32
START = datetime(2024, 3, 5, 10, 0, 0)  # noqa: DTZ001 - DICOM times are local
AXIAL = [1, 0, 0, 0, 1, 0]
CORONAL = [1, 0, 0, 0, 0, -1]
DYNAMIC = ("T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY")

T1 = {
    "ScanningSequence": "GR", "MRAcquisitionType": "3D", "RepetitionTime": 3.7, "EchoTime": 1.3, "FlipAngle": 12,
    "EchoTrainLength": 1, "SliceThickness": 5, "ScanOptions": "FS",
}  # fmt: skip
T2 = {
    "ScanningSequence": "SE", "MRAcquisitionType": "2D", "RepetitionTime": 6000, "EchoTime": 90, "FlipAngle": 120,
    "EchoTrainLength": 16, "SliceThickness": 7, "ScanOptions": "FS",
}  # fmt: skip
DWI = {
    "ScanningSequence": ["EP", "SE"], "MRAcquisitionType": "2D", "RepetitionTime": 5000, "EchoTime": 56,
    "FlipAngle": 90, "EchoTrainLength": 1, "SliceThickness": 7, "ScanOptions": "FS",
}  # fmt: skip
GADOXETATE: dict[str, Any] = {"ContrastBolusAgent": "Primovist"}

Elements = Mapping[str, Any]


def _nothing(_phase: int, _k: int) -> Elements:
    return {}


def _unchanged(_ds: Dataset, _phase: int, _k: int) -> None:
    pass


@dataclass
class StudyWriter:
    """Writes series of one study into a folder, one file a slice.

    Parameters
    ----------
    folder
        Where the files go.
    vendor
        Manufacturer.
    start
        Instant zero of every `time_s`.
    all_alike
        Whether every image has the same pixels; else each has a last pixel of its own.
    person
        Elements that every image has of its patient, beside the ID.
    """

    folder: Path
    vendor: str = "GE MEDICAL SYSTEMS"
    start: datetime = START
    study_instance_uid: str = field(default_factory=generate_uid)
    frame_of_reference_uid: str = field(default_factory=generate_uid)
    patient_id: str = "PHANTOM"
    all_alike: bool = False
    person: Elements = field(default_factory=dict)
    _files: int = 0
    _series: int = 0

    def series(
        self,
        description: str,
        physics: Elements,
        time_s: float | None = None,
        *,
        slices: Sequence[int] = range(SLICES),
        orientation: Sequence[float] = AXIAL,
        step_mm: float = 5.0,
        phases: Sequence[Elements] = ({},),
        frame: Callable[[int, int], Elements] = _nothing,
        edit: Callable[[Dataset, int, int], None] = _unchanged,
        **elements: Any,
    ) -> str:
        """Write one series and return its UID.

        Parameters
        ----------
        time_s
            Acquisition time after the start, s; None: no time at all.
        slices
            Indices of the slices that exist.
        phases
            One mapping of elements for each repetition of the stack.
        frame
            Elements of slice k of a phase.
        edit
            Changes the data set of slice k of a phase, for private elements.
        """
        self._series += 1
        uid = generate_uid()
        number = 0
        for phase, extra in enumerate(phases):
            for k in slices:
                number += 1
                common = {"SeriesInstanceUID": uid, "SeriesNumber": self._series, "InstanceNumber": number}
                ds = self._dataset(description, {**physics, **common}, time_s)
                ds.ImageOrientationPatient = list(orientation)
                ds.ImagePositionPatient = position(orientation, k * step_mm)
                for keyword, value in {**elements, **extra, **frame(phase, k)}.items():
                    setattr(ds, keyword, value)
                if not self.all_alike:
                    ds.PixelData = ds.PixelData[:-2] + self._files.to_bytes(2, "little")
                edit(ds, phase, k)
                self.save(ds)
        return uid

    def save(self, ds: FileDataset) -> Path:
        """Write one data set under the next name."""
        self._files += 1
        path = self.folder / f"{self._files:05d}.dcm"
        ds.save_as(path, enforce_file_format=True)
        return path

    def times(self, time_s: float | None) -> dict[str, str]:
        """Return date and time elements for an instant; nothing for None."""
        if time_s is None:
            return {}
        instant = self.start + timedelta(seconds=time_s)
        day, time = instant.strftime("%Y%m%d"), instant.strftime("%H%M%S.%f")
        return {"AcquisitionDate": day, "AcquisitionTime": time, "ContentDate": day, "ContentTime": time}

    def _dataset(self, description: str, elements: Elements, time_s: float | None) -> FileDataset:
        ds = blank(MRImageStorage)
        ds.StudyInstanceUID, ds.FrameOfReferenceUID = self.study_instance_uid, self.frame_of_reference_uid
        ds.PatientID, ds.Modality, ds.Manufacturer = self.patient_id, "MR", self.vendor
        ds.SeriesDescription, ds.ImageType = description, ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.StudyDate, ds.StudyTime = START.strftime("%Y%m%d"), START.strftime("%H%M%S")
        ds.PixelSpacing, ds.MagneticFieldStrength = [1.5, 1.5], 3
        for keyword, value in {**self.person, **self.times(time_s), **elements}.items():
            setattr(ds, keyword, value)
        fill_pixels(ds, 1)
        return ds


def blank(sop_class_uid: str) -> FileDataset:
    """Return an empty data set of a class, with new instance UID, Explicit VR Little Endian."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, meta.MediaStorageSOPInstanceUID
    return ds


def fill_pixels(ds: Dataset, frames: int) -> None:
    """Give `ds` frames of a 16-bit ramp; frame n starts at n."""
    ramp = np.arange(MATRIX * MATRIX, dtype=np.uint16).reshape(MATRIX, MATRIX)
    ds.Rows = ds.Columns = MATRIX
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelData = b"".join((ramp + n).astype(np.uint16).tobytes() for n in range(frames))


def position(orientation: Sequence[float], along_mm: float) -> list[float]:
    """Return a position `along_mm` up the normal of `orientation`, LPS mm."""
    normal = np.cross(orientation[:3], orientation[3:])
    return [round(float(value), 6) for value in normal * along_mm]


def standard(
    writer: StudyWriter, *, without: Sequence[str] = (), edit: Callable[[Dataset, int, int], None] = _unchanged
) -> dict[str, str]:
    """Write T2, diffusion and the four phases, one series each; return series UIDs by role.

    Times are those of gadoxetate: injection at 100 s, arterial at 125 s, portal at 165 s, hepatobiliary at 1300 s,
    T2 and diffusion, whose data sets `edit` changes, in between.
    """
    plan: dict[str, Callable[[], str]] = {
        "T1_PRE": lambda: writer.series("Ax T1 pre", T1, 0),
        "T1_ARTERIAL": lambda: writer.series("Ax T1 arterial", T1, 125, **GADOXETATE),
        "T1_PORTAL": lambda: writer.series("Ax T1 portal", T1, 165, **GADOXETATE),
        "T2": lambda: writer.series("Ax T2 FS", T2, 500, edit=edit),
        "DWI": lambda: writer.series(
            "Ax DWI", DWI, 700, phases=[{"DiffusionBValue": 0}, {"DiffusionBValue": 800}], edit=edit
        ),
        "T1_HEPATOBILIARY": lambda: writer.series("Ax T1 HBP 20 min", T1, 1300, **GADOXETATE),
    }
    return {role: write() for role, write in plan.items() if role not in without}


def chosen(result: MatchResult) -> dict[str, str]:
    """Return the series that fills each role."""
    return {role.value: choice.series_instance_uid for role, choice in result.roles.items()}


def codes(result: MatchResult) -> dict[str, set[str]]:
    """Return the codes of each rejected series."""
    found: dict[str, set[str]] = {}
    for entry in result.rejected:
        found.setdefault(entry.series_instance_uid, set()).add(entry.code)
    return found
