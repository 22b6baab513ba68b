"""A study of which something cannot be read: what a refusal says of it, and which file it names."""

import errno
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from dicom_io.assembly.match_result import MatchResult
from pipeline.study import Role
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import T2, StudyWriter, standard
from tests.unit.dicom_io.assembly.test_scanning import truncate


def denied(path: object) -> PermissionError:
    return PermissionError(errno.EACCES, "Permission denied", str(path))


def close(monkeypatch: pytest.MonkeyPatch, closed: Path, how: str) -> None:
    """Let the system refuse a file or folder; root may read everything, so that rights alone would not show it."""
    scan, opened, stat = os.scandir, Path.open, Path.stat
    if how == "searched":
        monkeypatch.setattr(os, "scandir", lambda path: _raise(path) if Path(path) == closed else scan(path))
    elif how == "opened":
        monkeypatch.setattr(Path, "open", lambda self, *it: _raise(self) if self == closed else opened(self, *it))
    else:

        def shut(self: Path, **options: bool) -> os.stat_result:
            if self.parent == closed:
                _raise(self)
            return stat(self, **options)

        monkeypatch.setattr(Path, "stat", shut)
        monkeypatch.setattr(
            Path, "open", lambda self, *it: _raise(self) if self.parent == closed else opened(self, *it)
        )


def _raise(path: object) -> NoReturn:
    raise denied(path)


def move(result: MatchResult, role: Role, folder: Path) -> Path:
    """Give the series of a role a folder of its own, as a burner of discs does."""
    folder.mkdir()
    for instance in result.roles[role].instances:
        shutil.move(instance.path, folder / instance.path.name)
    return folder


@pytest.mark.parametrize("how", ["searched", "entered"])
@pytest.mark.parametrize("role", [Role.T1_HEPATOBILIARY, Role.T2])
def test_match_when_the_folder_of_a_series_is_closed_then_it_is_that_and_not_a_missing_series(
    writer: StudyWriter, tmp_path: Path, match: Match, monkeypatch: pytest.MonkeyPatch, role: Role, how: str
) -> None:
    standard(writer)
    folder = move(match(), role, tmp_path / "series-6")
    assert match().code is None
    close(monkeypatch, folder, how)
    result = match()
    assert result.code == "SM-UNREADABLE"
    assert "series-6" in result.message
    assert "permission denied" in result.message
    assert str(tmp_path) not in result.message
    assert "right to read" in result.remedy


@pytest.mark.parametrize("index", [0, 4])
def test_match_when_one_file_is_closed_then_the_study_is_refused_wherever_its_slice_lies(
    writer: StudyWriter, match: Match, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    standard(writer)
    path = match().roles[Role.T1_HEPATOBILIARY].instances[index].path
    close(monkeypatch, path, "opened")
    result = match()
    assert result.code == "SM-UNREADABLE"
    assert f"{path.name} is a file that cannot be read: permission denied" in result.message
    assert "again" in result.remedy
    assert "Send" not in result.remedy


@pytest.mark.parametrize("index", [0, 4, -1])
def test_match_when_a_file_of_a_chosen_series_is_truncated_then_that_file_is_named(
    writer: StudyWriter, tmp_path: Path, match: Match, index: int
) -> None:
    standard(writer)
    folder = move(match(), Role.T1_ARTERIAL, tmp_path / "series-4")
    path = match().roles[Role.T1_ARTERIAL].instances[index].path
    truncate(path, 10)
    result = match()
    assert result.code == "SM-INCOMPLETE"
    assert f"damaged: {folder.name}/{path.name} (truncated" in result.message
    assert "missing" not in result.message


def test_match_when_several_files_of_a_series_are_truncated_then_they_are_counted(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    first, second = sorted(instance.path for instance in match().roles[Role.T2].instances)[1:3]
    truncate(first, 10)
    truncate(second, 10)
    # Seven slices are too few for any role, so that the series is missing rather than incomplete.
    assert f"2 file(s) cannot be used, the first {first.name}: truncated" in match().message


def test_match_when_few_of_many_files_are_truncated_then_they_are_counted(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer, without=("T2",))
    writer.series("Ax T2", T2, 1, slices=range(16))
    first, second = sorted(instance.path for instance in match().roles[Role.T2].instances)[3:5]
    truncate(first, 10)
    truncate(second, 10)
    result = match()
    assert result.code == "SM-INCOMPLETE"
    assert f"2 files of its series are damaged, the first {first.name} (truncated" in result.message


@pytest.mark.parametrize("kept_bytes", [140, 700])
def test_match_when_a_file_ends_in_its_header_then_the_gap_is_explained(
    writer: StudyWriter, match: Match, kept_bytes: int
) -> None:
    standard(writer)
    path = match().roles[Role.T2].instances[4].path
    path.write_bytes(path.read_bytes()[:kept_bytes])
    result = match()
    assert result.code == "SM-INCOMPLETE"
    assert path.name in result.message


def test_match_when_every_file_of_a_series_is_truncated_then_the_missing_role_is_explained(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    for instance in match().roles[Role.T2].instances:
        truncate(instance.path, 10)
    result = match()
    assert result.code == "SM-MISSING-T2"
    assert "file(s) cannot be used, the first" in result.message


def test_match_when_a_damaged_file_is_nobodys_then_the_study_is_accepted_with_a_warning(
    writer: StudyWriter, tmp_path: Path, match: Match
) -> None:
    standard(writer)
    (tmp_path / "noise.dcm").write_bytes(b"\0" * 128 + b"DICM" + bytes(range(256)) * 8)
    (tmp_path / "LICENSE.txt").write_text("not DICOM")
    result = match()
    assert result.code is None
    (warning,) = result.warnings
    assert "noise.dcm" in warning
