"""Other people's libraries read the same voxels at the same places, and the same numbers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import highdicom
import numpy as np
import numpy.typing as npt
import pydicom
import pydicom_seg_rb as pydicom_seg  # type: ignore[import-untyped]  # It has no types.
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from dicom_io.results.codes import MVI_LOWER, MVI_PROBABILITY, MVI_UPPER
from pipeline.analysis import Analysis
from pipeline.geometry import FloatArray
from tests.conformance.written import GEOMETRIES, Written, run, write_case

Points = npt.NDArray[np.float64]


@pytest.fixture(scope="module", params=GEOMETRIES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    yield write_case(tmp_path_factory.mktemp("written"), request.param)


def expected_points(analysis: Analysis) -> list[Points]:
    """Return the centres of the voxels of each segment, LPS in mm: lesion, its margin, next lesion, its margin."""
    grid = analysis.lesion_map.grid
    maps = [(labels.array, lesion.number) for lesion in analysis.lesions
            for labels in (analysis.lesion_map, analysis.margin_map)]  # fmt: skip
    return [grid.to_lps_mm(np.argwhere(array == number)[:, ::-1]) for array, number in maps]


def in_order(points: FloatArray) -> Points:
    """Sort points, so that two sets can be compared one by one."""
    rounded = np.round(points, 3) + 0.0
    return np.asarray(rounded[np.lexsort(rounded.T)])


def assert_same_places(found: FloatArray, expected: FloatArray) -> None:
    assert found.shape == expected.shape
    assert np.abs(in_order(found) - in_order(expected)).max() < 0.01
    assert found.mean(axis=0) == pytest.approx(expected.mean(axis=0), abs=0.01)


def points_of_itk(image: sitk.Image) -> Points:
    """Return the centres of the voxels that are not 0."""
    index = np.argwhere(sitk.GetArrayViewFromImage(image) > 0)[:, ::-1]
    direction = np.array(image.GetDirection()).reshape(3, 3)
    points: Points = np.array(image.GetOrigin()) + (index * np.array(image.GetSpacing())) @ direction.T
    return points


def test_segmentation_when_read_by_dcmqi_then_each_voxel_is_where_it_was_computed(
    written: Written, tmp_path: Path
) -> None:
    assert written.analysis is not None
    command = ["segimage2itkimage", "-t", "nrrd", "-p", "s", "--outputDirectory", str(tmp_path)]
    subprocess.run(
        [*_in_environment(command), "--inputDICOM", str(written.results.seg)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip

    for number, expected in enumerate(expected_points(written.analysis), 1):
        assert_same_places(points_of_itk(sitk.ReadImage(str(tmp_path / f"s-{number}.nrrd"))), expected)
    described = json.loads((tmp_path / "s-meta.json").read_text(encoding="utf-8"))
    segments = [segment for group in described["segmentAttributes"] for segment in group]
    assert [segment["SegmentLabel"] for segment in segments][:2] == ["Tumour 1", "Peritumoral margin 5 mm"]
    tracked = [lesion["tracking_uid"] for lesion in written.results.document["lesions"]]  # type: ignore[attr-defined]
    assert [segment["TrackingUniqueIdentifier"] for segment in segments][::2] == tracked


def test_segmentation_when_read_by_highdicom_then_each_voxel_is_where_it_was_computed(written: Written) -> None:
    assert written.analysis is not None
    assert written.results.seg is not None
    seg = highdicom.seg.segread(written.results.seg)

    for number, expected in enumerate(expected_points(written.analysis), 1):
        volume = seg.get_volume(segment_numbers=[number])
        index = np.argwhere(volume.array[..., 0] > 0)
        assert_same_places(volume.map_indices_to_reference(index), expected)


def test_segmentation_when_read_by_pydicom_seg_then_each_voxel_is_where_it_was_computed(written: Written) -> None:
    assert written.analysis is not None

    read = pydicom_seg.SegmentReader().read(pydicom.dcmread(str(written.results.seg)))

    expected = expected_points(written.analysis)
    assert sorted(read.available_segments) == list(range(1, len(expected) + 1))
    for number, points in enumerate(expected, 1):
        assert_same_places(points_of_itk(read.segment_image(number)), points)


def test_segmentation_when_read_by_simpleitk_and_dcmtk_then_the_same_bits(
    written: Written, tmp_path: Path
) -> None:
    assert written.analysis is not None
    seg = pydicom.dcmread(str(written.results.seg))
    frames = sitk.GetArrayFromImage(sitk.ReadImage(str(written.results.seg))) > 0

    run("/usr/bin/dcmdump", "+W", str(tmp_path), str(written.results.seg))
    (raw,) = tmp_path.glob("*.raw")
    bits = np.unpackbits(np.frombuffer(raw.read_bytes(), np.uint8), bitorder="little")[: frames.size]

    assert np.array_equal(bits.reshape(frames.shape), frames)
    assert np.array_equal(seg.pixel_array > 0, frames)
    assert [int(part.sum()) for part in np.split(frames, len(seg.SegmentSequence))] == [
        len(points) for points in expected_points(written.analysis)
    ]


def test_report_when_read_by_dcmqi_then_the_numbers_are_those_of_the_document(
    written: Written, tmp_path: Path
) -> None:
    out = tmp_path / "sr.json"
    subprocess.run(
        [*_in_environment(["tid1500reader"]), "--inputDICOM", str(written.results.sr),
         "--outputMetadata", str(out)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    listed = json.loads(out.read_text(encoding="utf-8"))["Measurements"]
    # Beside the outlines and the texts, which it lists too, a lesion has one group with numbers.
    groups = [group for group in listed if group["measurementItems"]]

    document = written.results.document
    for lesion, group in zip(document["lesions"], groups, strict=True):  # type: ignore[call-overload]
        values = {item["quantity"]["CodeValue"]: float(item["value"]) for item in group["measurementItems"]}
        assert group["TrackingUniqueIdentifier"] == lesion["tracking_uid"]
        assert values["118565006"] == pytest.approx(lesion["volume_cm3"])
        assert values["81827009"] == pytest.approx(lesion["longest_diameter_mm"])
    risk = {item["quantity"]["CodeValue"]: float(item["value"]) for item in groups[0]["measurementItems"]}
    shown = [risk[code.value] for code in (MVI_PROBABILITY, MVI_LOWER, MVI_UPPER)]
    stated = document["risk"]
    assert shown == pytest.approx([stated["probability"], *stated["interval_95"]], abs=5.5e-4)  # type: ignore[index]


def _in_environment(command: list[str]) -> list[str]:
    """Name a program of this environment by its path."""
    return [str(Path(sys.executable).parent / command[0]), *command[1:]]
