"""Results of small studies in every position of the patient, for other people's programs."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dicom_io.results import WrittenResults, write_refusal, write_results, writing
from pipeline.analysis import Analysis
from tests.unit.dicom_io.results.synthetic_study import DIRECTIONS, STUDY_UID, make_analysis, make_grid, make_match
from tests.unit.dicom_io.results.test_writing import refused, sources

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
GEOMETRIES: Mapping[str, tuple[str, bool]] = {
    **{name: (name, False) for name in DIRECTIONS},
    "enhanced": ("axial", True),
    "enhanced oblique": ("oblique", True),
    "enhanced feet first": ("feet first", True),
}
"""Direction and whether the source is multi-frame, by name."""


@dataclass(frozen=True, eq=False)
class Written:
    """Results, and what they must hold; no analysis where the study was refused."""

    results: WrittenResults
    sources: tuple[Path, ...]
    analysis: Analysis | None = None


def write_case(folder: Path, name: str, *, lesions: int = 2) -> Written:
    """Write the results of one geometry; the summary page is a small grey one."""
    direction, enhanced = GEOMETRIES[name]
    grid = make_grid(DIRECTIONS[direction])
    match, analysis = make_match(folder / "in", grid, enhanced=enhanced), make_analysis(grid, lesions)
    with pytest.MonkeyPatch.context() as patch:
        _blank_page(patch)
        results = write_results(match, analysis, folder / "out", now=NOW)
    return Written(results, _paths(folder), analysis)


def write_refused(folder: Path) -> Written:
    """Write a refusal."""
    with pytest.MonkeyPatch.context() as patch:
        _blank_page(patch)
        results = write_refusal(sources(folder), STUDY_UID, refused(folder), folder / "out", model=None, now=NOW)
    return Written(results, _paths(folder))


def _blank_page(patch: pytest.MonkeyPatch) -> None:
    page = np.full((8, 12, 3), 99, dtype=np.uint8)
    patch.setattr(writing, "draw_summary", lambda *_, **__: page)
    patch.setattr(writing, "draw_refusal", lambda *_, **__: page)


def _paths(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((folder / "in").glob("*.dcm")))


def run(*command: str) -> str:
    """Return what a program prints on either stream."""
    # By absolute path: pynetdicom puts programs of the same names on the PATH of the environment.
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")
