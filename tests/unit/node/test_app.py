"""What a node does before it begins to serve."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import node.app
from config.settings import Settings
from node.app import Node
from node.storage.reserve import RESERVE_FILE


@pytest.fixture(autouse=True)
def _own_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_node_when_made_then_keeps_little_memory_before_any_thread_and_space_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(node.app, "keep_small", lambda: asked.append("keep_small"))
    Node(Settings.model_validate({"node": {"storage": str(tmp_path)}}))
    assert asked == ["keep_small"]
    assert (tmp_path / RESERVE_FILE).exists()
