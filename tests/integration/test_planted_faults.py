"""A phantom that is right in everything but one planted fault is refused, with the code of the fault."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, inspect_files, match_studies, scan_folder
from dicom_io.phantom_series import write_phantom_study
from tests.integration.scenario_table import Cases

Fault = Callable[[Dataset, int], None]
"""Changes an image, by its place in the series."""


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("phantom")
    truth: dict[str, Any] = write_phantom_study(
        Cases(29).of("standard"), out, vendor="siemens", scenario="standard"
    )
    return out / "dicom", truth["roles"]


def displaced(x_mm: float = 0.0, y_mm: float = 0.0, z_mm: float = 0.0) -> Fault:
    def plant(ds: Dataset, _place: int) -> None:
        x, y, z = map(float, ds.ImagePositionPatient)
        ds.ImagePositionPatient = [x + x_mm, y + y_mm, z + z_mm]

    return plant


def mirrored(ds: Dataset, _place: int) -> None:
    stored = np.frombuffer(ds.PixelData, dtype=np.uint16).reshape(ds.Rows, ds.Columns)
    ds.PixelData = np.ascontiguousarray(stored[:, ::-1]).tobytes()


def small(ds: Dataset, _place: int) -> None:
    ds.PixelSpacing = [0.2 * float(part) for part in ds.PixelSpacing]


def sheared(ds: Dataset, place: int) -> None:
    displaced(x_mm=8.0 * place)(ds, place)


def empty(ds: Dataset, _place: int) -> None:
    ds.PixelData = bytes(len(ds.PixelData))


def half_empty(ds: Dataset, place: int) -> None:
    if place > 5:
        empty(ds, place)


def tenfold(ds: Dataset, place: int) -> None:
    if place % 2:
        ds.RescaleSlope, ds.RescaleIntercept = 10, 0


def own_scale(ds: Dataset, _place: int) -> None:
    # Each slice stored with a scale of its own, true to what it shows.
    stored = np.frombuffer(ds.PixelData, dtype=np.uint16)
    scale = 4095 / stored.max()
    ds.PixelData = np.rint(stored * scale).astype(np.uint16).tobytes()
    ds.RescaleSlope, ds.RescaleIntercept = f"{1 / scale:.8f}", 0


def years_ago(ds: Dataset, _place: int) -> None:
    for keyword in ("AcquisitionDate", "SeriesDate", "ContentDate", "StudyDate"):
        setattr(ds, keyword, "20200101")


def matched(phantom: tuple[Path, dict[str, Any]], role: str, plant: Fault, folder: Path) -> MatchResult:
    source, roles = phantom
    wanted, out = set(roles[role]["sop_instance_uids"]), folder / "dicom"
    shutil.copytree(source, out, copy_function=os.symlink)
    found = [dcmread(path) for path in out.rglob("*") if path.is_file()]
    chosen = [ds for ds in found if ds.get("SOPInstanceUID") in wanted]
    assert len(chosen) == len(wanted)
    for place, ds in enumerate(sorted(chosen, key=lambda ds: float(ds.ImagePositionPatient[2]))):
        path = Path(str(ds.filename))
        plant(ds, place)
        path.unlink()
        ds.save_as(path)
    rules = load_series_rules()
    (result,) = match_studies(scan_folder(out), rules)
    return inspect_files(result, rules)


@pytest.mark.parametrize(
    ("role", "plant", "code"),
    [
        ("T1_ARTERIAL", displaced(x_mm=600), "SM-GEOM"),
        ("T1_HEPATOBILIARY", displaced(x_mm=-45), "SM-PIXEL"),
        ("T1_PORTAL", displaced(y_mm=15, z_mm=20), None),
        ("T1_ARTERIAL", mirrored, "SM-PIXEL"),
        ("T2", small, "SM-GEOM"),
        ("T1_ARTERIAL", sheared, "SM-GEOM"),
        ("DWI", empty, "SM-PIXEL"),
        ("T1_HEPATOBILIARY", empty, "SM-PIXEL"),
        ("T1_PORTAL", half_empty, "SM-PIXEL"),
        ("T1_ARTERIAL", tenfold, "SM-PIXEL"),
        ("T2", tenfold, "SM-PIXEL"),
        ("T1_PORTAL", own_scale, None),
        ("DWI", years_ago, "SM-GAP"),
    ],
)
def test_match_of_a_phantom_with_a_planted_fault_says_which(
    phantom: tuple[Path, dict[str, Any]], tmp_path: Path, role: str, plant: Fault, code: str | None
) -> None:
    result = matched(phantom, role, plant, tmp_path)
    assert (result.code, result.warnings) == (code, ()), result.message
