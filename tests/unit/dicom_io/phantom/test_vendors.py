"""What each scanner writes, against what its real objects hold."""

import subprocess
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom_io.phantom_series import VENDORS, write_phantom_study
from pipeline.phantom import PhantomCase

DCIODVFY = "/usr/bin/dciodvfy"

REAL_ERRORS = {
    # A GE multi-phase object gives Trigger Time without cardiac gating, as ge_mr/multiphase does.
    ("ge", "dynamic-series"): "TriggerTime",
    # Philips puts the time of its dynamics there as well.
    ("philips", "mdixon"): "TriggerTime",
    # The tiles of a VFRAME image have positions, in a private sequence; the image has none, as uih_mr/s6.
    ("uih", "vframe"): "ImagePositionPatient",
}
"""Errors that objects of the real scanner have as well."""

CHECKED = [
    *((vendor, "oblique") for vendor in VENDORS),
    *REAL_ERRORS,
    ("ge", "dixon-hundreds"),
    ("siemens", "directional"),
    ("siemens", "converted"),
    ("siemens-xa", "busy"),
    ("siemens-xa", "dixon"),
    ("philips-enhanced", "mdixon"),
    ("philips-enhanced", "directional"),
    ("canon", "japanese"),
    ("unknown", "korean"),
]


def study(case: PhantomCase, out: Path, vendor: str, scenario: str = "standard") -> list[pydicom.Dataset]:
    write_phantom_study(case, out, vendor=vendor, scenario=scenario)
    return [pydicom.dcmread(path) for path in sorted((out / "dicom").rglob("*.dcm"))]


def described(headers: list[pydicom.Dataset], word: str) -> list[pydicom.Dataset]:
    found = [ds for ds in headers if word in ds.SeriesDescription]
    assert found
    return found


@pytest.mark.peer("dicom3tools")
@pytest.mark.parametrize(("vendor", "scenario"), CHECKED)
def test_instances_of_every_series_pass_dciodvfy_or_fail_as_the_real_ones_do(
    small_case: PhantomCase, tmp_path: Path, vendor: str, scenario: str
) -> None:
    write_phantom_study(small_case, tmp_path, vendor=vendor, scenario=scenario)
    for folder in sorted((tmp_path / "dicom").iterdir()):
        first = min(folder.iterdir())
        found = subprocess.run([DCIODVFY, str(first)], capture_output=True, text=True, check=False, timeout=60)
        assert "MRImage" in found.stderr
        errors = [line for line in found.stderr.splitlines() if line.startswith("Error")]
        known = REAL_ERRORS.get((vendor, scenario))
        assert [line for line in errors if known is None or known not in line] == [], folder.name


def test_siemens_writes_the_weighting_in_its_private_element_only(small_case: PhantomCase, tmp_path: Path) -> None:
    series = described(study(small_case, tmp_path, "siemens"), "TRACEW")
    assert {int(ds.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value) for ds in series} == {0, 800}
    assert {ds.SequenceName for ds in series} == {"*ep_b0", "*ep_b800t"}
    assert not any("DiffusionBValue" in ds for ds in series)
    assert all(ds.ContentTime > ds.AcquisitionTime for ds in series)


def test_ge_gives_one_whole_second_for_a_multiphase_series_and_counts_its_phases(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    series = described(study(small_case, tmp_path, "ge", "dynamic-series"), "Mph")
    assert {(ds.SeriesTime, ds.AcquisitionTime, ds.ContentTime) for ds in series} == {
        ("091800", "091800", "091800")
    }
    assert {int(ds.TriggerTime) for ds in series} == {0, 145_000, 185_000, 300_000}
    slices = len(series) // 4
    assert {ds.private_block(0x0021, "GEMS_RELA_01")[0x4F].value for ds in series} == {slices}
    assert {ds.ImagesInAcquisition for ds in series} == {len(series)}


def test_ge_trigger_time_drifts_from_slice_to_slice_where_the_scenario_says_so(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    series = described(study(small_case, tmp_path, "ge", "drifting-trigger"), "Mph")
    assert len({int(ds.TriggerTime) for ds in series}) == len(series)
    assert not any("TemporalPositionIdentifier" in ds for ds in series)


def test_philips_keeps_four_dixon_types_of_five_dynamics_in_one_series(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    series = described(study(small_case, tmp_path, "philips", "mdixon"), "dyn")
    kinds = {(ds.ImageType[2], int(ds.TemporalPositionIdentifier)) for ds in series}
    assert kinds == {(word, phase) for word in ("W", "F", "IP", "OP") for phase in range(1, 6)}
    assert {ds.private_block(0x2001, "Philips Imaging DD 001")[0x81].value for ds in series} == {5}
    assert {ds.private_block(0x2005, "Philips MR Imaging DD 001")[0x11].value for ds in series} == {
        "W", "F", "IP", "OP"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("mdixon", {"W", "F", "IP", "OP"}), ("mdixon-r12", {"WATER", "FAT", "IN_PHASE", "OUT_OF_PHASE"})],
)
def test_philips_enhanced_names_dixon_types_by_release(
    small_case: PhantomCase, tmp_path: Path, scenario: str, words: set[str]
) -> None:
    (ds,) = described(study(small_case, tmp_path, "philips-enhanced", scenario), "dyn")
    types = [frame.MRImageFrameTypeSequence[0] for frame in ds.PerFrameFunctionalGroupsSequence]
    assert {item.FrameType[3] for item in types} == words
    # Real Philips objects say so of all four, so that it tells nothing.
    assert {item.ComplexImageComponent for item in types} == {"MAGNITUDE"}


def test_siemens_xa_packs_the_phases_into_one_object_with_a_time_for_each_frame(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    (ds,) = described(study(small_case, tmp_path, "siemens-xa", "dynamic-series"), "dyn")
    contents = [frame.FrameContentSequence[0] for frame in ds.PerFrameFunctionalGroupsSequence]
    instants = {int(item.TemporalPositionIndex): item.FrameAcquisitionDateTime[8:14] for item in contents}
    assert instants == {1: "091751", 2: "092016", 3: "092056", 4: "092251"}
    assert len(ds.pixel_array) == ds.NumberOfFrames == len(contents)
    assert contents[0].FrameAcquisitionDuration == 17_000_000.0


def test_united_imaging_writes_content_minutes_after_the_acquisition_and_two_b_values(
    small_case: PhantomCase, tmp_path: Path
) -> None:
    headers = study(small_case, tmp_path, "uih")
    arterial = described(headers, "art")[0]
    assert (arterial.AcquisitionTime, arterial.ContentTime) == ("092025.000000", "092406.000000")
    blocks = [ds.private_block(0x0065, "Image Private Header") for ds in described(headers, "b0_800")]
    assert {(block[0x09].value, block[0x0A].value) for block in blocks} == {(0.0, 0.0), (744.0, 800.0)}
    assert {ds.SpecificCharacterSet for ds in headers} == {"ISO_IR 192"}


def test_a_vframe_image_holds_all_slices_and_their_positions(small_case: PhantomCase, tmp_path: Path) -> None:
    (image,) = described(study(small_case, tmp_path, "uih", "vframe"), "art")[:1]
    tiles = image.private_block(0x0065, "Image Private Header")[0x51].value
    assert "VFRAME" in image.ImageType
    assert len(tiles) == 12
    assert image.Rows == image.Columns == 4 * 64


@pytest.mark.parametrize("vendor", ["canon", "toshiba"])
def test_canon_gives_a_b_value_on_weighted_images_only(
    small_case: PhantomCase, tmp_path: Path, vendor: str
) -> None:
    series = described(study(small_case, tmp_path, vendor), "DWI")
    said: list[Any] = [ds.get("ImageComments") or ds.get("DiffusionBValue") for ds in series]
    half = len(series) // 2
    assert said[:half] == [None] * half
    assert set(said[half:]) == ({"b=800(0.000,0.000,0.000)"} if vendor == "canon" else {800.0})


def test_the_unknown_scanner_writes_no_private_element(small_case: PhantomCase, tmp_path: Path) -> None:
    assert not any(element.tag.is_private for ds in study(small_case, tmp_path, "unknown") for element in ds)


def test_implicit_objects_are_read_like_explicit_ones(small_case: PhantomCase, tmp_path: Path) -> None:
    plain = study(small_case, tmp_path / "explicit", "philips")
    implicit = study(small_case, tmp_path / "implicit", "philips", "implicit")
    assert {ds.file_meta.TransferSyntaxUID for ds in implicit} == {"1.2.840.10008.1.2"}
    for one, other in zip(plain, implicit, strict=True):
        assert one.PixelData == other.PixelData
        assert one.SeriesDescription == other.SeriesDescription
