from pathlib import Path

import pytest

from node.results_folder import replacing, results_folder


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


def test_replacing_when_an_earlier_attempt_was_killed_then_nothing_of_it_remains(tmp_path: Path) -> None:
    (tmp_path / ".1.new").mkdir()
    (tmp_path / ".1.new" / "half.txt").touch()
    with replacing(tmp_path / "1") as fresh:
        assert list(fresh.iterdir()) == []
