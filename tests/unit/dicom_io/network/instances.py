"""Small MR instances for the tests of the network."""

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

STUDY_INSTANCE_UID = "1.2.826.0.1.3680043.10.1"
SERIES_INSTANCE_UID = "1.2.826.0.1.3680043.10.1.7"


def mr_instance(
    *,
    sop_instance_uid: str = "",
    study_instance_uid: str = STUDY_INSTANCE_UID,
    sop_class_uid: str = MRImageStorage,
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
    rows: int = 16,
    fill: int = 7,
) -> Dataset:
    ds = Dataset()
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.SOPClassUID = UID(sop_class_uid)
    ds.SOPInstanceUID = UID(sop_instance_uid or generate_uid())
    ds.Modality = "MR"
    referenced = Dataset()
    referenced.ReferencedSOPInstanceUID = UID("1.2.3.4")
    ds.ReferencedImageSequence = [referenced]
    ds.PatientID = "PHANTOM"
    ds.StudyInstanceUID = UID(study_instance_uid)
    ds.SeriesInstanceUID = UID(SERIES_INSTANCE_UID)
    ds.InstanceNumber = 1
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = rows
    ds.Columns = rows
    ds.BitsAllocated = 16
    ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    ds.PixelData = fill.to_bytes(2, "little") * rows * rows
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    return ds


def encode(ds: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """Return the data set as it goes through the network."""
    file = DicomBytesIO()
    file.is_implicit_VR = transfer_syntax_uid == ImplicitVRLittleEndian
    file.is_little_endian = transfer_syntax_uid != ExplicitVRBigEndian
    write_dataset(file, ds)
    return file.getvalue()


def write_instances(folder: Path, count: int, **changes: str | int) -> list[Path]:
    paths = []
    for number in range(count):
        path = folder / f"{number:04d}.dcm"
        mr_instance(**changes).save_as(path, enforce_file_format=True)  # type: ignore[arg-type]  # names are checked above
        paths.append(path)
    return paths
