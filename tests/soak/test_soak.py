"""A short soak, so that `make test` sees a leak of one thread or handle an association."""

from pathlib import Path

import pytest

from tests.soak.reception import soak_associations, soak_instances

pytestmark = pytest.mark.slow


def test_memory_when_instances_come_then_stays(tmp_path: Path) -> None:
    found = soak_instances(tmp_path, 400)
    assert found.failed == 0, found.detail


def test_memory_when_connections_come_and_go_then_stays(tmp_path: Path) -> None:
    found = soak_associations(tmp_path, 300)
    assert found.failed == 0, found.detail
