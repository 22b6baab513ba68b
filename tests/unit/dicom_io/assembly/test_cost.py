"""What matching costs, counted: how often files are opened, pixels are read, and functions are called."""

import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import ScanResult, assemble, inspect, match_studies, scan_folder
from dicom_io.assembly.facts import FrameFacts
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.enhanced import write_enhanced
from tests.unit.dicom_io.assembly.header_studies import DYNAMIC, MATRIX, SLICES, StudyWriter, standard
from tests.unit.dicom_io.assembly.test_random_protocols import DWI, T1, T2, series

PIXEL_BYTES = 2 * MATRIX * MATRIX
RULES = load_series_rules()


class Watch:
    """Counts what is done to each file."""

    def __init__(self) -> None:
        self.opened: Counter[Path] = Counter()
        self.pixels_read: Counter[Path] = Counter()
        self.pixel_bytes = PIXEL_BYTES

    def open(self, path: Path, _mode: str) -> io.BufferedReader:
        """Open a file as `Path.open` does, watched."""
        watch = self

        class Watched(io.BufferedReader):
            def read(self, size: int | None = -1) -> bytes:
                found = super().read(size)
                watch.pixels_read[path] += len(found) >= watch.pixel_bytes
                return found

        self.opened[path] += 1
        return Watched(io.FileIO(path))


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()

    def open_file(path: Path, mode: str) -> io.BufferedReader:
        return watch.open(path, mode)

    monkeypatch.setattr(Path, "open", open_file)
    return watch


def test_scan_when_a_study_is_read_then_each_file_is_opened_once_and_no_pixel_is_read(
    writer: StudyWriter, watch: Watch
) -> None:
    standard(writer)
    scan = scan_folder(writer.folder)
    match_studies(scan, RULES)
    assert watch.opened == dict.fromkeys(writer.folder.glob("*.dcm"), 1)
    assert not any(watch.pixels_read.values())


def test_assemble_when_pixels_are_checked_afterwards_then_each_chosen_image_was_read_once_and_no_other(
    writer: StudyWriter, match: Match, watch: Watch
) -> None:
    standard(writer)
    result = match()
    watch.pixels_read.clear()
    inspect(result, assemble(result, clinical={}).volumes, RULES)
    chosen = {instance.path: 1 for role in result.roles.values() for instance in role.instances}
    assert +watch.pixels_read == chosen
    # The unweighted diffusion images are of no role.
    assert len(chosen) < len(list(writer.folder.glob("*.dcm")))


def test_assemble_when_phases_share_an_object_then_it_is_read_once(
    writer: StudyWriter, match: Match, watch: Watch
) -> None:
    standard(writer, without=DYNAMIC)
    times_s = [0, 125, 165, 300, 1300]
    path = write_enhanced(writer, "t1_vibe_dyn", times_s)
    result = match()
    watch.pixels_read.clear()
    watch.pixel_bytes = len(times_s) * SLICES * PIXEL_BYTES
    inspect(result, assemble(result, clinical={}).volumes, RULES)
    assert watch.pixels_read[path] == 1


def many(number: int, slices: int) -> ScanResult:
    """Return a study of six sequences and `number` more T1 series, each at an instant of its own."""

    def frames() -> Iterator[FrameFacts]:
        for index, (word, time_s) in enumerate([("pre", -60), ("arterial", 25), ("portal", 70), ("hbp", 1200)]):
            yield from series(index + 1, word, T1, time_s)
        yield from series(90, "Ax T2", T2, 400)
        yield from series(91, "Ax DWI", DWI, 500)
        for index in range(number):
            yield from list(series(1000 + index, f"delay {index}", T1, 150 + index))[:slices]

    return ScanResult(tuple(frames()))


def calls(scan: ScanResult) -> int:
    """Return how many functions it takes to match a study."""
    count = 0

    def count_call(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        (result,) = match_studies(scan, RULES)
    finally:
        sys.setprofile(before)
    assert result.code is None and len(result.roles) == len(Role)
    return count


@pytest.mark.parametrize("slices", [2, 10], ids=["too few for a volume", "volumes"])
def test_match_when_there_are_four_times_as_many_series_then_it_takes_four_times_the_calls(slices: int) -> None:
    assert calls(many(200, slices)) < 5 * calls(many(50, slices))
