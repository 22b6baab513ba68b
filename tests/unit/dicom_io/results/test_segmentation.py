"""The SEG holds the voxels of the analysis where they lie, whatever the patient's position."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from dicom_io.results.segmentation import build_segmentation
from dicom_io.results.segments import Segment, segments_of
from dicom_io.results.sources import SegmentedSeries, segmented_series
from dicom_io.results.uids import ResultUids
from dicom_io.results.validation import check_segmentation, read_segments
from pipeline.analysis import Analysis
from pipeline.errors import StudyError, UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.study import FIXED_ROLE
from tests.unit.dicom_io.results.synthetic_study import DIRECTIONS, STUDY_UID, make_analysis, make_grid, make_match

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
UIDS = ResultUids(STUDY_UID, "key")

Written = tuple[Path, Analysis, tuple[Segment, ...], SegmentedSeries]


def write(folder: Path, grid: Grid, *, lesions: int = 2, enhanced: bool = False) -> Written:
    match, analysis = make_match(folder, grid, enhanced=enhanced), make_analysis(grid, lesions)
    source = segmented_series(match.roles[FIXED_ROLE], grid)
    segments = segments_of(analysis, UIDS)
    seg = build_segmentation(analysis, source, segments, uids=UIDS, margin_mm=5.0, now=NOW)
    path = folder / "seg.dcm"
    seg.save_as(path)
    return path, analysis, segments, source


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_segmentation_when_read_by_its_own_geometry_then_has_the_voxels_of_the_maps(
    tmp_path: Path, name: str, enhanced: bool
) -> None:
    grid = make_grid(DIRECTIONS[name])
    path, analysis, segments, source = write(tmp_path, grid, enhanced=enhanced)

    check_segmentation(path, analysis, segments, source)

    read = read_segments(pydicom.dcmread(path), grid)
    assert np.array_equal(read[1], analysis.lesion_map.array == 1)
    assert np.array_equal(read[2], analysis.margin_map.array == 1)
    assert len(segments) == 4


@pytest.mark.parametrize("name", DIRECTIONS)
def test_segmentation_when_read_by_highdicom_then_has_the_voxels_of_the_maps(tmp_path: Path, name: str) -> None:
    path, analysis, _, source = write(tmp_path, make_grid(DIRECTIONS[name]))

    seg = highdicom.seg.segread(path)
    pixels = seg.get_pixels_by_source_instance(
        [frame.instance[1] for frame in source.frames], combine_segments=False, segment_numbers=[1, 2]
    )

    assert np.array_equal(pixels[..., 0] > 0, analysis.lesion_map.array == 1)
    assert np.array_equal(pixels[..., 1] > 0, analysis.margin_map.array == 1)


@pytest.mark.parametrize("name", ["axial", "oblique"])
def test_segmentation_when_read_by_simpleitk_then_has_the_voxels_of_the_maps(tmp_path: Path, name: str) -> None:
    path, analysis, _, _ = write(tmp_path, make_grid(DIRECTIONS[name]), lesions=1)
    expected = {1: analysis.lesion_map.array == 1, 2: analysis.margin_map.array == 1}

    # ITK gives the frames in stored order; their places are in the functional groups, which it does not read.
    frames = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    groups = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence

    assert len(frames) == len(groups) == 2 * analysis.lesion_map.grid.shape[0]
    for pixels, group in zip(frames, groups, strict=True):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        position = [float(value) for value in group.PlanePositionSequence[0].ImagePositionPatient]
        i, j, k = analysis.lesion_map.grid.to_index_ijk(position)
        assert (i, j) == pytest.approx((0, 0), abs=1e-4)
        assert np.array_equal(pixels > 0, expected[number][round(k)])


def test_segmentation_when_written_then_is_binary_complete_and_names_its_model(tmp_path: Path) -> None:
    path, _, segments, _ = write(tmp_path, make_grid(), lesions=1)

    seg = pydicom.dcmread(path)
    tumour, margin = seg.SegmentSequence

    assert seg.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert (seg.SegmentationType, seg.SegmentsOverlap, seg.ContentLabel) == ("BINARY", "NO", "MVI_SEG")
    assert seg.NumberOfFrames == 2 * 7
    assert seg.ContentQualification == "RESEARCH"
    assert seg.ContentDescription == "For research use only. Not a medical device."
    assert (tumour.SegmentLabel, margin.SegmentLabel) == ("Tumour 1", "Peritumoral margin 5 mm")
    # Reference conversion of RGB (230, 25, 75) and (255, 225, 25); white points differ in the fourth digit.
    assert list(tumour.RecommendedDisplayCIELabValue) == pytest.approx([32463, 51745, 40113], abs=16)
    assert list(margin.RecommendedDisplayCIELabValue) == pytest.approx([58640, 31172, 55106], abs=16)
    assert [item.TrackingUID for item in (tumour, margin)] == [segment.tracking_uid for segment in segments]
    algorithm = tumour.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("phantom-demo", "1.0.0")
    assert "ab" * 32 in algorithm.AlgorithmParameters
    assert seg.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99MVINODE"
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == 5.0
    source = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert source.SpatialLocationsPreserved == "YES"
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_segmentation_when_source_holds_two_phases_then_refers_to_the_frames_of_its_own(tmp_path: Path) -> None:
    path, _, _, source = write(tmp_path, make_grid(), lesions=1, enhanced=True)

    seg = pydicom.dcmread(path)
    numbers = [
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for group in seg.PerFrameFunctionalGroupsSequence
    ]

    assert sorted(numbers) == sorted(2 * list(range(8, 15)))
    assert [frame.number for frame in source.frames] == list(range(8, 15))


def _flip(seg: pydicom.Dataset) -> None:
    frames = np.asarray(seg.pixel_array)[:, :, ::-1]
    seg.PixelData = np.packbits(frames.ravel().astype(bool), bitorder="little").tobytes()


def _shift(seg: pydicom.Dataset) -> None:
    for group in seg.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0]
        position.ImagePositionPatient[2] += 5.0


def _half_voxel(seg: pydicom.Dataset) -> None:
    for group in seg.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence[0].ImagePositionPatient[0] += 1.0


def _drop_segment(seg: pydicom.Dataset) -> None:
    for group in seg.PerFrameFunctionalGroupsSequence:
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1


def _cross_reference(seg: pydicom.Dataset) -> None:
    first, second = (
        group.DerivationImageSequence[0].SourceImageSequence[0]
        for group in seg.PerFrameFunctionalGroupsSequence[:2]
    )
    first.ReferencedSOPInstanceUID = second.ReferencedSOPInstanceUID


@pytest.mark.parametrize("damage", [_flip, _shift, _half_voxel, _drop_segment, _cross_reference])
def test_check_when_the_written_seg_differs_then_names_res_seg(
    tmp_path: Path, damage: Callable[[pydicom.Dataset], None]
) -> None:
    path, analysis, segments, source = write(tmp_path, make_grid(), lesions=1)
    seg = pydicom.dcmread(path)
    damage(seg)
    seg.save_as(path)

    with pytest.raises(StudyError) as caught:
        check_segmentation(path, analysis, segments, source)

    assert (caught.value.code, caught.value.stage) == ("RES-SEG", "report")


def test_source_when_instances_come_in_any_order_then_each_lies_on_its_slice(tmp_path: Path) -> None:
    grid = make_grid()
    role = make_match(tmp_path, grid).roles[FIXED_ROLE]
    shuffled = type(role)(**{**vars(role), "instances": role.instances[::-1]})

    assert [frame.instance for frame in segmented_series(shuffled, grid).frames] == [
        frame.instance for frame in segmented_series(role, grid).frames
    ]


@pytest.mark.parametrize(
    "moved",
    [
        Grid((7, 24, 30), np.array([2.1, 1.7, 5.0]), np.array([-30.0, 17.5, -120.0]), np.eye(3)),
        Grid((7, 24, 30), np.array([2.1, 1.8, 5.0]), np.array([-31.25, 17.5, -120.0]), np.eye(3)),
        Grid((7, 24, 30), np.array([2.1, 1.7, 5.0]), np.array([-31.25, 17.5, -120.0]), np.diag([-1.0, 1.0, 1.0])),
        Grid((6, 24, 30), np.array([2.1, 1.7, 5.0]), np.array([-31.25, 17.5, -120.0]), np.eye(3)),
        Grid((7, 30, 24), np.array([2.1, 1.7, 5.0]), np.array([-31.25, 17.5, -120.0]), np.eye(3)),
    ],
    ids=["shifted", "stretched", "mirrored", "shorter", "transposed"],
)
def test_source_when_maps_lie_on_another_grid_then_names_res_source(tmp_path: Path, moved: Grid) -> None:
    role = make_match(tmp_path, make_grid()).roles[FIXED_ROLE]

    with pytest.raises(UnsuitableStudyError) as caught:
        segmented_series(role, moved)

    assert caught.value.code == "RES-SOURCE"


def test_source_when_a_file_is_gone_then_names_res_source(tmp_path: Path) -> None:
    role = make_match(tmp_path, make_grid()).roles[FIXED_ROLE]
    role.instances[3].path.unlink()

    with pytest.raises(UnsuitableStudyError) as caught:
        segmented_series(role, make_grid())

    assert caught.value.code == "RES-SOURCE"
