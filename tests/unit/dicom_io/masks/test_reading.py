"""SEG and RTSTRUCT of a box on an oblique grid, written by highdicom or by hand."""

from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, RTStructureSetStorage, generate_uid

from dicom_io.masks import is_dicom, read_dicom_mask
from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid

SHAPE = (6, 12, 10)
ANGLE = 0.3
DIRECTION = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1.0]])
GRID = Grid(SHAPE, np.array([1.5, 2.0, 3.0]), np.array([-20.0, 31.0, 7.0]), DIRECTION)
FRAME = generate_uid()
BOX = np.zeros(SHAPE, bool)
BOX[2:4, 3:8, 4:9] = True


def meta(kind: str) -> FileMetaDataset:
    found = FileMetaDataset()
    found.MediaStorageSOPClassUID = UID(kind)
    found.MediaStorageSOPInstanceUID = generate_uid()
    found.TransferSyntaxUID = ExplicitVRLittleEndian
    return found


def images() -> list[Dataset]:
    study, series = generate_uid(), generate_uid()
    made = []
    for k in range(SHAPE[0]):
        ds = Dataset()
        ds.file_meta = meta(MRImageStorage)
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, ds.file_meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, FRAME
        ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "1", "", "", ""
        ds.StudyID, ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName = "", "", "", "", ""
        ds.Modality, ds.InstanceNumber, ds.SeriesNumber = "MR", k + 1, 1
        ds.Rows, ds.Columns = SHAPE[1:]
        ds.PixelSpacing = [2.0, 1.5]
        ds.SliceThickness = 3.0
        ds.ImageOrientationPatient = [round(float(v), 8) for v in DIRECTION[:, :2].T.ravel()]
        ds.ImagePositionPatient = [round(float(v), 6) for v in GRID.to_lps_mm((0, 0, k))]
        made.append(ds)
    return made


def write_seg(path: Path, masks: dict[str, npt.NDArray[np.bool_]], kind: str = "BINARY") -> None:
    descriptions = [
        hd.seg.SegmentDescription(
            n, label, Code("49755003", "SCT", "Morphologically abnormal structure"),
            Code("4147007" if label == "focus" else "10200004", "SCT", "x"), "MANUAL",
        )
        for n, label in enumerate(masks, 1)
    ]  # fmt: skip
    pixels = np.stack(list(masks.values()), axis=-1)
    seg = hd.seg.Segmentation(
        images(), pixels.astype(np.float32) * 0.7 if kind == "FRACTIONAL" else pixels.astype(np.uint8), kind,
        descriptions, generate_uid(), 1, generate_uid(), 1, "m", "m", "1", "1", omit_empty_frames=True,
    )  # fmt: skip
    seg.save_as(path)


def write_structure_set(path: Path, contours: list[tuple[float, list[list[float]]]], name: str = "HCC") -> None:
    ds = Dataset()
    ds.file_meta = meta(RTStructureSetStorage)
    ds.SOPClassUID, ds.SOPInstanceUID = RTStructureSetStorage, ds.file_meta.MediaStorageSOPInstanceUID
    reference, roi, drawn = Dataset(), Dataset(), Dataset()
    reference.FrameOfReferenceUID = FRAME
    ds.ReferencedFrameOfReferenceSequence = [reference]
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 3, name, FRAME
    ds.StructureSetROISequence = [roi]
    drawn.ReferencedROINumber, drawn.ContourSequence = 3, []
    for k, corners in contours:
        item = Dataset()
        item.ContourGeometricType = "CLOSED_PLANAR"
        points = GRID.to_lps_mm([[i, j, k] for i, j in corners])
        item.ContourData = [round(float(v), 4) for v in points.ravel()]
        drawn.ContourSequence.append(item)
    ds.ROIContourSequence = [drawn]
    ds.save_as(path, enforce_file_format=True)


RECTANGLE = [[3.5, 2.5], [8.5, 2.5], [8.5, 7.5], [3.5, 7.5]]


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_seg_when_it_has_one_segment_then_its_voxels(tmp_path: Path, kind: str) -> None:
    write_seg(tmp_path / "a.dcm", {"anything": BOX}, kind)
    assert is_dicom(tmp_path / "a.dcm")
    mask = read_dicom_mask(tmp_path / "a.dcm", GRID, what="The mask", frame_of_reference_uid=FRAME)
    np.testing.assert_array_equal(mask.array > 0, BOX)


@pytest.mark.parametrize("label", ["Tumour 1", "focus"])
def test_seg_when_it_has_several_then_the_one_named_or_coded_tumour(tmp_path: Path, label: str) -> None:
    liver = np.ones(SHAPE, bool)
    write_seg(tmp_path / "a.dcm", {"liver": liver & ~BOX, label: BOX})
    np.testing.assert_array_equal(read_dicom_mask(tmp_path / "a.dcm", GRID, what="m").array > 0, BOX)
    write_seg(tmp_path / "b.dcm", {"liver": liver & ~BOX, "spleen": BOX})
    with pytest.raises(UnsuitableStudyError, match="CM-SEGMENT: The mask holds 2 regions"):
        read_dicom_mask(tmp_path / "b.dcm", GRID, what="The mask")


def test_seg_when_on_another_grid_then_named(tmp_path: Path) -> None:
    write_seg(tmp_path / "a.dcm", {"tumour": BOX})
    for other in (
        Grid(SHAPE, GRID.spacing_xyz_mm, np.add(GRID.origin_lps_mm, (0.4, 0, 0)), DIRECTION),
        Grid(SHAPE, np.array([1.5, 2.0, 2.5]), GRID.origin_lps_mm, DIRECTION),
        Grid(SHAPE, GRID.spacing_xyz_mm, GRID.origin_lps_mm, np.eye(3)),
    ):
        with pytest.raises(UnsuitableStudyError, match="CM-GRID: The mask is not on the voxels"):
            read_dicom_mask(tmp_path / "a.dcm", other, what="The mask")
    with pytest.raises(UnsuitableStudyError, match="another frame of reference"):
        read_dicom_mask(tmp_path / "a.dcm", GRID, what="The mask", frame_of_reference_uid="1.2.3")


def test_structure_set_when_contours_lie_on_slices_then_their_pixels_less_the_holes(tmp_path: Path) -> None:
    hole = [[5.5, 4.5], [6.5, 4.5], [6.5, 5.5], [5.5, 5.5]]
    write_structure_set(tmp_path / "a.dcm", [(2, RECTANGLE), (3, RECTANGLE), (3, hole)])
    expected = BOX.copy()
    expected[3, 5, 6] = False
    mask = read_dicom_mask(tmp_path / "a.dcm", GRID, what="m", frame_of_reference_uid=FRAME)
    np.testing.assert_array_equal(mask.array > 0, expected)


@pytest.mark.parametrize("k", [2.5, 9])
def test_structure_set_when_a_contour_lies_between_slices_or_outside_then_named(tmp_path: Path, k: float) -> None:
    write_structure_set(tmp_path / "a.dcm", [(k, RECTANGLE)])
    with pytest.raises(UnsuitableStudyError, match="CM-GRID"):
        read_dicom_mask(tmp_path / "a.dcm", GRID, what="m")


def test_mask_when_the_file_is_something_else_then_named(tmp_path: Path) -> None:
    images()[0].save_as(tmp_path / "image.dcm", enforce_file_format=True)
    with pytest.raises(UnsuitableStudyError, match=r"CM-READ.*neither a SEG nor an RTSTRUCT"):
        read_dicom_mask(tmp_path / "image.dcm", GRID, what="m")
    write_structure_set(tmp_path / "a.dcm", [(2, RECTANGLE)])
    content = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(UnsuitableStudyError, match="CM-READ"):
        read_dicom_mask(tmp_path / "cut.dcm", GRID, what="m")
    (tmp_path / "text").write_bytes(b"no dicom")
    assert not is_dicom(tmp_path / "text")
    with pytest.raises(UnsuitableStudyError, match="CM-READ"):
        read_dicom_mask(tmp_path / "text", GRID, what="m")
