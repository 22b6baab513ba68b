import multiprocessing
import threading
import time
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from config.sections.node import LedgerSection, NodeSection
from config.settings import Settings
from node.storage.folder import StorageError, sole_node, storage_id


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


def test_storage_when_a_node_holds_it_then_a_second_does_not_start_and_one_that_died_is_forgotten(
    tmp_path: Path,
) -> None:
    settings = Settings(node=NodeSection(storage=tmp_path))
    with sole_node(settings), pytest.raises(StorageError, match="another node works on"), sole_node(settings, 0):
        pass
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    holder = context.Process(target=hold_until_killed, args=(settings, held))
    holder.start()
    assert held.wait(120)
    with pytest.raises(StorageError), sole_node(settings, 0):
        pass
    holder.kill()
    holder.join(30)
    with sole_node(settings):
        pass


def test_storage_when_a_killed_node_lets_go_a_moment_later_then_the_next_waits_for_it(tmp_path: Path) -> None:
    settings = Settings(node=NodeSection(storage=tmp_path))
    dying = ExitStack()
    lets_go = threading.Event()
    dying.enter_context(sole_node(settings))
    dying.callback(lets_go.set)  # Called before the folder is given back.
    last_thread = threading.Timer(0.2, dying.close)
    last_thread.start()
    with sole_node(settings):
        assert lets_go.is_set()
    last_thread.join()


def test_storage_when_nodes_share_a_postgresql_ledger_then_several_may_work_on_it(tmp_path: Path) -> None:
    settings = Settings(node=NodeSection(storage=tmp_path), ledger=LedgerSection(url="postgresql+psycopg://h/d"))
    with sole_node(settings), sole_node(settings):
        pass


def hold_until_killed(settings: Settings, held: Event) -> None:
    with sole_node(settings):
        held.set()
        time.sleep(600)
