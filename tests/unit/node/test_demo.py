"""The programs around the demonstration, when one of them dies."""

import multiprocessing
import time
from pathlib import Path

from node.demo.processes import STOP_S, free_port, running_archive


def test_archive_when_killed_then_it_is_seen_and_the_block_still_ends(tmp_path: Path) -> None:
    with running_archive(tmp_path / "pacs", free_port()) as (port, is_alive):
        assert port > 0
        assert is_alive()
        (process,) = [child for child in multiprocessing.active_children() if child.name == "pacs"]
        process.kill()
        process.join(STOP_S)
        assert not is_alive()
        began_s = time.monotonic()
    assert time.monotonic() - began_s < STOP_S
