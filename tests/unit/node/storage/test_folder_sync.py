import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.storage import folder_sync
from node.storage.folder_sync import FolderSync

FOLDER = "/inbox/study"


@pytest.fixture
def synchronised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    folders: list[str] = []
    monkeypatch.setattr(folder_sync, "sync_folder", folders.append)
    return folders


def test_synchronise_when_another_began_it_behind_the_name_then_does_not_again(synchronised: list[str]) -> None:
    folders = FolderSync()
    mine, other = folders.ticket(), folders.ticket()
    folders.synchronise(FOLDER, other)
    folders.synchronise(FOLDER, mine)
    assert synchronised == [FOLDER]


def test_synchronise_when_the_name_came_later_then_does_it_again(synchronised: list[str]) -> None:
    folders = FolderSync()
    for _ in range(2):
        folders.synchronise(FOLDER, folders.ticket())
    assert synchronised == [FOLDER] * 2


def test_synchronise_when_another_folder_was_then_does_it(synchronised: list[str]) -> None:
    folders = FolderSync()
    ticket = folders.ticket()
    folders.synchronise("/inbox/other", ticket)
    folders.synchronise(FOLDER, ticket)
    assert synchronised == ["/inbox/other", FOLDER]


def test_synchronise_when_it_began_before_the_name_and_ends_behind_it_then_does_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders, begun, go_on = FolderSync(), threading.Event(), threading.Event()
    number: list[str] = []

    def slow(folder: str) -> None:
        number.append(folder)
        begun.set()
        assert go_on.wait(10)

    monkeypatch.setattr(folder_sync, "sync_folder", slow)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(folders.synchronise, FOLDER, folders.ticket())
        assert begun.wait(10)
        ticket = folders.ticket()
        go_on.set()
        first.result(10)
    folders.synchronise(FOLDER, ticket)
    assert len(number) == 2


def test_synchronise_when_the_disk_refused_the_other_then_does_it(
    synchronised: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = FolderSync()
    ticket = folders.ticket()

    def refuse(_: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(folder_sync, "sync_folder", refuse)
        with pytest.raises(OSError, match="error"):
            folders.synchronise(FOLDER, ticket)
    folders.synchronise(FOLDER, ticket)
    assert synchronised == [FOLDER]


def test_synchronise_when_there_are_very_many_folders_then_each_is(tmp_path: Path) -> None:
    folders = FolderSync()
    for number in range(folder_sync._FOLDERS * 2):
        (tmp_path / str(number)).mkdir()
        folders.synchronise(str(tmp_path / str(number)), folders.ticket())
    assert len(folders._done) <= folder_sync._FOLDERS
