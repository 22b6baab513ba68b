import os
import socket
from pathlib import Path

import pytest

from node.storage.results_folder import replacing, results_folder, sweep_attempts


def test_results_folder_when_the_uid_is_a_path_then_stays_inside_the_storage(tmp_path: Path) -> None:
    folder = results_folder(tmp_path, "../../etc", 1)
    assert folder.resolve().is_relative_to(tmp_path.resolve())
    assert ".." not in folder.parts


def test_results_folder_when_generations_differ_then_so_do_folders(tmp_path: Path) -> None:
    assert results_folder(tmp_path, "1.2", 1) != results_folder(tmp_path, "1.2", 2)


def test_replacing_when_the_block_ends_then_takes_the_place_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "1"
    for content in ("first", "second"):
        with replacing(folder) as fresh:
            (fresh / f"{content}.txt").write_text(content)
    assert [path.name for path in folder.iterdir()] == ["second.txt"]
    assert list(folder.parent.iterdir()) == [folder]


def test_replacing_when_the_block_raises_then_keeps_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    with replacing(folder) as fresh:
        (fresh / "good.txt").touch()
    with pytest.raises(ValueError, match="broken"), replacing(folder) as fresh:
        (fresh / "bad.txt").touch()
        raise ValueError("broken")
    assert [path.name for path in folder.iterdir()] == ["good.txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_replacing_when_two_attempts_overlap_then_neither_loses_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    with replacing(folder) as first:
        (first / "match.json").write_text("first")
        with replacing(folder) as second:
            (second / "match.json").write_text("second")
            (first / "sr.dcm").write_text("first")
            (second / "sr.dcm").write_text("second")
        assert {path.name: path.read_text() for path in folder.iterdir()} == {
            "match.json": "second",
            "sr.dcm": "second",
        }
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"match.json": "first", "sr.dcm": "first"}
    assert list(tmp_path.iterdir()) == [folder]


def test_replacing_when_another_attempt_comes_in_between_then_the_last_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "1"
    rename, races = Path.rename, [folder]

    def raced(path: Path, target: Path) -> Path:
        if target in races:
            races.pop().mkdir()
            (folder / "other.txt").touch()
        return rename(path, target)

    with replacing(folder) as fresh:
        (fresh / "own.txt").touch()
        monkeypatch.setattr(Path, "rename", raced)
    assert [path.name for path in folder.iterdir()] == ["own.txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_sweep_attempts_when_their_process_is_gone_then_only_they_are_removed(tmp_path: Path) -> None:
    folder = results_folder(tmp_path, "1.2", 1)
    with replacing(folder) as done:
        (done / "sr.dcm").touch()
    dead = folder.with_name(f".1~{socket.gethostname()}~999999999~1~0~abc")
    foreign, old = folder.with_name(".1~elsewhere~1~1~0~abc"), folder.with_name(".1.new")
    for leftover in (dead, foreign, old):
        leftover.mkdir()
        (leftover / "half.txt").touch()
    os.utime(old, (0, 0))
    with replacing(folder) as running:
        assert sweep_attempts(tmp_path) == 2
        assert sorted(folder.parent.iterdir()) == sorted([foreign, folder, running])


def test_sweep_attempts_when_there_are_no_results_then_does_nothing(tmp_path: Path) -> None:
    assert sweep_attempts(tmp_path) == 0
