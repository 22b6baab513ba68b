"""The features against stock pyradiomics, and what happens with regions that have no texture."""

import logging
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK as sitk  # noqa: N813 - the package's own idiom
import yaml
from scipy import ndimage

import config
from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.radiomics import (
    FEATURE_COUNT,
    FeatureVector,
    RadiomicsSettings,
    extract,
    extract_outlines,
    feature_names,
)
from pipeline.radiomics.filters import normalised
from pipeline.radiomics.names import REGIONS, region_names
from pipeline.resampling import to_sitk
from pipeline.study import Role
from pipeline.volume import Volume

PARAMETER_FILE = Path(config.__file__).parent / "radiomics.yaml"
SETTINGS = RadiomicsSettings()
SHAPE = (21, 40, 43)
Mask = npt.NDArray[np.bool_]
Case = tuple[dict[Role, Volume], Mask, Mask]


@cache
def ball(centre: tuple[float, float, float] = (10, 20, 22), diameter_mm: float = 20.0) -> Case:
    """Make six textured sequences with a bright ball and its 5 mm shell; odd and even axes."""
    rng = np.random.default_rng(7)
    grid = Grid(SHAPE, np.array([2.0, 2.0, 2.5]), np.array([-30.0, 12.0, 5.0]), np.eye(3))
    index = np.indices(SHAPE).astype(float)
    spacing = grid.spacing_xyz_mm[::-1]
    radius = np.sqrt(sum(((index[n] - centre[n]) * spacing[n]) ** 2 for n in range(3)))
    volumes = {}
    for contrast, role in enumerate(Role, start=1):
        texture = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.0) * 200 + 300
        volumes[role] = Volume((texture + 60 * contrast * (radius < diameter_mm / 2)).astype(np.float32), grid)
    return volumes, radius <= diameter_mm / 2, (radius > diameter_mm / 2) & (radius <= diameter_mm / 2 + 5)


@cache
def ball_features() -> FeatureVector:
    volumes, tumour, margin = ball()
    return extract(volumes, tumour, margin, settings=SETTINGS)


def stock(volume: Volume, mask: Mask) -> Mapping[str, Any]:
    from radiomics.featureextractor import RadiomicsFeatureExtractor  # noqa: PLC0415 - logs at import

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    # One thread: the mean that normalises the image depends on the number of partial sums.
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of pykwalify, and divisions by zero.
            extractor = RadiomicsFeatureExtractor(str(PARAMETER_FILE))
            image, label = to_sitk(volume.array, volume.grid), to_sitk(mask.astype(np.uint8), volume.grid)
            found: Mapping[str, Any] = extractor.execute(image, label)
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    return found


@pytest.mark.parametrize("centre", [(10, 20, 22), (4, 38, 3)], ids=["inside", "at the border"])
@pytest.mark.parametrize("role", [Role.T2, Role.T1_HEPATOBILIARY])
def test_features_on_a_textured_ball_equal_stock_pyradiomics(
    role: Role, centre: tuple[float, float, float]
) -> None:
    volumes, tumour, margin = ball(centre)
    features = extract(volumes, tumour, margin, settings=SETTINGS)
    ours = dict(zip(features.names, features.values, strict=True))
    for region, mask in zip(REGIONS, (tumour, margin), strict=True):
        reference = stock(volumes[role], mask)
        names = region_names(SETTINGS)
        expected = np.array([float(reference[name]) for name in names])
        got = np.array([ours[f"{role}_{region}_{name}"] for name in names])
        different = [name for name, a, b in zip(names, expected, got, strict=True) if a != b]
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=0)
        assert not different, "bit identity is lost"


def test_normalised_image_is_that_of_one_thread_whatever_the_machine_has() -> None:
    # Large enough that the partial sums of 2 threads have another last bit.
    array = np.random.default_rng(1).gamma(2, 100, (72, 190, 200)).astype(np.float32)
    volume = Volume(array, Grid(array.shape, np.full(3, 2.0), np.zeros(3), np.eye(3)))
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    try:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        stock_image = sitk.Normalize(to_sitk(volume.array, volume.grid)) * SETTINGS.normalize_scale
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(2)
        ours = normalised(volume, SETTINGS, sequence="T2")
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    assert sitk.GetArrayFromImage(ours).tobytes() == sitk.GetArrayFromImage(stock_image).tobytes()


def test_stock_pyradiomics_with_the_parameter_file_gives_no_other_feature() -> None:
    volumes, tumour, _ = ball()
    reference = stock(volumes[Role.T2], tumour)
    numbers = {name for name in reference if not name.startswith("diagnostics")}
    assert numbers == {name for name in region_names(SETTINGS) if not name.startswith("diagnostics")}


def test_parameter_file_and_settings_say_the_same() -> None:
    document = yaml.safe_load(PARAMETER_FILE.read_text(encoding="utf-8"))
    assert document["setting"]["normalizeScale"] == SETTINGS.normalize_scale
    assert document["setting"]["voxelArrayShift"] == SETTINGS.voxel_array_shift
    assert document["setting"]["binCount"] == SETTINGS.bin_count
    assert document["imageType"]["Wavelet"]["wavelet"] == SETTINGS.wavelet
    assert tuple(document["imageType"]["LoG"]["sigma"]) == SETTINGS.log_sigma_mm


def test_names_are_14736_unique_and_ordered_by_role_then_region() -> None:
    names = feature_names(SETTINGS)
    assert len(names) == len(set(names)) == FEATURE_COUNT == 14736
    assert names[0] == "T2_tumour_original_shape_Elongation"
    assert names[1228].startswith("T2_margin_")
    assert names[2 * 1228].startswith("DWI_tumour_")
    assert names[-1] == "T1_HEPATOBILIARY_margin_diagnostics_Mask-original_VolumeNum"
    assert "T2_tumour_wavelet-LLH_glcm_Contrast" in names


def test_extract_twice_gives_the_same_digest_and_order() -> None:
    volumes, tumour, margin = ball()
    again = extract(dict(reversed(volumes.items())), tumour, margin, settings=SETTINGS)
    assert again.sha256 == ball_features().sha256
    assert again.names == feature_names(SETTINGS)


def test_shape_features_of_a_ball_have_the_known_volume() -> None:
    features = dict(zip(ball_features().names, ball_features().values, strict=True))
    assert features["DWI_tumour_original_shape_MeshVolume"] == pytest.approx(np.pi / 6 * 20**3, rel=0.05)
    assert features["DWI_tumour_original_shape_Sphericity"] == pytest.approx(0.9, abs=0.02)
    assert features["DWI_tumour_diagnostics_Mask-original_VolumeNum"] == 1


def test_normalised_features_do_not_change_with_the_scanner_gain() -> None:
    volumes, tumour, margin = ball()
    louder = {role: Volume(volume.array * 4, volume.grid) for role, volume in volumes.items()}
    scaled = extract(louder, tumour, margin, settings=SETTINGS)
    raw = np.array(["diagnostics_Image" in name for name in scaled.names])
    np.testing.assert_array_equal(scaled.values[~raw], ball_features().values[~raw])


@pytest.mark.parametrize(
    ("tumour_voxels", "region"),
    [([], "tumour"), ([(5, 5, 5)], "tumour"), ([(5, 5, 5), (5, 5, 6), (5, 5, 7)], "tumour")],
    ids=["empty", "one voxel", "a line"],
)
def test_extract_of_a_region_without_texture_is_refused(
    tumour_voxels: list[tuple[int, int, int]], region: str
) -> None:
    volumes, _, margin = ball()
    tumour = np.zeros(SHAPE, dtype=bool)
    for voxel in tumour_voxels:
        tumour[voxel] = True
    with pytest.raises(UnsuitableStudyError, match=f"RAD-SIZE: The {region} has {len(tumour_voxels)} voxel"):
        extract(volumes, tumour, margin, settings=SETTINGS)


def test_extract_with_an_empty_margin_is_refused() -> None:
    volumes, tumour, _ = ball()
    with pytest.raises(UnsuitableStudyError, match="RAD-SIZE: The margin has 0 voxel"):
        extract(volumes, tumour, np.zeros(SHAPE, dtype=bool), settings=SETTINGS)


def test_extract_of_scattered_voxels_is_refused_and_not_nan() -> None:
    volumes, _, margin = ball()
    scattered = np.zeros(SHAPE, dtype=bool)
    scattered[4:12:4, 4:12:4, 4:12:4] = True
    with pytest.raises(UnsuitableStudyError, match=r"RAD-NAN: The tumour has no texture .* image of T2\)"):
        extract(volumes, scattered, margin, settings=SETTINGS)


@pytest.mark.parametrize("flat", ["slice", "constant"])
def test_extract_of_one_slice_or_a_constant_region_is_finite(flat: str) -> None:
    volumes, tumour, margin = ball()
    if flat == "slice":
        tumour = tumour & (np.arange(SHAPE[0]) == 10)[:, None, None]
    else:
        flattened = {role: np.where(tumour, 7.0, volume.array) for role, volume in volumes.items()}
        volumes = {role: Volume(array.astype(np.float32), volumes[role].grid) for role, array in flattened.items()}
    features = extract(volumes, tumour, margin, settings=SETTINGS)
    assert np.isfinite(features.values).all()


def test_extract_of_an_empty_sequence_is_refused() -> None:
    volumes, tumour, margin = ball()
    empty = volumes | {Role.DWI: Volume(np.zeros(SHAPE, np.float32), volumes[Role.DWI].grid)}
    with pytest.raises(UnsuitableStudyError, match="RAD-CONSTANT: DWI has one value"):
        extract(empty, tumour, margin, settings=SETTINGS)


def test_extract_leaves_no_message_behind(caplog: pytest.LogCaptureFixture) -> None:
    volumes, tumour, margin = ball()
    with caplog.at_level(logging.DEBUG):
        extract(volumes, tumour, margin, settings=SETTINGS)
    assert not [record for record in caplog.records if record.name.startswith("radiomics")]


def test_extract_on_two_grids_is_an_error() -> None:
    volumes, tumour, margin = ball()
    grid = Grid(SHAPE, np.array([2.0, 2.0, 3.0]), np.zeros(3), np.eye(3))
    moved = volumes | {Role.DWI: Volume(volumes[Role.DWI].array, grid)}
    with pytest.raises(ValueError, match="DWI is not on the grid"):
        extract(moved, tumour, margin, settings=SETTINGS)


@pytest.mark.slow
def test_two_processes_give_the_same_bits_as_one() -> None:
    volumes, tumour, margin = ball()
    features = extract(volumes, tumour, margin, settings=RadiomicsSettings(processes=2))
    assert features.sha256 == ball_features().sha256


def test_outlines_when_measured_together_then_each_has_what_it_has_alone() -> None:
    volumes, tumour, margin = ball()
    dot, scattered = np.zeros_like(tumour), np.zeros_like(tumour)
    dot[10, 20, 20] = True
    # Reaches far beyond the ball: all regions are read from images of one box.
    scattered[4:16:4, 4:36:4, 4:36:4] = True
    found = extract_outlines(volumes, [(dot, margin), (tumour, margin), (scattered, margin)], settings=SETTINGS)
    assert [item.code if isinstance(item, UnsuitableStudyError) else item.sha256 for item in found] == [
        "RAD-SIZE",
        ball_features().sha256,
        "RAD-NAN",
    ]
