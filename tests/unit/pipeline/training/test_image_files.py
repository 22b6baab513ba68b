"""NIfTI and NRRD on the voxels of a sequence, or not."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.resampling import to_sitk
from pipeline.training.image_files import read_mask, read_volume

SHAPE = (5, 9, 8)
GRID = Grid(SHAPE, np.array([1.5, 2.0, 3.0]), np.array([-20.0, 31.0, 7.0]), np.eye(3))
BOX = np.zeros(SHAPE, np.uint8)
BOX[1:3, 2:6, 4:7] = 1


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_mask_when_on_the_grid_then_its_voxels(tmp_path: Path, name: str) -> None:
    sitk.WriteImage(to_sitk(BOX * 7, GRID), str(tmp_path / name))
    np.testing.assert_array_equal(read_mask(tmp_path / name, GRID, what="m").array, BOX)


def test_mask_when_cropped_and_flipped_then_the_same_voxels(tmp_path: Path) -> None:
    image = to_sitk(BOX, GRID)[2:8, 1:8, 1:4]
    sitk.WriteImage(sitk.Flip(image, (False, True, False)), str(tmp_path / "a.nrrd"))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.nrrd", GRID, what="m").array, BOX)
    sitk.WriteImage(sitk.PermuteAxes(image, (2, 0, 1)), str(tmp_path / "a.nrrd"))
    np.testing.assert_array_equal(read_mask(tmp_path / "a.nrrd", GRID, what="m").array, BOX)


@pytest.mark.parametrize(
    "other",
    [
        Grid(SHAPE, np.array([1.5, 2.0, 3.0]), np.array([-19.5, 31.0, 7.0]), np.eye(3)),
        Grid(SHAPE, np.array([3.0, 2.0, 3.0]), np.array([-20.0, 31.0, 7.0]), np.eye(3)),
        Grid(SHAPE, np.array([1.5, 2.0, 3.0]), np.array([-20.0, 31.0, 19.0]), np.eye(3)),
    ],
    ids=["between", "coarser", "outside"],
)
def test_mask_when_on_other_voxels_then_named(tmp_path: Path, other: Grid) -> None:
    sitk.WriteImage(to_sitk(BOX, other), str(tmp_path / "a.nrrd"))
    with pytest.raises(UnsuitableStudyError, match="CM-GRID: The T2 mask is not on the voxels"):
        read_mask(tmp_path / "a.nrrd", GRID, what="The T2 mask")


def test_mask_when_it_holds_several_labels_then_nobody_guesses(tmp_path: Path) -> None:
    labels = BOX.copy()
    labels[0] = 2
    sitk.WriteImage(to_sitk(labels, GRID), str(tmp_path / "a.nrrd"))
    with pytest.raises(UnsuitableStudyError, match="CM-SEGMENT: m holds 2 labels"):
        read_mask(tmp_path / "a.nrrd", GRID, what="m")


def test_volume_when_read_then_values_and_place(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    sitk.WriteImage(to_sitk(array, GRID), str(tmp_path / "a.nii.gz"))
    volume = read_volume(tmp_path / "a.nii.gz", what="v")
    np.testing.assert_array_equal(volume.array, array)
    assert volume.grid.is_close(GRID, tolerance_mm=1e-3)


def test_volume_when_it_cannot_be_read_then_named(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"no image")
    with pytest.raises(UnsuitableStudyError, match="CM-READ: The T2 image cannot be used: the file"):
        read_volume(tmp_path / "a.nii", what="The T2 image")
    sitk.WriteImage(sitk.Image([4, 4], sitk.sitkUInt8), str(tmp_path / "flat.nrrd"))
    with pytest.raises(UnsuitableStudyError, match="three dimensions"):
        read_volume(tmp_path / "flat.nrrd", what="v")
    array = np.full(SHAPE, np.nan, np.float32)
    sitk.WriteImage(to_sitk(array, GRID), str(tmp_path / "nan.nrrd"))
    with pytest.raises(UnsuitableStudyError, match="finite"):
        read_volume(tmp_path / "nan.nrrd", what="v")


@pytest.mark.parametrize("name", ["a.dcm", "a.nrrd", "a.nii", "a"])
def test_file_when_it_is_dicom_by_any_name_then_it_is_not_given_to_a_reader_of_dicom(
    tmp_path: Path, name: str
) -> None:
    image = sitk.GetImageFromArray(np.ones((1, 4, 4), np.uint16))
    sitk.WriteImage(image, str(tmp_path / "real.dcm"))
    (tmp_path / name).write_bytes((tmp_path / "real.dcm").read_bytes())
    with pytest.raises(UnsuitableStudyError, match="CM-READ"):
        read_volume(tmp_path / name, what="v")
