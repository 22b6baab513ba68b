"""The folder of the report is tried before anything is fitted."""

from pathlib import Path

import pytest

from pipeline.evaluation.writing import require_writable


def test_folder_when_it_can_be_made_then_nothing_but_its_folders_lies_in_it(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "report")
    assert sorted(path.name for path in (tmp_path / "a" / "report").rglob("*")) == ["figures", "tables"]


def test_folder_when_a_file_stands_in_its_way_then_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("mine")
    with pytest.raises(OSError, match="report"):
        require_writable(tmp_path / "report")
    assert (tmp_path / "report").read_text() == "mine"
