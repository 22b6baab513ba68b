from pathlib import Path

import pytest

from node.storage import storage_id


def test_storage_id_when_asked_again_then_is_the_same(tmp_path: Path) -> None:
    first = storage_id(tmp_path)
    assert len(first) == 32
    assert storage_id(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["storage-id"]


def test_storage_id_when_folders_differ_then_so_does_it(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert storage_id(tmp_path) != storage_id(tmp_path / "other")


def test_storage_id_when_another_node_names_the_folder_first_then_its_name_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = storage_id(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert storage_id(tmp_path) == first
