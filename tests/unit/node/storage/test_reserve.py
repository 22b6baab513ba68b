from pathlib import Path

from node.storage.reserve import RESERVE_BYTES, RESERVE_FILE, make_reserve, reserve_at_hand

PLENTY = 100 * RESERVE_BYTES


def test_reserve_when_made_then_takes_blocks_of_the_disk_and_is_the_services_alone(tmp_path: Path) -> None:
    make_reserve(tmp_path)
    found = (tmp_path / RESERVE_FILE).stat()
    assert found.st_blocks * 512 >= RESERVE_BYTES
    assert found.st_mode & 0o777 == 0o600


def test_reserve_when_little_is_free_then_is_not_made(tmp_path: Path) -> None:
    make_reserve(tmp_path, lambda _: 2 * RESERVE_BYTES - 1)
    assert not (tmp_path / RESERVE_FILE).exists()


def test_reserve_when_space_is_short_then_is_given_up_and_kept_back_again(tmp_path: Path) -> None:
    make_reserve(tmp_path)
    with reserve_at_hand(tmp_path, lambda _: 0):
        assert not (tmp_path / RESERVE_FILE).exists()
    assert (tmp_path / RESERVE_FILE).stat().st_size == RESERVE_BYTES


def test_reserve_when_space_is_there_then_stays(tmp_path: Path) -> None:
    make_reserve(tmp_path)
    with reserve_at_hand(tmp_path, lambda _: PLENTY):
        assert (tmp_path / RESERVE_FILE).exists()


def test_reserve_when_there_is_none_and_no_space_then_the_block_runs(tmp_path: Path) -> None:
    with reserve_at_hand(tmp_path / "gone", lambda _: 0):
        pass
    assert list(tmp_path.iterdir()) == []
