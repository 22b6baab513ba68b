from collections.abc import Callable
from pathlib import Path

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, match_studies, scan_folder
from tests.unit.dicom_io.assembly.header_studies import StudyWriter

Match = Callable[[], MatchResult]


@pytest.fixture
def writer(tmp_path: Path) -> StudyWriter:
    return StudyWriter(tmp_path)


@pytest.fixture
def match(tmp_path: Path) -> Match:
    """Match the one study that the test wrote."""

    def run() -> MatchResult:
        results = match_studies(scan_folder(tmp_path), load_series_rules())
        assert len(results) == 1
        return results[0]

    return run


@pytest.fixture(scope="session")
def realdata() -> Path:
    folder = Path(__file__).resolve().parents[5] / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip("real DICOM files are not here")
    return folder
