"""Pictures for end-to-end networks: where things lie, and how bright they are."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.geometry import Grid
from pipeline.segmentation.settings import NormalisationSettings
from pipeline.study import Role
from pipeline.training.errors import TrainingError
from pipeline.training.pictures import View, make_pictures, read_view, shape_of, write_pictures
from pipeline.volume import LabelMap, Volume

SHAPE = (48, 128, 128)
GRID = Grid(SHAPE, np.array([2.0, 2.0, 3.0]), np.zeros(3), np.eye(3))
LARGE, SMALL = (slice(10, 22), slice(32, 64), slice(80, 96)), (slice(40, 42), slice(10, 12), slice(10, 12))


def write(folder: Path) -> Path:
    """Write a grey body with a lesion that is dark, and bright in the last channel."""
    lesions = np.zeros(SHAPE, np.uint8)
    lesions[LARGE], lesions[SMALL] = 1, 2
    lesions[15, 30, 80] = 1  # One voxel more makes this the slice with most tumour.
    volumes = {}
    for n, role in enumerate(Role):
        array = np.linspace(900, 1000, SHAPE[2], dtype=np.float32) * np.ones(SHAPE, np.float32)
        array[lesions > 0] = 2000 if n == 5 else 0
        volumes[role] = Volume(array, GRID)
    path = folder / "case.pictures.npz"
    write_pictures(path, make_pictures(volumes, LabelMap(lesions, GRID), NormalisationSettings()))
    return path


def test_views_when_written_then_each_has_its_shape_and_lies_between_0_and_1(tmp_path: Path) -> None:
    path = write(tmp_path)
    for view in View:
        picture = read_view(path, view)
        assert picture.shape == shape_of(view)
        assert 0 <= picture.min() <= picture.max() <= 1
    assert len(list(tmp_path.iterdir())) == 1


def test_whole_volume_when_reduced_then_the_lesion_is_where_it_was(tmp_path: Path) -> None:
    picture = read_view(write(tmp_path), View.VOLUME)
    # Two voxels by two by two become one; the lesion begins at 10, 32, 80.
    assert picture[0, 5:11, 16:32, 40:48].max() == 0
    assert picture[0, 5:11, 16:32, 39].min() > 0
    assert picture[0, 4].min() > 0


def test_masked_when_read_then_only_tumour_is_left(tmp_path: Path) -> None:
    picture = read_view(write(tmp_path), View.VOLUME_MASKED)
    inside = np.zeros(picture.shape[1:], bool)
    inside[5:11, 16:32, 40:48] = inside[20, 5, 5] = inside[7, 15, 40] = True
    assert not picture[:, ~inside].any()
    assert picture[5][inside].min() > 0


def test_cropped_when_read_then_it_is_filled_by_the_largest_lesion(tmp_path: Path) -> None:
    path = write(tmp_path)
    # One row of the box holds a single voxel of tumour; all others are the lesion, from edge to edge.
    assert read_view(path, View.VOLUME_CROPPED)[0, :, 2:].max() == 0
    assert read_view(path, View.SLICE_CROPPED)[0, 4:].max() == 0


def test_slice_when_taken_then_it_is_the_one_with_most_tumour(tmp_path: Path) -> None:
    picture = read_view(write(tmp_path), View.SLICE_MASKED)
    # The single voxel at j = 30, i = 80, of 128, in a picture of 96.
    assert picture[5, 22, 60] > 0


def test_read_when_the_file_is_damaged_then_the_error_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(TrainingError, match="extract the case again"):
        read_view(path, View.SLICE)
